print("ATTACK SUCCEEDED: run at the start of Python")
