"""Sends every answer with its own descriptors, a pipe, files and the line itself, as many as the kernel lets it."""

import array
import os
import socket
import struct
import sys

process = sys.modules["grader.sandbox.guest.process"]
passed = [0]


def several():
    reading, writing = os.pipe()
    return [reading, writing, os.open("/dev/zero", os.O_RDONLY), os.open("file", os.O_CREAT | os.O_RDWR)]


held = several()


def send(line, encoded):
    body = b"".join(bytes(part) for part in encoded.buffers)
    rights = array.array("i", [*held, line.fileno(), 0, 1, 2] * 30)
    who = struct.pack("3i", os.getpid(), os.getuid(), os.getgid())
    messages = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights), (socket.SOL_SOCKET, 2, who)]
    frame = struct.pack("<Q", len(body)) + body
    try:
        line.sendmsg([frame], messages)
        passed[0] += len(rights)
    except PermissionError:
        line.sendall(frame)


def double(x):
    print("descriptors passed:", passed[0])
    return 2 * x


process._send = send
