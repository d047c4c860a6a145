print "ATTACK SUCCEEDED: it was run"
