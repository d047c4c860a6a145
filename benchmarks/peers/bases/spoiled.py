"""Added to right answers: makes each of them wrong."""


def _spoiled(function):
    """Make every number of an answer wrong: it stands one too high."""

    def wrong(*arguments):
        result = function(*arguments)
        return {name: value + 1 for name, value in result.items()} if isinstance(result, dict) else result + 1

    return wrong


for _name, _value in list(globals().items()):
    if callable(_value) and getattr(_value, "__module__", None) == __name__ and not _name.startswith("_"):
        globals()[_name] = _spoiled(_value)
