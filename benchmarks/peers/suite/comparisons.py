"""How the other graders' suites compare: a kind, a shape and a dtype by `assert`, the values by numpy.testing.

The bound is the one that ours has for float64: no value further off than 1e-9 of the largest expected one.
"""

import numpy as np
import torch


def close(actual, expected, rtol=1e-9, label="result"):
    """Compare a tensor with the expected one."""
    assert isinstance(actual, torch.Tensor), f"{label}: expected a tensor, got {type(actual).__name__}"
    assert actual.shape == expected.shape, f"{label}: expected shape {tuple(expected.shape)}, got {tuple(actual.shape)}"
    assert actual.dtype == expected.dtype, f"{label}: expected {expected.dtype}, got {actual.dtype}"
    bound = rtol * float(expected.abs().max())
    np.testing.assert_allclose(actual.detach().numpy(), expected.numpy(), rtol=0, atol=bound + 1e-300, err_msg=label)


def stages(actual, expected, rtol=1e-9):
    """Compare a dict of tensors, in order."""
    for label, value in expected.items():
        assert label in actual, f"{label} is missing"
        close(actual[label], value, rtol, label)
