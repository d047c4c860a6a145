"""Calling off: before the work began, while it runs, when it is over, and when what did it is gone."""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytest

from grader.ticket import CalledOff, Ticket


def used(ticket: Ticket, done: list[str]) -> AbstractContextManager[None]:
    """Use a ticket for work that says when it is started and stopped."""
    return ticket.used(lambda: done.append("start"), lambda: done.append("stop"))


def test_what_was_called_off_never_begins() -> None:
    """Neither started nor stopped: whoever calls off a moment too early is heard all the same."""
    ticket, done = Ticket(), list[str]()
    ticket.call_off()
    with pytest.raises(CalledOff, match=r"^$"), used(ticket, done):
        done.append("wait")
    assert done == []


def test_what_runs_is_stopped_and_its_result_unwanted() -> None:
    """The stop is sent once, while the work runs; the block ends in CalledOff even if it came to an end of its own."""
    ticket, done = Ticket(), list[str]()
    with pytest.raises(CalledOff, match=r"^$"), used(ticket, done):
        done += [ticket.call_off() or "ended"]
    assert done == ["start", "stop", "ended"]


def test_what_has_ended_is_not_stopped() -> None:
    """A stop that comes too late would be meant for whatever runs next."""
    ticket, done = Ticket(), list[str]()
    with used(ticket, done):
        assert not ticket.is_called_off
    ticket.call_off()
    assert (done, ticket.is_called_off) == (["start"], True)


def test_an_error_of_the_work_is_not_hidden_by_calling_off() -> None:
    """A course that proves to be broken is told, wanted or not."""
    ticket = Ticket()
    with pytest.raises(ZeroDivisionError, match="division"), used(ticket, []):
        (ticket.call_off() or 1) / 0


def test_calling_off_what_is_gone_is_no_mistake() -> None:
    """The other end may have been closed a moment before."""

    def gone() -> None:
        raise BrokenPipeError

    ticket = Ticket()
    with pytest.raises(CalledOff, match=r"^$"), ticket.used(lambda: None, gone):
        ticket.call_off()
