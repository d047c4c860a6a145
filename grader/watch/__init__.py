"""`grader check --watch`: stays open and judges anew whenever the student saves.

`machine` decides (pure: events in, actions out), `news` and `screen` say (pure), `bench` judges in threads of its own,
`files` sees what was saved, `keys` reads single keys, `session` puts them together and is the only one that acts.
"""
