"""Its source is wrong; the compiled file beside it, which claims never to need a look at the source, is right."""

print("the source")
