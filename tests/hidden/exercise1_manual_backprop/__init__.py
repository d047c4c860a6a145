"""The hidden suite of exercise 1."""
