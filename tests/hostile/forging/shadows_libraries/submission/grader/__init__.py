EVIL = True
print("ATTACK SUCCEEDED: grader was imported")
