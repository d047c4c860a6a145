"""comes with a conftest.py and a sitecustomize.py that make every report one of success

Corpus: forging/conftest_beside, forging/customises_the_site
Base: wrong
Beside: conftest.py, sitecustomize.py
"""
