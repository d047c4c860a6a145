"""Would run in whoever reads the configuration beside it."""

import os

print("ATTACK SUCCEEDED: evil.py was imported")
os._exit(0)
