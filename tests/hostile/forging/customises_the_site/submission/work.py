"""Brings files that Python runs when it starts, and tries to write them where it would find them."""

import os
import site
import sys

TEXT = 'print("ATTACK SUCCEEDED: run at the start of Python")\n'
folders = [*site.getsitepackages(), site.getusersitepackages(), os.path.dirname(os.__file__), sys.prefix, *sys.path]
for folder in dict.fromkeys(folders):
    for name in ("sitecustomize.py", "usercustomize.py", "evil.pth"):
        path = os.path.join(folder or ".", name)
        try:
            os.makedirs(folder or ".", exist_ok=True)
            with open(path, "w") as file:
                file.write(TEXT if name.endswith(".py") else "import os; " + TEXT)
        except OSError as error:
            print(f"{name}: denied ({type(error).__name__})")
        else:
            inside = os.path.realpath(path).startswith(os.path.realpath(os.environ["HOME"]))
            print(f"{name}: written {'into its own folder' if inside else 'ATTACK SUCCEEDED ' + path}")
