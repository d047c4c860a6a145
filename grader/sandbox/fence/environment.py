"""The environment variables of a guest: a short list, whatever the process had before.

Invariant: a variable that is not named here does not reach student code through `os.environ`.
"""

from __future__ import annotations

import os
import sys
import tempfile

from grader.sandbox.fence.gpus import Gpu
from grader.sandbox.fence.namespaces import GUEST_NAME

_KEPT = frozenset({"ATEN_CPU_CAPABILITY", "LANG", "LC_ALL", "LC_CTYPE", "PYTHONHASHSEED", "TZ"})
# Without these Python finds neither its libraries nor a socket on Windows; nothing in them is a secret.
OF_WINDOWS = frozenset({
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "PATH", "PATHEXT", "COMSPEC", "NUMBER_OF_PROCESSORS",
    "PROCESSOR_ARCHITECTURE", "PROCESSOR_IDENTIFIER", "PYTHONUTF8",
})  # fmt: skip
_KEPT_SUFFIX = "_NUM_THREADS"
# Where libraries of a GPU guest keep what they compile. The scratch folder is small, so the driver's cache is too.
_GPU_CACHES = ("CUDA_CACHE_PATH", "TRITON_CACHE_DIR", "TORCH_EXTENSIONS_DIR", "TORCHINDUCTOR_CACHE_DIR")
_GPU_CACHE_BYTES = 16 << 20


def settle(home: str, gpu: Gpu | None = None) -> None:
    """Keep the harmless variables, make `home` the place for what libraries want to write, show one GPU or none."""
    kept = _KEPT | OF_WINDOWS if sys.platform == "win32" else _KEPT
    for name in list(os.environ):
        if name not in kept and not name.endswith(_KEPT_SUFFIX):
            del os.environ[name]
    if sys.platform == "win32":  # its names for HOME and TMPDIR
        os.environ.update(dict.fromkeys(("USERPROFILE", "TEMP", "TMP"), home))
    os.environ.update(
        HOME=home, TMPDIR=home, USER=GUEST_NAME, LOGNAME=GUEST_NAME, XDG_CACHE_HOME=home,
        MPLCONFIGDIR=home, MPLBACKEND="agg",
    )  # fmt: skip
    os.environ.update(_of_gpu(home, gpu))
    tempfile.tempdir = home  # it may already have remembered the machine's


def _of_gpu(home: str, gpu: Gpu | None) -> dict[str, str]:
    """Return what decides which GPU is seen. The nodes do that too, but not in tier `none`."""
    if gpu is None:
        return {"CUDA_VISIBLE_DEVICES": ""}
    caches = {name: os.path.join(home, name.lower()) for name in _GPU_CACHES}
    visible = {"CUDA_VISIBLE_DEVICES": gpu.uuid} if gpu.uuid and not _is_partitioned(gpu) else {}
    return {**caches, **visible, "CUDA_CACHE_MAXSIZE": str(_GPU_CACHE_BYTES), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def _is_partitioned(gpu: Gpu) -> bool:
    """Whether the GPU is cut into MIG instances: then its own UUID names nothing that can be computed on."""
    return any("/nvidia-caps/" in node for node in gpu.nodes)
