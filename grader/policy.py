"""What an exercise does not allow and how much it tells: `[policy]` and `[feedback]` of exercise.toml, as plain data.

Owns the words only. The guest enforces a policy, the static scan explains it, the judge applies the feedback level.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from grader import language, messages
from grader.results import CheckResult, Outcome

_Text = Annotated[str, msgspec.Meta(min_length=1)]
FeedbackLevel = Literal["outcome", "hint", "full"]

# What differentiates by itself. `torch.func.grad` works even under inference mode.
_DIFFERENTIATES = (
    "torch.Tensor.backward", "torch.autograd.backward", "torch.autograd.grad", "torch.autograd.functional",
    "torch.autograd.forward_ad", "torch.func.grad", "torch.func.grad_and_value", "torch.func.vjp", "torch.func.jvp",
    "torch.func.jacrev", "torch.func.jacfwd", "torch.func.hessian", "torch.func.linearize",
)  # fmt: skip


class Forbid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names that student code may not use, and the sentence a student reads who does.

    A name such as `torch.nn` covers everything below it, `torch.Tensor.softmax` the method on every tensor. With
    `within`, the names are forbidden only while code of one of these classes or functions of the student's runs.
    """

    names: Annotated[tuple[_Text, ...], msgspec.Meta(min_length=1)]
    sentence: _Text
    within: tuple[_Text, ...] = ()
    sentence_zh_CN: str = ""


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[policy]` table. With autograd "off", calls into student code run under `torch.inference_mode()`."""

    autograd: Literal["on", "off"] = "on"
    forbid: tuple[Forbid, ...] = ()

    @property
    def rules(self) -> tuple[Forbid, ...]:
        """What is forbidden: the exercise's own rules first, then what follows from autograd being off."""
        if self.autograd == "on":
            return self.forbid
        return (*self.forbid, Forbid(_DIFFERENTIATES, messages.AUTOGRAD_OFF))

    def translated(self) -> Policy:
        """Return the same policy with its own sentences in the language in use, for a guest, which knows no other."""
        said = [msgspec.structs.replace(rule, sentence=language.twin(rule, "sentence")) for rule in self.forbid]
        return Policy(self.autograd, tuple(said))


NO_POLICY = Policy()


class Feedback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[feedback]` table: how much a result says about a hidden check. Public checks always show everything."""

    hidden: FeedbackLevel = "hint"


DEFAULT_FEEDBACK = Feedback()


def withheld(result: CheckResult, feedback: Feedback) -> CheckResult:
    """Return what may be known of a check at this level: at "outcome" nothing of why a hidden one ended as it did.

    Title, outcome and points stay. So does the sentence of an `error`: it is about us, not about the check.
    """
    if feedback.hidden != "outcome" or result.visibility == "public" or result.outcome is Outcome.ERROR:
        return result
    return msgspec.structs.replace(
        result, message="", comparison=None, diagnosis=None, frames=[], figures=[], stdout=""
    )
