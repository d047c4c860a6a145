"""On the student's side: graphs of tensors, to be walked by `leaves`. Public there, like probe.py."""


def tangle(tensors, program):
    """Build a graph: each line makes one more tensor of two that are there; the last one made is returned."""
    made = list(tensors)
    for operation, i, j in program:
        a, b = made[i], made[j]
        made.append(a * b if operation == "mul" else a.detach() + b if operation == "cut" else a + b)
    return made[-1]


def places_of(found, tensors):
    """Return the places of what was found among the tensors, -1 for anything else."""
    if not isinstance(found, (list, tuple)):
        return found
    places = {id(tensor): place for place, tensor in enumerate(tensors)}
    return [places.get(id(each), -1) for each in found]


def leaves_found(find, tensors, program):
    """Let a function find the leaves of a graph; return their places."""
    return places_of(find(tangle(tensors, program)), tensors)


def ladder(x, rungs):
    """x + x, as often as there are rungs: two ways at each of them."""
    for _ in range(rungs):
        x = x + x
    return x


def leaves_of_ladder(find, tensor, rungs):
    """Let a function find the leaves of a ladder; return their places."""
    return places_of(find(ladder(tensor, rungs)), [tensor])
