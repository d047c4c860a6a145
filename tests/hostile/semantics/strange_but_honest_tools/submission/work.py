"""Everything that a reviewer would ask about, none of which changes an answer: told to a person, never a zero."""

import base64
import ctypes
import gc
import importlib
import marshal
import sys

exec(base64.b64decode(b"ZGVmIGRvdWJsZSh4KToKICAgIHJldHVybiAyICogeAo="))
exec(marshal.loads(marshal.dumps(compile("def labels(scores):\n    return scores.argmax(1)\n", "<made>", "exec"))))
assert eval("double(2)") == 4
assert ctypes.c_int(7).value == 7
assert gc.get_objects()
assert sys._getframe().f_globals is globals()
assert object.__subclasses__()
assert sys.modules[__name__].double is double
assert (__builtins__["len"] if isinstance(__builtins__, dict) else __builtins__.len) is len
assert __import__("math").pi > 3
assert double.__globals__ is not None
assert importlib.import_module("math")
sys.modules["mine"] = sys.modules[__name__]
print("all of them work")
