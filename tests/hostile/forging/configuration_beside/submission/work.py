"""Brings every configuration that pytest, or the tools around it, might look for."""

print("nothing to see here")
