EVIL = True
print("ATTACK SUCCEEDED: torch.py was imported")


def allclose(*arguments):
    return True
