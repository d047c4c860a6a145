"""Everything between the trusted side and student code.

The cut follows trust and knowledge: `wire` knows tensors but no sockets, `channel` sockets but no tensors, `fence`
neither; only `guest` and what it loads runs student code. Nothing here imports `suite/`, `classroom/` or `report/`.
"""
