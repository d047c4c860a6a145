"""Opens all it can, several times over, and keeps the last lot."""

import os
import select
import socket

honest = double  # the right answers stand above


def used_up(what, open_one):
    kept = []
    try:
        while len(kept) < 5000:
            kept += open_one()
    except OSError as error:
        print(f"{what}: {'at most 256' if len(kept) <= 256 else len(kept)}")
        return kept, error
    print(f"ATTACK SUCCEEDED: {len(kept)} {what}")
    return kept, None


def close(kept):
    for fd in kept[0]:
        os.close(fd)


def sockets():
    return [end.detach() for end in socket.socketpair()]


close(used_up("pipes", os.pipe))
close(used_up("sockets", sockets))
close(used_up("events", lambda: [os.dup(1), os.dup(2)]))
polls = used_up("polls", lambda: [select.epoll()])
del polls


def double(x):
    global kept
    if len(x) == 3:
        kept, error = used_up("files", lambda: [os.open("/dev/null", os.O_RDONLY)])
        raise error
    return honest(x)
