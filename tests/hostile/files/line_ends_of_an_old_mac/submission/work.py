# One line for whoever splits at \n only, and then all of it is this comment.
print("read to its last line")
