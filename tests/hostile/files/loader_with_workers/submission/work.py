import torch
from torch.utils.data import DataLoader, TensorDataset


def rows(x, workers):
    return [row for (row,) in DataLoader(TensorDataset(x), batch_size=None, num_workers=workers)]


def double(x):
    return torch.stack([2 * row for row in rows(x, workers=2)])


def labels(scores):
    alone = torch.stack([row.argmax() for row in rows(scores, workers=0)])
    for persistent, context in ((False, "fork"), (True, "spawn"), (False, "forkserver")):
        loader = DataLoader(
            TensorDataset(scores), num_workers=1, persistent_workers=persistent, multiprocessing_context=context
        )
        try:
            next(iter(loader))
        except PermissionError:
            continue
        raise AssertionError(f"{alone} ATTACK SUCCEEDED: a process was started by {context}")
    return next(iter(DataLoader(TensorDataset(scores), num_workers=1)))
