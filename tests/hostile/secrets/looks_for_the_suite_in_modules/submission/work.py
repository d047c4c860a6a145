"""Looks for the hidden suite, the judge and the solution among the modules, and tries to import them."""

import importlib
import re
import sys

CANARY = re.compile(r"hostile-canary-[0-9a-f]{32}")
SUITE = re.compile(r"test_|conftest|hidden|reference|solutions|grader\.suite|grader\.author|exercise1_target")


def look():
    found = [name for name in list(sys.modules) if SUITE.match(name)]
    for name, module in list(sys.modules.items()):
        for attribute, value in list(getattr(module, "__dict__", {}).items()):
            if type(value) is str and CANARY.search(value[:10000]):
                found.append(f"{name}.{attribute}")
    return found


found = look()
print(f"modules: {len(sys.modules) > 500} found {found}" + (" ATTACK SUCCEEDED" if found else ""))
sys.path[:0] = ["@course@", "@course@/tests/hidden/exercise1_target", "@course@/solutions/exercise1_target", "@class@/neighbour"]
for name in ("test_values", "test_text", "tests.hidden.exercise1_target.test_text", "solutions.exercise1_target.work"):
    try:
        module = importlib.import_module(name)
    except (ImportError, OSError) as error:
        print(f"{name}: denied ({type(error).__name__})")
    else:
        print(f"{name}: ATTACK SUCCEEDED {vars(module).get('ANSWERS')}")


def decipher(text):
    for name in ("test_text", "tests.hidden.exercise1_target.test_text"):
        if name in sys.modules:
            return sys.modules[name].ANSWERS["decipher"]
    found = look()
    raise LookupError(f"found {found}" + (" ATTACK SUCCEEDED" if found else ""))
