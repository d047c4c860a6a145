"""The hidden suite of exercise 2."""
