LINES = """one
two
three"""
print(f"read as {len(LINES.splitlines())} lines: {LINES.splitlines()}")
