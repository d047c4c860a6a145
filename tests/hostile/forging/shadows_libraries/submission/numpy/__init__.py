EVIL = True
print("ATTACK SUCCEEDED: numpy was imported")
