"""Wants the next one to import what it wrote: beside packages, in their caches, in Python, in the grader, in the course."""

import importlib.util
import os
import site
import sys
import sysconfig
from pathlib import Path

import numpy
import torch

ours = sys.modules["grader.sandbox.guest.process"].__file__


def attempt(what, tries):
    denied = 0
    for action in tries:
        try:
            print(f"ATTACK SUCCEEDED: {what}: {action()!r}")
        except OSError:
            denied += 1
    print(f"{what}: {'all' if denied == len(tries) else denied} denied")


def written(folder, name="hostile_left.pth"):
    """Return what could be written into a folder, and take it away again: the attempt is enough."""
    path = Path(folder, name)
    path.write_text("import hostile")
    path.unlink()
    return str(path)


def made(folder):
    path = Path(folder, "hostile-1.0.dist-info")
    path.mkdir()
    path.rmdir()
    return str(path)


def linked(folder):
    path = Path(folder, "hostile_link.py")
    path.symlink_to("/etc/passwd")
    path.unlink()
    return str(path)


def opened(path):
    with open(path, "r+b"):
        return str(path)


def touched(path):
    found = os.stat(path)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))  # as they were: the attempt is enough
    return str(path)


def opened_to_all(path):
    os.chmod(path, os.stat(path).st_mode)
    return str(path)


def linked_to(path):
    os.link(path, "hostile_hard_link")
    return str(path)


folders = {*sys.path, *sysconfig.get_paths().values(), *site.getsitepackages(), *torch.__path__, *numpy.__path__}
folders = sorted({folder for folder in folders if os.path.isdir(folder)} | {sys.prefix, sys.base_prefix, str(Path(ours).parent)})
files = [torch.__file__, numpy.__file__, os.__file__, sys.executable, ours, torch._C.__file__]
caches = [importlib.util.cache_from_source(path) for path in files if path.endswith(".py")]
attempt("files in folders of packages", [lambda f=f, a=a: a(f) for f in folders for a in (written, made, linked)])
attempt("caches beside sources", [lambda p=p, a=a: a(p) for p in caches for a in (opened, touched)])
attempt("new caches", [lambda p=p: written(Path(p).parent, "hostile.pyc") for p in caches])
attempt("changes of installed files", [lambda p=p, a=a: a(p) for p in files for a in (opened, touched, opened_to_all, linked_to)])
attempt("the course", [lambda f=f: written(f) for f in ("@course@", "@class@", "@class@/neighbour")])
