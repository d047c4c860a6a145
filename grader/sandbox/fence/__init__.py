"""The isolation around a guest, in named tiers. `recipe` says what it is made of and in which order it is raised.

`prepare` belongs into the zygote, `isolate` into the keeper, `confine` into the guest; the probes and `sweep` into the
trusted side. Knows neither sockets nor tensors, neither exercises nor suites; imports neither torch nor numpy.
"""

from grader.sandbox.fence.cage import Cage, sweep
from grader.sandbox.fence.failure import Layer
from grader.sandbox.fence.gpus import Gpu, Lack
from grader.sandbox.fence.gpus import find as find_gpus
from grader.sandbox.fence.gpus import lack as gpu_lack
from grader.sandbox.fence.probing import Primitive, probe, rehearse, require_hidden, require_tier, strongest_tier
from grader.sandbox.fence.recipe import Prepared, confine, isolate, prepare, settle_loosely
from grader.sandbox.fence.spec import FenceSpec, Tier

__all__ = [
    "Cage",
    "FenceSpec",
    "Gpu",
    "Lack",
    "Layer",
    "Prepared",
    "Primitive",
    "Tier",
    "confine",
    "find_gpus",
    "gpu_lack",
    "isolate",
    "prepare",
    "probe",
    "rehearse",
    "require_hidden",
    "require_tier",
    "settle_loosely",
    "strongest_tier",
    "sweep",
]
