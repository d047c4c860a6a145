"""What authors read when they begin an exercise."""

# --- a new exercise (read by authors) ------------------------------------------------------------------------------

CLI_NEW_HELP = "Begin an exercise of your own. What is written is small, complete, passes `grader verify` and says in comments how to make it yours. EXERCISE is a name, such as attention, which gets the next number, or exercise6_attention."
CLI_OPTION_NEW_COURSE = "Begin a course of this name as well, in the folder where you stand."
NEW_NO_NAME = "{asked!r} cannot be the name of an exercise: it is the name of folders and of a Python file, in small letters, digits and underscores, 60 at most. Try: grader new {example}"
NEW_NAME_TAKEN = "An exercise called {name} has the file {name}.py, and Python or the grader uses that name for something else. Take another one, such as {other}."
NEW_NUMBER_TAKEN = "{other} has that number already. Try: grader new {free}"
NEW_NAME_NEAR = "{other} is there already, with nearly that name. If {name} is to be another exercise, give its number too: grader new {slug}"
NEW_IS_THERE = "{folder} is there already (in {root}), and nothing is replaced. Take another name, or move it away."
NEW_CANNOT_WRITE = "{place}: {problem}. Nothing was written."
NEW_NEEDS_COURSE = "No course.toml in {folder} or in a folder above it. To begin a course here: grader new {asked} --course 'Name of the course'"
NEW_IN_COURSE = (
    "This folder is part of the course {name!r} ({root}). Leave --course out, or begin the new course outside of it."
)
NEW_COURSE_NAME = "--course: a name with at least one letter, on one line."
NEW_WRITTEN = "{slug} is begun: a small exercise, complete and green, to be made yours."
NEW_FILE = "  {file}"
NEW_NEXT = """
Next:
  grader verify {short}     is it fair and sharp? run it after every change
  grader check {short}      what a student sees of it at first
  grader check {short} --submission {wrong} --as-student"""
