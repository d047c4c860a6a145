"""The commands that are not in cli.py: a module for each thing one does with a class."""
