"""Naming the mistake: what reached a comparison, matched by value with what known wrong answers bring there.

`evidence` is the plain data, `misconception` reads the header of a wrong answer, `lookup` decides, `atlas` runs the
wrong answers once and keeps what they brought. Invariant: a wrong name is worse than none; of two names none is given.
Never imports torch: tensors are sketched where they are, in `suite/sketch.py`.
"""
