"""On the student's side: expressions of single numbers, for the class `Value`. Public there, like probe.py."""


def expression(inputs, program):
    """Make one more number per line, of one or two that are there; return all of them."""
    made = list(inputs)
    for operation, i, j in program:
        if operation == "tanh":
            made.append(made[i].tanh())
        else:
            made.append(made[i] * made[j] if operation == "mul" else made[i] + made[j])
    return made


def differentiated(value, numbers, program, times=1):
    """Evaluate an expression of the class `value` and go back from its last number; return that and the gradients."""
    inputs = [value(number) for number in numbers]
    root = expression(inputs, program)[-1]
    for _ in range(times):
        root.backward()
    return {"result": root.data, **{f"gradient of x{k}": x.grad for k, x in enumerate(inputs, start=1)}}


def two_roots(value, numbers):
    """Go back from two results that have a number in common, u = x1 x2: from tanh(u), then from u x2."""
    x1, x2 = (value(number) for number in numbers)
    u = x1 * x2
    first, second = u.tanh(), u * x2
    first.backward()
    second.backward()
    return {"gradient of x1": x1.grad, "gradient of x2": x2.grad}


def with_plain_numbers(value, number):
    """Go back from an expression in which plain numbers stand, on both sides of sums, differences and products."""
    x = value(number)
    root = 1 + 2 * x * x - x * 3 + (4 - x * x * x) - 7 - (-x)
    root.backward()
    return {"result": root.data, "gradient of x1": x.grad}


def places_of(found, made):
    """Return the places of what was found among the numbers, -1 for anything else."""
    if not isinstance(found, (list, tuple)):
        return found
    places = {id(number): place for place, number in enumerate(made)}
    return [places.get(id(each), -1) for each in found]


def ordered(order, value, numbers, program):
    """Return the places of what a function puts in order, -1 for what is not of the expression."""
    made = expression([value(number) for number in numbers], program)
    return places_of(order(made[-1]), made)


def long_chain(value, number, steps):
    """x + x + x + …, as deep as it is long."""
    x = value(number)
    root = x
    for _ in range(steps):
        root = root + x
    root.backward()
    return {"result": root.data, "gradient of x1": x.grad}


def high_ladder(value, number, rungs):
    """x + x, and that to itself, and so on: two ways at each rung."""
    x = value(number)
    root = x
    for _ in range(rungs):
        root = root + root
    root.backward()
    return {"result": root.data, "gradient of x1": x.grad}
