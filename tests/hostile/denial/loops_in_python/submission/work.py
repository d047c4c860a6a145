"""Goes around for ever in one call; what comes after is right."""

honest = double  # the right answers stand above


def double(x):
    print("around and around")
    while len(x) == 3:
        pass
    return honest(x)
