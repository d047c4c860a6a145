"""The fenced side: the only code of ours that runs in one process with student code.

Holds no secret and is believed in nothing: whatever it says may have been said by the student. `process` owns the
life of the guest, `operations` what a host can ask for, `objects` what stays here, `graphs` this half of autograd,
`student` the student's files and exceptions. Invariant: the fence stands before the first student byte is read.
"""

from grader.sandbox.guest.process import prepare_streams, redirect_streams, run

__all__ = ["prepare_streams", "redirect_streams", "run"]
