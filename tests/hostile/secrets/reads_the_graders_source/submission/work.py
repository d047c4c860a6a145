"""Reads the source of what runs beside it, by inspect, by linecache and by the loaders of the modules."""

import inspect
import linecache
import re
import sys

CANARY = re.compile(r"hostile-canary-[0-9a-f]{32}")


def source_of(module):
    yield lambda: inspect.getsource(module)
    yield lambda: "".join(linecache.getlines(module.__file__))
    yield lambda: module.__loader__.get_source(module.__name__)
    yield lambda: repr([code.co_consts for code in codes(module)])


def codes(module):
    for value in vars(module).values():
        if inspect.isfunction(value):
            yield value.__code__
        elif inspect.isclass(value):
            yield from (method.__code__ for method in vars(value).values() if inspect.isfunction(method))


ours = [module for name, module in list(sys.modules.items()) if name.split(".")[0] == "grader" and module]
read, found = 0, []
for module in ours:
    for attempt in source_of(module):
        try:
            text = attempt()
        except (OSError, TypeError, AttributeError, ImportError):
            continue
        read += len(text)
        found += CANARY.findall(text)
print(f"modules: {len(ours) > 20}, characters: {read > 0}, names of interest:", [m.__name__ for m in ours if "suite" in m.__name__])
print(f"linecache: {[name for name in linecache.cache if 'test_' in name]} found {found}" + (" ATTACK SUCCEEDED" if found else ""))
