"""CUDA in a guest: the first CUDA call, what makes its numbers comparable, the cap on its memory.

A guest that is asked for it calls `install`, behind its fence and before anything of the student's is read; no process
that guests are forked from ever does, because a fork of a process that has called CUDA cannot use it. Owns how torch
computes there. Must not know which GPU it is: the guest sees one. Student code could undo all of this in its own guest;
then it is its own numbers that no longer agree, or its own memory that ends.

Source: PyTorch, notes on reproducibility, on numerical accuracy and on CUDA semantics; cuBLAS documentation, results
reproducibility and NVIDIA_TF32_OVERRIDE.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator

import torch
from torch import nn

from grader import messages

NAME = "cuda"
# Read by NVIDIA's libraries when they start. The workspace makes cuBLAS repeat itself. TF32 keeps 10 bits of the
# mantissa of float32; without it products agree with the CPU's, whatever student code switches on.
VARIABLES = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "NVIDIA_TF32_OVERRIDE": "0"}
_NO_DETERMINISTIC_WAY = ".*does not have a deterministic implementation.*"
_installed: list[int] = []


class CudaUnusable(RuntimeError):
    """CUDA is there, and what it computes is not right."""


def install(memory_bytes: int) -> None:
    """Start CUDA here, for numbers that can be compared, with at most so much memory of the GPU; again does nothing.

    Raises:
        RuntimeError, AssertionError: torch cannot use a GPU here; the text says why.
        CudaUnusable: it computes something wrong.
    """
    if _installed:
        return
    os.environ.update(VARIABLES)
    compute_alike()
    cap_memory(memory_bytes, torch.cuda.get_device_properties(0).total_memory)
    warm_up(torch.device(NAME, 0))
    torch.cuda.synchronize()
    _installed.append(memory_bytes)


def compute_alike() -> None:
    """Let torch choose the way that is exact and repeatable over the one that is fast."""
    # By the older names: they keep the newer `fp32_precision` in step, and torch refuses to read a mixture of both.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    # Warn only: a right answer with an operator that has no deterministic way must not raise here and pass elsewhere.
    # What it computes differs in the last digits, which the tolerances allow for. The warning would puzzle a student.
    torch.use_deterministic_algorithms(True, warn_only=True)
    warnings.filterwarnings("ignore", message=_NO_DETERMINISTIC_WAY)


def cap_memory(memory_bytes: int, total_bytes: int) -> None:
    """Let torch's allocator refuse what goes beyond `memory_bytes`, with the error of a GPU that is full."""
    torch.cuda.set_per_process_memory_fraction(min(1.0, memory_bytes / total_bytes), 0)


def warm_up(device: torch.device) -> None:
    """Do once what loads cuBLAS and cuDNN and starts autograd's thread, so that no check pays for it.

    Raises:
        CudaUnusable: the numbers are wrong.
    """
    x = torch.arange(6.0).reshape(2, 3).to(device).requires_grad_()
    product = x @ x.T
    kernel = torch.ones(1, 1, 2, device=device)
    (slope,) = torch.autograd.grad(product.sum() + nn.functional.conv1d(x.unsqueeze(1), kernel).sum(), [x])
    found = (product.tolist(), slope.tolist())
    if found != ([[5.0, 14.0], [14.0, 50.0]], [[7.0, 12.0, 15.0], [7.0, 12.0, 15.0]]):
        raise CudaUnusable(messages.CUDA_COMPUTES_WRONG.format(found=found))


@contextlib.contextmanager
def settled() -> Iterator[None]:
    """Wait at a block's end until the GPU is done: its time and its errors belong to the call that asked for it."""
    yield
    torch.cuda.synchronize()


def require_intact() -> None:
    """Make sure that nothing has broken CUDA in this guest, where it is used at all.

    Raises:
        RuntimeError: an earlier error, such as an index out of range in a kernel, ended CUDA for this process.
    """
    if _installed:
        torch.cuda.synchronize()


def seed(value: int) -> None:
    """Seed the GPU's generator, if there is one."""
    if _installed:
        torch.cuda.manual_seed(value)
