"""For authors: proof that an exercise is fair and sharp, before a student sees it."""
