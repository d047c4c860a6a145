"""The same homework judged by us and by the graders that people use: speed, cheating, feedback. See __main__.py."""
