"""Opens every kind of socket there is, and tries to reach servers of this machine from the ends of a pair."""

import errno
import socket

KINDS = {socket.SOCK_STREAM: "stream", socket.SOCK_DGRAM: "datagram", socket.SOCK_RAW: "raw", 5: "packet"}
SERVERS = ["/dev/log", "/run/systemd/notify", "/run/docker.sock", "/run/dbus/system_bus_socket", "\0/tmp/.X11-unix/X0"]


def attempt(attack):
    try:
        got = attack()
    except OSError as error:
        return errno.errorcode[error.errno]
    print("ATTACK SUCCEEDED:", got)
    return "done"


def pair(kind):
    """Return one end of a pair whose other end is gone: whether it can be used for anything else."""
    one, other = socket.socketpair(socket.AF_UNIX, kind)
    other.close()
    return one


families = [family for family in range(1, 46)]
made = {attempt(lambda: socket.socket(family, kind)) for family in families for kind in KINDS}
print("sockets of 45 families:", *sorted(made))
made = {attempt(lambda: socket.socketpair(family, kind)) for family in families if family != 1 for kind in KINDS}
print("pairs of 44 families:", *sorted(made))
for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK):
    print("pair of datagrams:", attempt(lambda: socket.socketpair(socket.AF_UNIX, kind)))
for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
    for server in SERVERS:
        print(KINDS[kind], "to a server:", attempt(lambda: pair(kind).connect(server)))
    print(KINDS[kind], "that listens:", attempt(lambda: pair(kind).listen()))
