EVIL = True
print("ATTACK SUCCEEDED: random.py was imported")


def seed(*arguments):
    return None
