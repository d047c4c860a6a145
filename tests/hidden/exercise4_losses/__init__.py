"""Hidden suite of exercise 4."""
