print("what reviewers see")
