"""Many submissions: what was handed in, judged in parallel with nothing lost, kept, and given back."""
