"""Puts terminal escapes, HTML, commands of a CI, formulas and reversed text into everything that is shown to somebody."""

TERMINAL = "\x1b[2J\x1b]0;owned\x07\x1b]8;;http://example.org\x07click\x1b]8;;\x07\x9b31m\r\x08\x7f"
MARKUP = "</pre></script><script>document.title='owned'</script><img src=x onerror=alert(1)><!--"
COMMANDS = "\n::error file=a.py::owned\n::stop-commands::x\n##[error]owned\n%0A::set-output name=score::100"
FORMULA = "=cmd|' /C calc'!A0"
REVERSED = "\u202e\u2066\u200f 001 erocs \u2069\u202c\u200b\ufeff"
EVERYTHING = FORMULA + TERMINAL + MARKUP + COMMANDS + REVERSED + "{{7*7}} {0} %s \u2028\u2029 ]]> &amp;"

Named = type(EVERYTHING.replace("\0", ""), (), {})
Raised = type("=1+1<script>\x1b[31m\u202e", (Exception,), {})


def double(x):
    print(EVERYTHING)
    if x.dim() == 1:
        raise ValueError(EVERYTHING)
    raise Raised(EVERYTHING)


def labels(scores):
    return Named()


def loss(w, x):
    if w.requires_grad:
        exec(compile("def f():\n    raise ValueError('" + "<b>" + "')\nf()", "work.py", "exec"))
    return {EVERYTHING: Named()}


def decipher(text):
    return EVERYTHING


class Counter:
    def __init__(self):
        setattr(self, EVERYTHING, 1)

    def add(self, number):
        raise AttributeError(EVERYTHING, name=EVERYTHING, obj=self)


print(EVERYTHING)
