"""What the release of a course says: to instructors who make one, to students who got one."""

# --- help texts and problems of a release -------------------------------------------------------------------------

CLI_OPTION_RELEASE_EXERCISE = "Release only this exercise; can be given several times. Without it: all of them."
CLI_OPTION_FROM_SOLUTIONS = (
    "Make the stubs in exercises/ anew of what the references mark; with DIR before anything else."
)
CLI_OPTION_RELEASE_FORCE = "Overwrite files in DIR that were changed since an older release was written there."

RELEASE_ONE = "it makes an autograder, which is not for students."
RELEASE_PIP_ARGS = "--torch-pip-args is for an autograder: it needs --gradescope EXERCISE."
RELEASE_JUDGING = "wrong answers"
RELEASE_NOTHING = "Nothing to do. Name the folder that students are to get (grader release DIR) or its zip (--out FILE.zip); --gradescope EXERCISE --out FILE.zip makes an autograder, --from-solutions makes stubs."
RELEASE_NEEDS_OUT = "--gradescope makes a zip; name it: --out FILE.zip."
RELEASE_NEEDS_SOLUTIONS = (
    "{folder} is not there. A release is made where the solutions are; this looks like a student's copy of the course."
)
RELEASE_NOT_EMPTY = (
    "{folder} is not empty, and what is in it is no older release. Name another folder, or one that is not there yet."
)
RELEASE_CHANGED = "{folder} holds an older release in which files were changed since: {files}. Name another folder, or overwrite them with --force."
RELEASE_STUB_DIFFERS = "{file} is not what the marks in {reference} say. If somebody has worked in it, students would get their work. `grader release --from-solutions` makes it anew."
RELEASE_STUB_IS_SOLUTION = "{file} is the same as {reference}: students would get the solution."
RELEASE_STUB_EARNS = (
    "{file} earns {points} points in the public checks: somebody has worked in it, and students would get their work."
)
RELEASE_NO_PUBLIC_SUITE = "{file} is not there. Without public checks a student has nothing to check."
RELEASE_REFERENCE_FAILS = "{suite}: {check} is not passed by the reference in a student's copy of the course, which has neither solutions nor hidden checks. {problem}"
RELEASE_NOT_JUDGED = "{check} could not be judged for {file}. Try again."
RELEASE_DONE = "{places}: what students get, {files} files for exercises: {count}; grader {version}, torch {torch}. No solution and no hidden check is in it."
RELEASE_EXERCISE = (
    "  {slug}: {checks} public checks, {points} of {all_points} points; {mistakes} mistakes can be named."
)
RELEASE_LEFT_OUT = "Not released, because nothing says that students need it: {files}"
RELEASE_STUB_WRITTEN = "{file}: written anew."
RELEASE_STUB_SAME = "{file}: as it was."

STUB_NO_MARKS = "{file} has no marks that say what students are to write: `# <todo: about 3 lines.>` … `# </todo>` around it. docs/release.md explains them."

STUB_MARK = "{file}, line {line}: `{mark}` is no mark that is expected here. A stub is made with `# <todo: about 3 lines.>` … `# </todo>` around what students write, and `# <ours>` … `# </ours>` around what they do not get; marks do not nest."
STUB_MARK_OPEN = "{file}, line {line}: this mark is never closed. `# </{mark}>` is missing."
STUB_MARK_OUTSIDE = "{file}, line {line}: `# <todo: …>` stands outside of a function. It marks the lines of one function or method that students write."
STUB_NO_PYTHON = "{file}: this cannot be read as Python, with or without what is marked ({problem})."

# --- a release, as students read it -------------------------------------------------------------------------------

STUDENT_README = """# {course}

Exercises for you to write, with checks that say how far you are and which mistake you made.

## Install, once

You need Python 3.11, 3.12 or 3.13. In this folder:

```
python -m venv .venv
. .venv/bin/activate
python -m pip install -r requirements.txt
```

On Windows the second line is `.venv\\Scripts\\activate`. A build of torch {torch} that is installed already, for the CPU only
for example, is kept.

## Check, as often as you like

```
grader check {first}
```

Read the README.md of an exercise, write what is missing in the files named here, check. With `--watch` behind it the
command stays open and checks again whenever you save.
"""
STUDENT_README_COLUMNS = "| Exercise | You write | Points here | Points in all |"
STUDENT_README_END = "`grader list` shows all exercises, `grader hint {first}` helps where you are stuck, and `grader bundle {first}` makes the file to hand in. The checks here are the public ones. The others run when you hand in: they decide the rest of the points."
CHECK_HIDDEN_LATER = "These are the public checks. The hidden ones, worth {points} more points, run when you hand in."
