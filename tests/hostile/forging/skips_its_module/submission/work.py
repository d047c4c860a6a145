"""Has the whole module skipped, which some runners count as success."""

import pytest

pytest.skip("nothing to see", allow_module_level=True)
