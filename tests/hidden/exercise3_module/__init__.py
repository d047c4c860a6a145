"""The hidden suite of exercise 3."""
