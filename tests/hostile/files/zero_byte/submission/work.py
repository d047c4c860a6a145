# What C reads ends here.
