"""What exports say: to students in the files they get back, to instructors about what was written and left out."""

# --- results in other formats ------------------------------------------------------------------------------------

TOLD_OPEN = "There is no score yet: {checks} could not be judged for a reason that is not yours. Nothing is lost, a person will look at it."
TOLD_PENDING = "{checks} could not be judged where this ran, for lack of a device, and can still earn points."
TOLD_OUTCOME = "{outcome}: {text}"
TOLD_ON_DEVICE = "On {device}: {text}"
TOLD_WAITS = "Waits for the check {check}, which has to pass first."
TOLD_HINT = "Hint: {hint}"
TOLD_FLAG = "{place}: {message}"
TOLD_CUT = "(cut here)"
TOLD_EARNED = "{points} of {max_points} points"
TOLD_LATE = "After the rule for late submissions: {counted} of {max_score} points."
TOLD_UNSETTLED = "This was handed in late, and how late is not known yet; a person has to settle what that means."
TOLD_OVERRIDE = "Set to {points} points by a person: {reason}"
TOLD_OVERRIDE_CHECK = "{check} set to {points} points by a person: {reason}"
TOLD_COMMENT = "Comment: {text}"

FEEDBACK_CHECK = "[{outcome}] {title}: {earned}"
FEEDBACK_REPORT = "The file {file} beside this one shows the same with your code; open it in a browser."
FEEDBACK_FILES = "Judged file: {files}"

AUTOGRADER_NOT_GRADED = (
    "This submission was not graded, for a reason that is not yours. Your course staff has to look at it: {problem}"
)
AUTOGRADER_NO_WORD = "the grader ended without a result; its last words stand in the autograder's output."

GITHUB_HEADING = "{title}: {score} of {max_score} points"
GITHUB_HEADING_OPEN = "{title}: no score yet"
GITHUB_COLUMNS = "Outcome | Check | Points"
GITHUB_REASONS = "What to look at"
GITHUB_MORE = "{count} more in the table above."

# --- help texts and notes of release and of exports ---------------------------------------------------------------

CLI_RELEASE_HELP = "Make in DIR what students get of the course. That is stubs, statements, public checks and what names their mistakes, without any solution or hidden check. With --gradescope EXERCISE instead a zip to upload as Gradescope's autograder, which holds both: not for students."
CLI_OPTION_GRADESCOPE = "Make an autograder for this exercise: its number, short or whole name."
CLI_OPTION_RELEASE_OUT = "The zip to write: of what students get, or the autograder."
CLI_OPTION_TORCH_PIP_ARGS = "Arguments for pip where torch is installed there, such as the index of its CPU builds."
CLI_OPTION_GITHUB = "In GitHub Actions: also write the job's summary, annotations for the changed files and the step's output `result`, as GitHub Classroom reads it."
CLI_WHY_NOT_GITHUB = "annotations go to standard output."
RELEASE_WRITTEN = "{file}: an autograder for {slug} ({files} files, grader {version}, torch {torch}). It holds the hidden suite and the solutions; do not give it to students."
RELEASE_NEEDS_SUITE = "{folder} is not there. An autograder is made with the hidden suite and the reference, which a student's copy of the course does not have."
RELEASE_NOT_INSTALLED = (
    "The grader has to be installed to be put into an autograder: {problem} is not. Try: pip install -e ."
)

AUTOGRADER_BUG = "something in grader itself went wrong ({type_name}: {text})."
AUTOGRADER_OPEN = "{slug}: {count} checks ended in failures of ours, after {tries} tries; the first is {check}. What the judging side last said:\n{log}"
AUTOGRADER_ONE_EXERCISE = "{folder} holds {count} exercises; an autograder has exactly one."
AUTOGRADER_PREPARED = "{slug} can be judged here at the tier {tier}; {count} known mistakes are recorded."
AUTOGRADER_DONE = "{slug}: {score} of {max_score} points."

EXPORT_OPEN = "Not settled, because of failures of ours, so without a score: {names}."
EXPORT_OPEN_LEFT_OUT = "Left out until a person has settled them, because of failures of ours: {names}."
EXPORT_NOTHING = "Left out, because nothing was handed in: {names}."
EXPORT_NOT_JUDGED = "Left out, because they were not judged yet: {names}."
EXPORT_NO_PLATFORM = (
    "Under the students' own ids, because the names of what they handed in are neither Canvas' nor Moodle's: {names}."
)
EXPORT_ENTRY = "{student} ({exercise})"
