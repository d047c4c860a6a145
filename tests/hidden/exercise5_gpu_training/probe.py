"""What the checks of exercise 5 do where the loops run: on the student's side, and on ours for the reference.

Student code can read it: there is no expected value here. Owns generators, a faked CUDA, networks in known states and a
training that can be interrupted. Must not know the suite, and must not choke on what a student returns.
"""

import tempfile
import zipfile
from pathlib import Path
from unittest.mock import patch

import torch
from torch import Tensor, nn

# --- draws ----------------------------------------------------------------------------------------------------------


def generator(seed):
    """Return a generator with this seed."""
    return torch.Generator().manual_seed(seed)


def reseed(seed):
    """Seed torch's own generator."""
    torch.default_generator.manual_seed(seed)


def random_state():
    """Return where torch's own generator stands."""
    return torch.get_rng_state()


def epochs(loader, count):
    """Return the batches of so many epochs: for each, lists [x, t]."""
    return [[[x, t] for x, t in loader] for _ in range(count)]


# --- devices --------------------------------------------------------------------------------------------------------


def device(name):
    """Return a device, which does not cross."""
    return torch.device(name)


def where(found):
    """Return what kind of thing names a device, and which: ["device", "cpu"]."""
    return [type(found).__name__, found.type if isinstance(found, torch.device) else str(found)]


def with_cuda(there, fn):
    """Call a function while torch says that a CUDA device is there, or that none is; return where that is."""
    accelerator = torch.device("cuda") if there else None
    fakes = [
        patch.object(torch.cuda, "is_available", lambda: there),
        patch.object(torch.cuda, "device_count", lambda: int(there)),
        patch.object(torch.accelerator, "is_available", lambda: there),
        patch.object(torch.accelerator, "device_count", lambda: int(there)),
        patch.object(torch.accelerator, "current_accelerator", lambda check_available=False: accelerator),
    ]
    for fake in fakes:
        fake.start()
    try:
        return where(fn())
    finally:
        for fake in fakes:
            fake.stop()


class Kept:
    """Call something and keep what it returns here, as it is."""

    def __init__(self, fn, *arguments):
        self.value = fn(*arguments)


def shared(before, after):
    """Return the kinds of containers that are in both, as the same object."""
    known = {id(one) for one in _containers(before)}
    return sorted(type(one).__name__ for one in _containers(after) if id(one) in known)


def _containers(value):
    if isinstance(value, dict | list | tuple):
        yield value
        for part in value.values() if isinstance(value, dict) else value:
            yield from _containers(part)


def nested(x, t):
    """Return a batch in all kinds of containers."""
    return {"pictures": [x, (t, "row 7")], "weights": {"all": x, "count": 3}, "none": None}


def attempted(fn, *arguments):
    """Call a function, whatever comes of it: what counts is what it has moved until then."""
    try:
        fn(*arguments)
    except NotImplementedError:
        raise  # not written yet: nothing to count
    except Exception:
        return


# --- networks -------------------------------------------------------------------------------------------------------


def fill(model, value):
    """Change all parameters and buffers in place, as training does."""
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.fill_(value)


def leave_gradients(model, x, t):
    """Run a backward pass of another batch and leave its gradients."""
    nn.functional.cross_entropy(model(x), t).backward()


def gradients_kept(model):
    """Return whether every parameter has a gradient."""
    return all(parameter.grad is not None for parameter in model.parameters())


def grad_enabled():
    """Return whether gradients are recorded now; from here on they are."""
    enabled = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    return enabled


def in_two_groups(parameters):
    """Make an optimiser of two groups, each with a learning rate of its own."""
    first, *others = parameters
    return torch.optim.SGD([{"params": [first], "lr": 0.05}, {"params": others, "lr": 0.2}])


def cross_entropy(scores, labels):
    """A loss that is a function and no module."""
    return nn.functional.cross_entropy(scores, labels)


def batches(x, t, size):
    """Return batches (x, t) in a list, which is no DataLoader and has no `dataset`."""
    return list(zip(x.split(size), t.split(size), strict=True))


def without_targets(x, size):
    """Return batches whose targets cannot be looked at."""
    return [(part, None) for part in x.split(size)]


class Scores:
    """Notes in which dtype a model's scores are."""

    def __init__(self, model):
        self.dtypes = []
        model.register_forward_hook(lambda module, inputs, scores: self.dtypes.append(str(scores.dtype)))


def dtype(name):
    """Return a dtype, which does not cross."""
    return getattr(torch, name)


def scaler(device, scale, growth_interval=2000):
    """Return what scales a loss up."""
    return torch.amp.GradScaler(device, init_scale=scale, growth_interval=growth_interval)


# --- a training that can be interrupted -------------------------------------------------------------------------------


class Folder:
    """A folder of its own, gone with the check."""

    def __init__(self):
        self._made = tempfile.TemporaryDirectory()

    def path(self, name):
        """Return the path of a file in it."""
        return str(Path(self._made.name) / name)

    def names(self):
        """Return what lies in it."""
        return sorted(path.name for path in Path(self._made.name).iterdir())


class Training:
    """A network, SGD and a scheduler that multiplies the learning rate every second epoch."""

    def __init__(self, x, t, seed, device="cpu", momentum=0.0, gamma=1.0, dropout=0.0, shuffle=False):
        torch.manual_seed(seed)
        layers = nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Dropout(dropout), nn.Linear(6, 3)
        self.model = nn.Sequential(*layers).double().to(device)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.2, momentum=momentum)
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, 2, gamma=gamma)
        self._data, self._shuffle = (x.to(device), t.to(device)), shuffle

    def epochs(self, count):
        """Train for so many epochs; return learning rate and weights after each."""
        seen = []
        for _ in range(count):
            x, t = self._data
            rows = (torch.randperm(len(x)) if self._shuffle else torch.arange(len(x))).split(6)
            for batch in rows:
                self.optimizer.zero_grad()
                nn.functional.cross_entropy(self.model(x[batch]), t[batch]).backward()
                self.optimizer.step()
            seen.append({"lr": self.optimizer.param_groups[0]["lr"], "weights": self.weights()})
            self.scheduler.step()
        return seen

    def weights(self):
        """Return parameters and buffers by name, on the CPU."""
        return {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}

    def devices(self):
        """Return where parameters and momentum are."""
        state = [value for one in self.optimizer.state.values() for value in one.values() if isinstance(value, Tensor)]
        return sorted({tensor.device.type for tensor in (*self.model.parameters(), *state)})


def readable(path):
    """Return what torch says against reading a file without running code from it; nothing if it reads it."""
    try:
        torch.load(path, weights_only=True)
    except Exception as error:  # whatever it is, it is what a student should read
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return ""


def as_if_from_cuda(path):
    """Let a file say that its tensors were on a CUDA device, as one that was saved there does."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as old:
        parts = [(info.filename, old.read(info)) for info in old.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as new:
        for name, data in parts:
            # In pickle's words: a text of 3 bytes, a text of 6 bytes.
            new.writestr(name, data.replace(b"X\3\0\0\0cpu", b"X\6\0\0\0cuda:0") if name.endswith(".pkl") else data)
