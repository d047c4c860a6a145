"""Brings a distribution that registers a pytest plugin, and looks whether this process takes it up."""

import importlib.metadata
import sys

names = sorted(point.name for point in importlib.metadata.entry_points(group="pytest11"))
print("plugins:", "evil" in names, "path:", any("mallory" in folder for folder in sys.path))
if "evil" in names:
    print("ATTACK SUCCEEDED: the plugin would be loaded")
