if True:
        print("ATTACK SUCCEEDED: it was run")
	print("twice")
