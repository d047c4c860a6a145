EVIL = True
print("ATTACK SUCCEEDED: pytest.py was imported")
