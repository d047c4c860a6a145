"""Hidden suite of exercise 5."""
