"""Remote values: every rule of DESIGN section 4.1, each seen from a suite's side."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.errors import CourseError, GuestLost, ProxyMisuse, ReplyTooLarge, StudentRaised
from grader.results import Outcome
from grader.sandbox.autograd import device_of
from grader.sandbox.host import GuestSpec, Session, Source
from grader.sandbox.remote import Remote
from tests.grader.conftest import OpenSession, begin

STUDENT = """
    import collections
    import random
    import numpy as np
    import torch
    from torch import nn

    RATE = 0.25
    Pair = collections.namedtuple("Pair", "left right")

    class Net(nn.Module):
        def __init__(self, width=2):
            super().__init__()
            self.linear = nn.Linear(3, width)
            self.dropout = nn.Dropout(0.5)
            self.register_buffer("count", torch.zeros(2))

        def forward(self, x):
            return self.dropout(self.linear(x))

    class Box:
        def __init__(self, content):
            self.content = content

    def echo(value):
        return value

    def add_one_in_place(w):
        w += 1
        return w

    def apply(net, x):
        return net(x)

    def first_weight(nets):
        return nets[0]["net"].linear.weight

    def draws():
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    def kind_of(value):
        return type(value).__name__

    def several():
        return {
            "pair": Pair(1, 2), "size": torch.ones(2, 3).shape, "scalar": np.float32(0.5),
            "ordered": collections.OrderedDict(a=1), "parameter": nn.Parameter(torch.ones(2)),
        }

    def a_set():
        return {1, 2}

    def boxed():
        return [Box(1), Box(2)]

    def boom():
        raise KeyError("missing weight")

    def interrupt():
        raise KeyboardInterrupt

    def leave():
        raise SystemExit(0)

    class Unprintable(Exception):
        def __str__(self):
            raise ValueError("no text for you")

    def unprintable():
        raise Unprintable

    def many_tensors():
        return [torch.zeros(())] * 10_001

    def forge(operation, value):
        from grader.sandbox.guest import operations
        setattr(operations.Operations, operation, lambda *_: operations.Answer(eval(value)))

    def soft_max(x):
        return x

    def huge():
        return torch.zeros(1).expand(10**12)

    def deep():
        value = []
        for _ in range(100):
            value = [value]
        return value

    def die():
        import os
        os._exit(7)
"""


@pytest.fixture
def session(open_session: OpenSession) -> Session:
    """A guest with the student code above, in a check."""
    return open_session(STUDENT)


def test_plain_values_cross_unchanged(session: Session) -> None:
    """None, bool, int, float, text, bytes, lists, tuples and dicts come back as they were sent."""
    value = {"a": [None, True, -3, 2.5, "text", b"bytes", (1, (2,))], "b": {}}
    assert session.submission.echo(value) == value


def test_tensors_and_arrays_cross_with_dtype_and_shape(session: Session) -> None:
    """A tensor and an array come back as copies with the same values, shape and dtype."""
    tensor, array = torch.arange(6, dtype=torch.int32).reshape(2, 3), np.arange(4.0).reshape(2, 2)
    tensor_back, array_back = session.submission.echo([tensor, array])
    assert torch.equal(tensor_back, tensor)
    assert tensor_back.dtype is torch.int32
    assert np.array_equal(array_back, array)


def test_common_relatives_of_plain_values_are_coerced(session: Session) -> None:
    """Namedtuples, Size, numpy scalars, OrderedDict and Parameter arrive as tuple, number, dict and tensor."""
    several = session.submission.several()
    assert (several["pair"], several["size"], several["scalar"]) == ((1, 2), (2, 3), 0.5)
    assert several["ordered"] == {"a": 1}
    assert isinstance(several["parameter"], torch.Tensor)
    assert several["parameter"].requires_grad


def test_anything_else_arrives_as_a_handle_that_knows_its_type(session: Session) -> None:
    """A set stays on the student's side; what arrives names its type."""
    handle = session.submission.a_set()
    assert isinstance(handle, Remote)
    assert handle.type_name == "set"


def test_arguments_are_copies(session: Session) -> None:
    """Changing an argument in place does not reach the suite's tensor."""
    x = torch.zeros(3)
    session.submission.add_one_in_place(x)
    assert torch.equal(x, torch.zeros(3))


def test_a_guest_resident_tensor_shows_in_place_change(session: Session) -> None:
    """A tensor built in the guest is the very object the student gets: change and identity can be read."""
    w = session.guest.tensor(torch.zeros(3))
    returned = session.request("call", session.submission, "add_one_in_place", (w,)).value
    assert torch.equal(session.guest.read(w), torch.ones(3))
    assert torch.equal(returned, torch.ones(3))
    assert w.get("_version") == 1


def test_leaf_status_and_grad_of_a_guest_resident_tensor_can_be_read(session: Session) -> None:
    """`is_leaf` and `grad` are attributes of the guest's own tensor, and `.backward()` on the host fills its grad."""
    w = session.guest.tensor(torch.ones(3), requires_grad=True)
    assert w.get("is_leaf") is True
    assert w.get("grad") is None
    (session.submission.echo(w) * 2).sum().backward()
    assert torch.equal(w.get("grad"), torch.full((3,), 2.0))


def test_identity_in_the_guest_can_be_asked(session: Session) -> None:
    """`guest.same` is true for one object under two handles and false for two equal ones."""
    net = session.submission.Net()
    box, other = session.submission.Box(net), session.submission.Box(net)
    assert session.guest.same(box.content, other.content)
    assert not session.guest.same(box, other)


def test_a_tensor_can_be_placed_on_a_device_and_says_where_it_was(session: Session) -> None:
    """`guest.place` builds on a device; what is read is a CPU copy whose device of origin `device_of` tells."""
    placed = session.guest.place(torch.ones(2), "cpu")
    assert device_of(session.guest.read(placed)) == "cpu"


def test_handles_are_passed_as_arguments_also_inside_containers(session: Session) -> None:
    """The student receives the very objects, bare, in a list and in a dict."""
    net = session.submission.Net().eval()
    x = torch.ones(4, 3)
    assert torch.equal(session.submission.apply(net, x), net(x))
    assert torch.equal(session.submission.first_weight([{"net": net}]), net.parameters()["linear.weight"])


def test_handles_inside_a_returned_container_can_be_used(session: Session) -> None:
    """A list of objects arrives as a list of handles."""
    first, second = session.submission.boxed()
    assert (first.get("content"), second.get("content")) == (1, 2)


def test_a_dotted_name_is_looked_up_only_when_it_is_used(session: Session) -> None:
    """Naming something that does not exist raises nothing until it is called or read."""
    reference = session.submission.Missing.apply
    with pytest.raises(StudentRaised, match=r"student\.py has no `Missing`"):
        reference(1)


def test_a_missing_name_suggests_the_near_one(session: Session) -> None:
    """A misspelt function is named with its neighbour."""
    with pytest.raises(StudentRaised, match="Did you mean `soft_max`"):
        session.submission.softmax(torch.ones(2))


def test_a_constant_is_read_with_get(session: Session) -> None:
    """Module attributes are values when read."""
    assert session.submission.get("RATE") == 0.25


def test_modules_offer_parameters_gradients_buffers_and_state(session: Session) -> None:
    """The usual views of a module come as dicts of tensors by name."""
    net = session.submission.Net(width=4)
    assert {name: tuple(value.shape) for name, value in net.parameters().items()} == {
        "linear.weight": (4, 3),
        "linear.bias": (4,),
    }
    assert set(net.buffers()) == {"count"}
    assert set(net.state_dict()) == {"linear.weight", "linear.bias", "count"}
    assert set(net.gradients()) == {"linear.weight", "linear.bias"}


def test_train_and_eval_switch_behaviour(session: Session) -> None:
    """Dropout drops in training and not in evaluation."""
    net, x = session.submission.Net(width=50), torch.ones(20, 3)
    assert (net.train()(x) == 0).any()
    assert not (net.eval()(x) == 0).any()


def test_methods_with_the_name_of_a_proxys_own_are_reached_by_call(session: Session) -> None:
    """`call` reaches any method, dotted too."""
    net = session.submission.Net().eval()
    x = torch.ones(1, 3)
    assert torch.equal(net.call("linear.forward", x), net.call("forward", x))


def test_stock_objects_are_built_in_the_guest(session: Session) -> None:
    """`guest.build` makes an object of the library for the student to work with."""
    data = session.guest.build("torch.utils.data.TensorDataset", torch.arange(4.0))
    loader = session.guest.build("torch.utils.data.DataLoader", data, batch_size=2)
    assert session.submission.kind_of(loader) == "DataLoader"


def test_a_probe_module_runs_in_the_guest(session: Session, tmp_path: Path) -> None:
    """`guest.load` ships an author's module; its functions may call the student's."""
    probe = tmp_path / "probe.py"
    probe.write_text("def twice(f, x):\n    return f(f(x))\n")
    net = session.guest.load(probe)
    assert session.submission.echo(net.twice(session.submission.echo, 3)) == 3


def test_a_check_sees_the_same_draws_alone_and_in_the_suite(session: Session) -> None:
    """`begin_check` seeds python, numpy and torch, so what came before does not matter."""
    begin(session, seed=5)
    alone = session.submission.draws()
    begin(session, seed=6)
    other = session.submission.draws()
    begin(session, seed=5)
    assert session.submission.draws() == alone
    assert other != alone


def test_output_is_kept_per_check(session: Session, open_session: OpenSession) -> None:
    """What the student prints in a check is read in that check and not in the next."""
    talking = open_session("def talk():\n    print('one line')\n")
    talking.submission.talk()
    talking.end_check()
    assert talking.stdout == "one line\n"
    begin(talking)
    assert talking.stdout == ""


@pytest.mark.parametrize(
    "misuse",
    [
        lambda remote: remote == 1, lambda remote: remote != 1, bool, len, list, lambda remote: 1 in remote,
        lambda remote: remote[0], float, lambda remote: remote < 1, lambda remote: remote + 1, np.asarray,
    ],
    ids=["==", "!=", "bool", "len", "iter", "in", "[]", "float", "<", "+", "asarray"],
)  # fmt: skip
def test_a_proxy_never_answers_for_its_object(session: Session, misuse: object) -> None:
    """A bare `assert handle` would be silently true, so every such use raises and says what to do."""
    with pytest.raises(ProxyMisuse, match="Read it first"):
        misuse(session.submission.a_set())  # type: ignore[operator]


def test_a_handle_of_an_earlier_check_is_refused(session: Session) -> None:
    """Handles live until their check ends."""
    net = session.submission.Net()
    session.end_check()
    begin(session)
    with pytest.raises(ProxyMisuse, match="belongs to an earlier check"):
        net(torch.ones(1, 3))


def test_a_handle_whose_guest_died_raises_the_loss_and_is_refused_in_the_next_check(session: Session) -> None:
    """In the check of the loss it is GuestLost again, also inside a container; later the handle is stale."""
    net = session.submission.Net()
    with pytest.raises(GuestLost, match="exit status 7"):
        session.submission.die()
    with pytest.raises(GuestLost, match="exit status 7"):
        session.submission.echo([net])
    begin(session)
    with pytest.raises(ProxyMisuse, match="belongs to an earlier check"):
        session.submission.echo([net])
    assert session.submission.echo(1) == 1


def test_what_cannot_be_sent_is_the_authors_mistake(session: Session) -> None:
    """A suite that sends a set is told which types cross."""
    with pytest.raises(CourseError, match="a value of type set cannot be sent"):
        session.submission.echo({1, 2})


def test_a_students_exception_arrives_with_type_text_and_own_frames(session: Session) -> None:
    """Type name, classes, text and the student's frames with their source lines, and nothing of ours."""
    with pytest.raises(StudentRaised, match="missing weight") as raised:
        session.submission.boom()
    error = raised.value
    assert error.type_name == "KeyError"
    assert error.mro[:3] == ("KeyError", "LookupError", "Exception")
    assert [(frame.file, frame.function, frame.code) for frame in error.frames] == [
        ("student.py", "boom", 'raise KeyError("missing weight")')
    ]
    assert error.outcome is Outcome.RAISED


@pytest.mark.parametrize(
    ("function", "type_name"),
    [("interrupt", "KeyboardInterrupt"), ("leave", "SystemExit"), ("unprintable", "Unprintable")],
)
def test_exceptions_meant_to_end_things_are_exceptions_like_any_other(
    session: Session, function: str, type_name: str
) -> None:
    """KeyboardInterrupt, SystemExit and an exception whose text raises end one call, not the guest."""
    with pytest.raises(StudentRaised, match=type_name) as raised:
        session.submission.call(function)
    assert raised.value.type_name == type_name
    assert session.submission.echo(1) == 1


@pytest.mark.parametrize(("function", "detail"), [("huge", r"4,000,000,000,0\d\d bytes"), ("deep", "levels deep")])
def test_a_reply_that_is_too_large_is_refused_before_it_is_built(session: Session, function: str, detail: str) -> None:
    """Size and depth are checked in the guest; the guest lives on and the sentence says how large."""
    with pytest.raises(ReplyTooLarge, match=detail):
        session.submission.call(function)
    assert session.submission.echo(1) == 1


def test_the_other_files_of_a_submission_are_modules(session: Session) -> None:
    """`submission` is the first file; `module` gives the others, and they import each other by name."""
    sources = (Source("model.py", "import train\nWIDTH = train.WIDTH\n"), Source("train.py", "WIDTH = 7\n"))
    spec = GuestSpec(session.spec.tier, session.spec.limits, sources)
    with Session(session._zygote, spec) as several:
        several.open(seed=1)
        begin(several)
        assert several.submission.get("WIDTH") == 7
        assert several.submission.module("train").get("WIDTH") == 7
        with pytest.raises(CourseError, match="the exercise's files are model, train"):
            several.submission.module("test")


def test_a_value_of_the_students_used_wrongly_says_that_it_is_theirs(session: Session) -> None:
    """Comparing an attribute of a returned set is no fault of the course: the refusal names what was returned."""
    with pytest.raises(ProxyMisuse, match="Read it first") as raised:
        assert session.submission.a_set().shape == (2, 3)
    assert raised.value.received == "set"
    with pytest.raises(ProxyMisuse, match="Read it first") as raised:
        assert session.submission.a_set == 1
    assert raised.value.received is None


def test_what_came_back_can_be_sent_again_however_deep(session: Session) -> None:
    """An answer of the greatest depth still fits among the arguments of another call."""
    value: object = 1
    for _ in range(31):
        value = [value]
    assert session.submission.echo(session.submission.echo(value)) == value


def test_more_objects_than_a_frame_may_hold_are_refused(session: Session) -> None:
    """Each tensor and handle costs the host more than a plain item, so their number has a cap of its own."""
    with pytest.raises(ReplyTooLarge, match="more than 10,000 tensors, arrays and objects"):
        session.submission.many_tensors()


def test_no_call_is_made_after_the_deadline(session: Session) -> None:
    """A guest that answers at once gains no time by it."""
    session.begin_check(1, time.monotonic())
    with pytest.raises(GuestLost, match="did not finish") as lost:
        session.submission.echo(1)
    assert lost.value.outcome is Outcome.TIMEOUT


def test_a_fresh_guest_has_the_other_files_too(session: Session) -> None:
    """A module that a suite kept goes on working after the guest was lost."""
    sources = (Source("model.py", "import os\ndef die(): os._exit(7)\n"), Source("train.py", "WIDTH = 7\n"))
    with Session(session._zygote, GuestSpec(session.spec.tier, session.spec.limits, sources)) as several:
        several.open(seed=1)
        begin(several)
        train = several.submission.module("train")
        with pytest.raises(GuestLost, match="exit status 7"):
            several.submission.die()
        begin(several)
        assert train.get("WIDTH") == 7


def test_an_import_that_fails_only_in_a_fresh_guest_raises_in_every_call(session: Session) -> None:
    """A half loaded guest is never asked anything, so no sentence blames the student for ending Python."""
    flaky = "import os, time\nif time.time() > float('inf'): pass\ndef die(): os._exit(7)\n"
    with Session(session._zygote, GuestSpec(session.spec.tier, session.spec.limits, (Source("m.py", flaky),))) as other:
        other.open(seed=1)
        begin(other)
        with pytest.raises(GuestLost, match="exit status 7"):
            other.submission.die()
        other.spec = dataclasses.replace(other.spec, sources=(Source("m.py", "raise ValueError('second time')\n"),))
        begin(other)
        for _ in range(2):
            with pytest.raises(StudentRaised, match="second time"):
                other.submission.die()


@pytest.mark.parametrize(
    ("operation", "forged", "ask"),
    [
        ("resolve", "7", lambda session: session.submission.echo(session.submission.Net.forward)),
        ("same", "'x'", lambda session: session.guest.same(session.submission, session.submission)),
        ("gradients", "3", lambda session: session.submission.gradients()),
        ("buffers", "{'a': 3}", lambda session: session.submission.buffers()),
        ("parameters", "{}", lambda session: session.submission.parameters()),
        ("tensor", "3", lambda session: session.guest.tensor(torch.ones(2))),
        ("read", "3", lambda session: session.guest.read(session.submission)),
    ],
)
def test_an_answer_of_a_wrong_type_is_protocol(session: Session, operation: str, forged: str, ask: object) -> None:
    """What our guest code cannot have answered ends the guest, and is never an error of ours."""
    session.submission.forge(operation, forged)
    with pytest.raises(GuestLost, match="not readable") as lost:
        ask(session)  # type: ignore[operator]
    assert lost.value.outcome is Outcome.PROTOCOL
