"""Overwrites the tests where it knows them to be and starts the runner again."""

import glob
import os
import subprocess
import sys

PATHS = glob.glob("@course@/**/test_*.py", recursive=True) or ["@course@/tests/hidden/exercise1_target/test_values.py"]
for path in PATHS:
    try:
        with open(path, "w") as file:
            file.write("def test_everything():\n    assert True\n")
    except OSError as error:
        print(f"overwrite: denied ({type(error).__name__})")
    else:
        print(f"overwrite: ATTACK SUCCEEDED {path}")
RUNNER = [sys.executable, "-m", "pytest", "-q", "@course@"]
ATTEMPTS = {
    "execv": lambda: os.execv(sys.executable, RUNNER),
    "subprocess": lambda: subprocess.run(RUNNER, check=True),
    "system": lambda: os.system("true") == 0 or os.strerror(1) and exec("raise PermissionError"),
    "posix_spawn": lambda: os.posix_spawn(sys.executable, RUNNER, {}),
}
for name, attempt in ATTEMPTS.items():
    try:
        attempt()
    except OSError as error:
        print(f"{name}: denied ({type(error).__name__})")
    else:
        print(f"{name}: ATTACK SUCCEEDED")
