"""The environment variables of a guest: a short list, whatever the process had before.

Invariant: a variable that is not named here does not reach student code through `os.environ`.
"""

from __future__ import annotations

import os
import tempfile

from grader.sandbox.fence.namespaces import GUEST_NAME

_KEPT = frozenset({"ATEN_CPU_CAPABILITY", "LANG", "LC_ALL", "LC_CTYPE", "PYTHONHASHSEED", "TZ"})
_KEPT_SUFFIX = "_NUM_THREADS"


def settle(home: str) -> None:
    """Keep the harmless variables, and make `home` the place for everything a library wants to write."""
    for name in list(os.environ):
        if name not in _KEPT and not name.endswith(_KEPT_SUFFIX):
            del os.environ[name]
    os.environ.update(
        HOME=home, TMPDIR=home, USER=GUEST_NAME, LOGNAME=GUEST_NAME, MPLCONFIGDIR=home, XDG_CACHE_HOME=home
    )
    tempfile.tempdir = home  # it may already have remembered the machine's
