"""The channel: whatever a guest sends or withholds, it does no more than raise, and that by the deadline."""

from __future__ import annotations

import os
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from grader.errors import ProtocolViolation
from grader.sandbox.channel import (
    HEADER,
    Capture,
    Channel,
    ChannelClosed,
    ChannelFlooded,
    ChannelTimeout,
    frame_pieces,
    rest_after,
)

REPLY_BYTES = 1 << 24
OUTPUT_BYTES = 1 << 20
LONG_S, SHORT_S = 30.0, 0.15
MIB = 1 << 20


class Ends:
    """A channel, and what a guest and its keeper hold."""

    def __init__(self) -> None:
        rpc, self.rpc = socket.socketpair()
        lifeline, self.lifeline = socket.socketpair()
        output_fd, self.output_fd = os.pipe()
        self.host_fds = {rpc.fileno(), lifeline.fileno(), output_fd}
        self.channel = Channel(rpc, output_fd, lifeline, OUTPUT_BYTES)
        self._threads: list[threading.Thread] = []

    def play(self, body: Callable[[], None]) -> None:
        """Run the guest's part beside the test; it ends at the latest when the host hangs up."""

        def quietly() -> None:
            try:
                body()
            except OSError:
                return  # the host has hung up, which is how most of these parts end

        self._threads.append(threading.Thread(target=quietly, daemon=True))
        self._threads[-1].start()

    def close_output(self) -> None:
        """Close the guest's end of the pipe."""
        if self.output_fd >= 0:
            os.close(self.output_fd)
            self.output_fd = -1

    def close(self) -> None:
        """Hang up on both sides; the keeper goes first, so that nobody waits for it."""
        self.lifeline.close()
        self.channel.close()
        self.close_output()
        for thread in self._threads:
            thread.join(LONG_S)
            assert not thread.is_alive()
        self.rpc.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Both sides of one channel."""
    made = Ends()
    yield made
    made.close()


def deadline(wait_s: float = LONG_S) -> float:
    """Return a deadline from now."""
    return time.monotonic() + wait_s


def framed(data: bytes) -> bytes:
    """Return a whole frame."""
    return HEADER.pack(len(data)) + data


def read_frame(rpc: socket.socket) -> bytes:
    """Read a frame as a guest does."""
    with rpc.makefile("rb", buffering=0) as stream:
        (length,) = HEADER.unpack(_exactly(stream.read, HEADER.size))
        return _exactly(stream.read, length)


def _exactly(read: Callable[[int], bytes | None], count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        piece = read(count - len(data))
        if not piece:
            raise ConnectionError("the end")
        data += piece
    return bytes(data)


# --- frames -----------------------------------------------------------------------------------------------------


def test_a_large_frame_of_many_buffers_crosses_intact(ends: Ends) -> None:
    """8 MiB in 1,500 buffers there and back, more pieces than one sendmsg may take."""
    buffers = [bytes([index % 251]) * (8 * MIB // 1500) for index in range(1500)]
    ends.play(lambda: ends.rpc.sendall(framed(read_frame(ends.rpc))))
    assert ends.channel.request(buffers, deadline(), REPLY_BYTES) == b"".join(buffers)


@pytest.mark.parametrize("size", [0, 1, (1 << 15) - 8, (1 << 15) - 7, 1 << 15, 200_000])
def test_frames_around_the_size_of_the_scratch_buffer_cross_intact(ends: Ends, size: int) -> None:
    """Nothing is lost or doubled where the first read ends; a second question works."""
    data = os.urandom(size)
    ends.play(lambda: [ends.rpc.sendall(framed(read_frame(ends.rpc))) for _ in range(2)] and None)
    for _ in range(2):
        assert ends.channel.request([data], deadline(), REPLY_BYTES) == data


def test_an_answer_that_comes_byte_by_byte_is_put_together(ends: Ends) -> None:
    """Slow is no fault as long as the deadline holds."""
    ends.play(lambda: [ends.rpc.send(bytes([byte])) for byte in framed(b"slowly")] and None)
    assert ends.channel.receive(deadline(), REPLY_BYTES) == b"slowly"


def test_pieces_and_their_rest_cover_the_frame_exactly() -> None:
    """Whatever a write took, the rest is what is left."""
    pieces = frame_pieces([b"ab", b"", bytearray(b"cde"), memoryview(b"f")])
    whole = b"".join(pieces)
    assert whole == framed(b"abcdef")
    for sent in range(len(whole) + 1):
        assert b"".join(rest_after(pieces, sent)) == whole[sent:]


# --- a guest that does not play along ---------------------------------------------------------------------------


def test_one_deadline_covers_a_whole_frame(ends: Ends) -> None:
    """A guest that keeps sending, but one byte at a time, gains no time by it."""

    def drip() -> None:
        ends.rpc.sendall(HEADER.pack(REPLY_BYTES))
        while True:
            ends.rpc.send(b"x")

    ends.play(drip)
    with pytest.raises(ChannelTimeout, match="the deadline passed"):
        ends.channel.receive(deadline(SHORT_S), REPLY_BYTES)


def test_silence_ends_at_the_deadline(ends: Ends) -> None:
    """No answer at all."""
    with pytest.raises(ChannelTimeout, match="the deadline passed"):
        ends.channel.request([b"question"], deadline(SHORT_S), REPLY_BYTES)


@pytest.mark.parametrize("length", [1 << 63, (1 << 64) - 1, REPLY_BYTES + 1])
def test_a_length_above_the_limit_is_refused_before_it_is_allocated(ends: Ends, length: int) -> None:
    """The header alone decides."""
    ends.rpc.sendall(HEADER.pack(length))
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolViolation, match=r"an answer of [0-9,]+ bytes, the limit is 16,777,216"):
            ends.channel.receive(deadline(), REPLY_BYTES)
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("sent", [b"", b"\1\0\0", HEADER.pack(10), framed(b"0123456789")[:-1]])
def test_an_end_before_the_frame_is_whole_is_a_closed_channel(ends: Ends, sent: bytes) -> None:
    """Before the header, in it, after it, in the last byte."""
    ends.rpc.sendall(sent)
    ends.rpc.shutdown(socket.SHUT_WR)
    with pytest.raises(ChannelClosed, match="the end of the answers"):
        ends.channel.receive(deadline(), REPLY_BYTES)


def test_a_question_to_a_closed_channel_is_a_closed_channel(ends: Ends) -> None:
    """Writing to a guest that is gone raises the same error as reading from it."""
    ends.rpc.close()
    with pytest.raises(ChannelClosed, match=r"[Bb]roken pipe"):
        ends.channel.request([b"question"], deadline(), REPLY_BYTES)


def test_a_guest_that_dies_while_it_is_written_to_is_a_closed_channel(ends: Ends) -> None:
    """Half of a large frame was taken."""

    def read_a_little_and_die() -> None:
        ends.rpc.recv(1000)
        ends.rpc.shutdown(socket.SHUT_RDWR)

    ends.play(read_a_little_and_die)
    with pytest.raises(ChannelClosed, match=r"[Bb]roken pipe|reset"):
        ends.channel.send([bytes(64 * MIB)], deadline())


@pytest.mark.parametrize("extra", [b"x", framed(b"second"), b"x" * 100_000], ids=["a byte", "a frame", "a flood"])
def test_two_answers_at_once_are_a_violation(ends: Ends, extra: bytes) -> None:
    """An answer given before its question was asked is no answer."""
    ends.play(lambda: ends.rpc.sendall(framed(b"first") + extra))
    with pytest.raises(ProtocolViolation, match="more than one answer to one question"):
        # Everything is there before the host reads: a socket pair delivers one write as one piece.
        ends.channel.receive(deadline(), REPLY_BYTES)


def test_a_guest_that_never_reads_ends_at_the_deadline(ends: Ends) -> None:
    """64 MiB do not fit into any socket buffer."""
    with pytest.raises(ChannelTimeout, match="the deadline passed"):
        ends.channel.send([bytes(64 * MIB)], deadline(SHORT_S))


def test_a_guest_that_talks_instead_of_listening_does_not_keep_us_busy(ends: Ends) -> None:
    """While a write is blocked, what arrives does not wake us: we sleep through nearly all of the wait."""
    ends.rpc.sendall(framed(b"early") + bytes(10_000))
    polls = Counting(ends.channel._poll)
    ends.channel._poll = polls  # type: ignore[assignment]
    with pytest.raises(ChannelTimeout, match="the deadline passed"):
        ends.channel.send([bytes(64 * MIB)], deadline(SHORT_S))
    assert polls.count < 20


class Counting:
    """A poll object that counts how often it was asked."""

    def __init__(self, poll: object) -> None:
        self.poll_object, self.count = poll, 0

    def poll(self, timeout_ms: float) -> object:
        """Count and pass on."""
        self.count += 1
        return self.poll_object.poll(timeout_ms)  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self.poll_object, name)


# --- output -----------------------------------------------------------------------------------------------------


def test_output_is_taken_while_we_wait_for_an_answer(ends: Ends) -> None:
    """A guest that prints more than a pipe holds before it answers is not stuck."""

    def print_then_answer() -> None:
        os.write(ends.output_fd, b"x" * 300_000)
        ends.rpc.sendall(framed(b"answer"))

    ends.play(print_then_answer)
    assert ends.channel.receive(deadline(), REPLY_BYTES) == b"answer"
    ends.channel.drain()
    assert ends.channel.capture.total_bytes == 300_000


def test_a_flood_of_output_ends_the_conversation(ends: Ends) -> None:
    """Endless printing is stopped at `output_bytes`, long before the deadline."""

    def flood() -> None:
        while True:
            os.write(ends.output_fd, b"x" * 65536)

    ends.play(flood)
    with pytest.raises(ChannelFlooded, match="more than 1,048,576 bytes were printed"):
        ends.channel.receive(deadline(), REPLY_BYTES)
    assert ends.channel.capture.total_bytes <= OUTPUT_BYTES + 65536


def test_a_flood_that_was_left_in_the_pipe_is_found_by_drain(ends: Ends) -> None:
    """The limit holds for what is read after the answer too."""
    ends.channel.capture.add(b"x" * OUTPUT_BYTES)
    os.write(ends.output_fd, b"y")
    with pytest.raises(ChannelFlooded, match="were printed"):
        ends.channel.drain()


def test_closed_streams_do_not_end_the_conversation(ends: Ends) -> None:
    """A student may close stdout; answers still come, and waiting does not spin."""
    ends.close_output()
    ends.play(lambda: ends.rpc.sendall(framed(read_frame(ends.rpc))))
    assert ends.channel.request([b"question"], deadline(), REPLY_BYTES) == b"question"
    polls = ends.channel._poll = Counting(ends.channel._poll)  # type: ignore[assignment]
    with pytest.raises(ChannelTimeout, match="the deadline passed"):
        ends.channel.receive(deadline(SHORT_S), REPLY_BYTES)
    assert polls.count < 20


def test_what_was_printed_before_a_new_capture_is_not_in_it(ends: Ends) -> None:
    """Each check begins with an empty capture."""
    os.write(ends.output_fd, b"first")
    ends.channel.drain()
    ends.channel.new_capture()
    os.write(ends.output_fd, b"second")
    ends.channel.drain()
    assert ends.channel.capture.text() == "second"


@pytest.mark.parametrize("piece", [1, 3, 7, 1000])
def test_the_head_and_the_tail_of_output_are_kept(piece: int) -> None:
    """The middle is replaced by one line that says how much is missing, however the output was cut into pieces."""
    printed = bytes(33 + index % 90 for index in range(1000))
    capture = Capture(keep_bytes=100)
    for start in range(0, len(printed), piece):
        capture.add(printed[start : start + piece])
    expected = printed[:100] + "\n[… 800 bytes left out …]\n".encode() + printed[-100:]
    assert capture.text() == expected.decode()
    assert capture.total_bytes == 1000


@pytest.mark.parametrize("count", [0, 99, 100, 101, 200])
def test_output_that_fits_is_kept_whole(count: int) -> None:
    """Up to twice `keep_bytes` nothing is left out."""
    capture = Capture(keep_bytes=100)
    capture.add(b"a" * count)
    assert capture.text() == "a" * count


def test_a_character_between_head_and_tail_stays_whole() -> None:
    """Text of several bytes per character is decoded after both parts were put together."""
    capture = Capture(keep_bytes=100)
    capture.add(("é" * 70).encode() + b"!")
    capture.add(b"x")
    odd = Capture(keep_bytes=101)
    odd.add(("é" * 70).encode())
    assert capture.text() == "é" * 70 + "!x"
    assert odd.text() == "é" * 70


def test_output_that_is_not_utf8_is_made_safe() -> None:
    """Replacement characters, and never a lone surrogate."""
    capture = Capture()
    capture.add(b"a\xff\xed\xa0\x80b")
    assert capture.text().encode("utf-8").decode("utf-8").startswith("a\ufffd")


# --- status and closing -----------------------------------------------------------------------------------------


def test_the_status_of_the_keeper_is_read(ends: Ends) -> None:
    """A JSON object."""
    ends.lifeline.sendall(b'{"status": 3, "oom_kills": 0}')
    assert ends.channel.status() == {"status": 3, "oom_kills": 0}


@pytest.mark.parametrize(
    "garbage", [b"not json", b"[1]", b"null", b'{"status":', b"\xff\xfe", b"[" * 4096, b"1" * 4096],
    ids=["text", "list", "null", "half", "not utf-8", "nesting", "digits"],
)  # fmt: skip
def test_a_garbled_status_is_no_status(ends: Ends, garbage: bytes) -> None:
    """Whatever stands there, the answer is a dict."""
    ends.lifeline.sendall(garbage)
    ends.lifeline.shutdown(socket.SHUT_WR)
    assert ends.channel.status() == {}


def test_a_keeper_that_ends_without_a_word_is_gone(ends: Ends) -> None:
    """It always says how its guest ended, so it was killed."""
    ends.lifeline.shutdown(socket.SHUT_WR)
    assert ends.channel.status() == {"keeper_gone": True}


def test_a_silent_keeper_gives_no_status(ends: Ends) -> None:
    """The wait is bounded."""
    assert ends.channel.status() == {}


def open_fds() -> set[int]:
    """Return the numbers of this process's descriptors."""
    return {int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")}


def test_closing_gives_up_every_descriptor() -> None:
    """Twice is as good as once, and a descriptor that got a number of ours meanwhile is left alone."""
    before = open_fds()
    ends = Ends()
    assert len(open_fds() - before) == 6
    ends.lifeline.close()
    ends.channel.close()
    reused = os.open(os.devnull, os.O_RDONLY)
    ends.channel.close()
    os.fstat(reused)
    os.close(reused)
    ends.close()
    assert open_fds() == before


def test_closing_tells_the_keeper_and_waits_for_its_end(ends: Ends) -> None:
    """The keeper sees the end of the lifeline first and closes it when nothing of the guest is left."""
    seen: list[bytes] = []

    def keeper() -> None:
        seen.append(ends.lifeline.recv(10))
        ends.lifeline.sendall(b'{"status": -9}')
        seen.append(b"reaped")
        ends.lifeline.close()

    ends.play(keeper)
    ends.channel.close()
    assert seen == [b"", b"reaped"]


def test_closing_works_after_the_keeper_has_gone(ends: Ends) -> None:
    """Nothing is left to wait for."""
    ends.lifeline.close()
    ends.channel.close()
    ends.channel.close()
    assert ends.host_fds.isdisjoint(open_fds() - {ends.rpc.fileno(), ends.output_fd})
