"""What the command line says to a student: finding files, options, the list of checks, what to do next."""

# --- finding exercise, checks and files --------------------------------------------------------------------------

NEAR_NAMES = " Did you mean {names}?"
NAMES_OR = " or "
NO_COURSE = "No course.toml in {folder} or in a folder above it. Change into the course's folder and try again."
UNKNOWN_EXERCISE = "There is no exercise {name!r}.{hint} The exercises of this course: {names}."
WHICH_EXERCISE = "Which exercise? {here} is not the folder of one. Change into its folder, or type:{commands}"
WHICH_COMMAND = "\n  grader {command} {name}   ({title})"
AMBIGUOUS_EXERCISE = "{name!r} could be any of {names}. Give the whole folder name."
KEYWORD_UNREADABLE = (
    "-k {keyword!r} cannot be read: {problem}. Join parts of names with and, or, not, or give a whole name."
)
KEYWORD_MATCHES_NOTHING = "-k {keyword!r} matches no check.{hint}"

NO_SUCH_SUBMISSION = "There is no file or folder {path}.{hint}"
NEEDS_A_FOLDER = "This exercise consists of several files ({files}). Give the folder that holds them."
FILE_MISSING = "{file} is missing.{hint} The file must have exactly this name."
FILE_UNREADABLE = "{file} cannot be opened: {problem}."
FILE_IS_A_LINK = "{file} is a link. Hand in the file itself."
NOT_A_FILE = "{file} is not a regular file. Hand in a Python source file."
FILE_TOO_LARGE = "{file} is larger than {limit}. Hand in the source only, without data or output."
FILE_WRONG_ENCODING = "{file} is saved as {encoding}. Save it as UTF-8 and hand it in again."
FILE_NOT_UTF8 = "{file}, line {line}: a character that is not UTF-8. Save the file as UTF-8 and hand it in again."
FILE_HAS_NUL = "{file}, line {line}: a zero byte, which Python source cannot contain. Was the file damaged?"
FILE_EMPTY = "{file} is empty. Was it saved before it was handed in?"

# --- help texts (shown before a language is chosen) --------------------------------------------------------------

CLI_HELP = "Autograder for neural-network homework: checks your solution and says what to look at next."
CLI_FOR_STUDENTS = "For students"
CLI_FOR_INSTRUCTORS = "For instructors"
CLI_FOR_EVERYBODY = "For everybody"
CLI_CHECK_HELP = "Check your solution. EXERCISE is 1, exercise1 or the whole folder name; without it, the exercise whose folder you stand in is checked."
CLI_HINT_HELP = "Give the next hint. For CHECK, or else for the first mistake we recognised in your last check; each call says a little more."
CLI_DOCTOR_HELP = "Say what this machine offers. Python, torch, devices, and how well submissions are fenced in."
CLI_DEMO_HELP = (
    "Show the grader at work. Grades a made class with one hostile student, exports its grades and writes its report."
)
CLI_OPTION_SUBMISSION = "File or folder to check; default: your files in the exercise's own folder."
CLI_OPTION_JSON = "Also write the result as JSON to FILE; - writes it to standard output."
CLI_OPTION_SEED = "Seed of all random numbers; default: the course's."
CLI_OPTION_HTML = "Also write a report for the student, one page, to FILE."
CLI_OPTION_MERGE = "Take what this machine cannot judge from FILE, an earlier result written by --json."
CLI_OPTION_DEVICE = "Judge on this device only; default: every device the exercise lists and this machine has."
CLI_OPTION_KEYWORD = "Judge only the checks whose name matches EXPR, and those they need; as pytest's -k."
CLI_OPTION_DEBUG = "Run checks and your code together, without a fence, so that breakpoint() works; nothing counts."
CLI_OPTION_AS_STUDENT = (
    "Show what a student gets to see and no more: names of mistakes for the course's seed only, commands they can run."
)
CLI_OPTION_WATCH = "Stay open and check again whenever you save; single keys give hints, the next exercise, the page."
CLI_OPTION_LANG = (
    "Language of the messages; default: that of the environment (LANG and its like), or else the course's."
)
CLI_OPTION_FENCE = "How strongly the submission is fenced in; auto takes the strongest this machine offers."

# --- command line -----------------------------------------------------------------------------------------------

MACHINE_EXHAUSTED = "What judging needs could not be started: {problem}. End other programs, or raise the limits that `ulimit -a` shows, and run the same command again."
CLI_OUR_FAULT = "Something of ours failed, which costs no points: {reason} Run the same command again; `grader doctor` shows what this machine lacks."

CLI_ERROR = "grader: {message}"
CLI_BUG = "Something in grader itself went wrong ({type_name}: {text}). Set GRADER_DEBUG=1 to see where, and report it."
CLI_INTERRUPTED = "Interrupted."
CLI_CANNOT_WRITE = "{file} cannot be written: {problem}."
CLI_NO_EXERCISES = "This course has no exercises: {folder} holds no folder with an exercise.toml."
CLI_DEVICE_NOT_LISTED = "{slug} is not judged on {device}: it lists {devices}."
CLI_NO_DEVICE = "Nothing can be judged on {device} here. {why}"
CLI_NOT_TOGETHER = "{option} cannot be combined with {others}: {why}"
CLI_WHY_NOT_DEBUG = "it makes no result."
CLI_WHY_NOT_DEVICES = "it runs on one device at a time."
CLI_WHY_NOT_BOTH = "both would go to standard output."
CLI_WHY_NOT_PART = "it judges only some of the checks."

LIST_POINTS = "{points} points"
LIST_LEFT = "still to be written: {count}"

MERGE_UNREADABLE = "{file} is not a result that `grader check --json` wrote: {problem}."
MERGE_REFUSED = "The earlier result cannot be merged. {why}"
MERGE_EXERCISE = "It is about {earlier}, this one about {now}."
MERGE_NOTHING_READ = "The submission could not be read, so nothing says that both are about the same files."
MERGE_SUBMISSION = "It judged other files than this one (their sha256 differs): check the same files on both machines."
MERGE_SUITE = "It was judged by another version of the checks: update both machines to the same course."
MERGE_SEED = "It used seed {earlier}, this one {now}: repeat one of them with the other's --seed."

DEBUG_HEADING = "Debugging {slug}: your code runs as any program of yours does, with all your rights, without a fence and without limits, so only run what you wrote yourself. breakpoint() works. Nothing here counts."
DEBUG_FRAME = '  File "{file}", line {line}, in {function}'
DEBUG_SUMMARY = "{passed} of {total} checks passed."

CHECK_HEADING = "{slug}: {title}"
CHECK_CONDITIONS = "fence: {fence}, seed: {seed}"
CHECK_UNFENCED = (
    "Note: this runs without a fence, with all your own rights. That is fine for code you wrote yourself. "
    "`grader doctor` says what is missing."
)
CHECK_LEARNING = "running the known mistakes, once: {done} of {count}"
CHECK_PREPARING = "getting {device} ready"
CHECK_GPU_BUSY = "waiting for {device}: another submission is being judged there"
CHECK_STARTING = "getting ready (torch is being imported)"
CHECK_ONLY = "Look at this"
CHECK_FIRST = "Look at these first"
CHECK_THEN = "Then at these"
CHECK_FRAME = "{place}, in {function}:"
CHECK_ALIKE = "Further checks that end for the same reason: {count}."
CHECK_AGAIN = "One check alone, with those it needs (--debug lets breakpoint() in your code stop):"
CHECK_IN_SHORT = "{check}: {message}"
CHECK_WAITING = "Checks that wait for one of these: {count}."
CHECK_HTML_HINT = "A page that shows your code beside every message:"
CHECK_HTML_WRITTEN = "The report lies in {file}."
CHECK_PRINTED = "Printed:"
CHECK_PRINTED_MORE = "(further lines: {count})"
CHECK_PRINTED_AT_IMPORT = "Printed while the file was imported:"
CHECK_PART = "Only the checks that -k chose, and those they need: this is not your whole score, and known mistakes are not named, which takes all checks."
CHECK_FLAG = "Noticed: {place}: {message}"
CHECK_SUMMARY = "Score {score} / {max_score}, {passed} of {total} checks passed"
CHECK_PENDING = "Checks that were not judged this time: {count} (on {devices})."
CHECK_INCOMPLETE = "Some checks are still open: the score can only rise."
CHECK_OURS = "{count} could not be judged. That is our fault, not yours: try again, or ask your instructor."
CHECK_KNOWN_IN_SHORT = "{statement} ({check})"
CHECK_SEEN_IN = "Seen in: {title} ({check})"
CHECK_VALUES = "Compared there: {message}"
CHECK_ALSO_IN = "The same mistake shows in further checks: {count}."
CHECK_MORE_HINTS = "Stuck? A hint, and another one each time:"

# --- hints ------------------------------------------------------------------------------------------------------

HINT_GENERAL = "{title}: a general hint"
HINT_ABOUT = "Check: {title} ({check})"
HINT_STEP = "Hint {step} of {total}"
HINT_STEP_KIND = "Hint {step} of {total}: {kind}"
HINT_SEEN = "what we saw"
HINT_QUESTION = "a question"
HINT_IDEA = "the idea"
HINT_NEXT = "The next hint:"
HINT_LAST = (
    "This is the last hint. README.md of the exercise has the whole story; an instructor can help with the rest."
)
HINT_NO_MORE = "You have seen every hint there is for this; the last one is above. README.md of the exercise has the whole story, and your instructor would like to hear where you are stuck."
HINT_BEFORE_CHECK = "Nothing was checked yet, so this is not about your code. `{command}` looks at it."
HINT_FILES_CHANGED = "Your files have changed since they were last checked; `{command}` says whether this still holds."
HINT_OTHER_LANGUAGE = (
    "Your last check spoke another language, and so does what it left here; `{command}` says it in this one."
)
HINT_NOTHING_CHECKED = "There is no hint yet, because nothing was checked. Start here:"
HINT_NOTHING_TO_FIX = "Your last check left nothing to fix, so there is no hint to give."
HINT_NOT_THIS_ONE = "{check} ended {outcome} in your last check. There is nothing to fix in it."
HINT_TRY_PUBLIC = "No hint was written for this. Try the public checks first: they show values, they are small, and what they ask for is what the others build on."
HINT_NO_SUCH_CHECK = "Your last check has no {check!r}.{hint} `{command}` lists them all."
