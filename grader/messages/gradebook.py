"""What late work and gradebooks need said: to students in the comment beside a grade, to instructors about an export."""

# --- comments beside a grade -------------------------------------------------------------------------------------

HANDED_BACK_POINTS = "{counted} of {max_score} points."
HANDED_BACK_LATE = "Handed in late: of {score} points, what counts is {percent} %."
HANDED_BACK_DAYS = "Late days used for this: {days}."

# --- help texts and notes of late work and gradebooks --------------------------------------------------------------

LATE_NO_ZONE = (
    'there is no time zone {name!r}; expected a name such as "Europe/Berlin" (on Windows: pip install tzdata)'
)
LATE_NEEDS_ZONE = (
    "this time says neither an offset (2026-10-05T23:59:00+02:00) nor does course.toml give `timezone` in [late]"
)
LATE_UNKNOWN_STUDENT = "there is no such student in this class.{hint} Students are named by their id"
TOML_TWICE_NAMED = "{slug} stands there twice, under different names"

UNFINISHED_OURS = (
    "not judged, for a reason of ours: {checks}. Run `grader grade` again, or give points with `grader override`."
)
UNFINISHED_NOT_JUDGED = "not judged yet. Run `grader grade` again."
UNFINISHED_PENDING = (
    "waits for a device that was not there: {checks}. Judge it there, or give points with `grader override`."
)
UNFINISHED_LATENESS = "handed in late, and nobody knows how late. Say in extensions.toml when it came ([handed_in.STUDENT]) or until when it was due ([due.STUDENT])."

GRADES_NOT_FINISHED = "{count} left as they were, because they are not settled: {who}."
GRADES_NOTHING_HANDED_IN = "{count} left as they were, because nothing was handed in: {who}."
GRADES_AND_MORE = "{names} and {count} more"
GRADES_FILLED = "{slug}, column {column}: {filled} filled in, {already} already said the same."
GRADES_KEPT = "{slug}: {count} left as they were, because the file says {marks} there: {who}."
GRADES_AMBIGUOUS = "Line {line} ({called}) is left as it was: it fits {students}, and we do not guess."
GRADES_ANOTHER_ROW = "Line {line} ({called}) is left as it was: it fits {students}, but so does another line."
GRADES_UNKNOWN_ROWS = "{count} rows are nobody's of this class and are left as they were: {who}."
GRADES_MISSING_ROWS = "{count} students with points have no row in the file: {who}."
GRADES_SHORT_ROWS = "{count} rows end before the column and are left as they were: lines {lines}."
GRADES_NO_COLUMN = "{count} exercises have no column in the file and are left out: {who}."

GRADEBOOK_UNREADABLE = "{file} cannot be read: {problem}."
GRADEBOOK_NOT_UTF8 = (
    "{file} is not UTF-8 (line {line}). Give the file as the platform exported it, not as a spreadsheet saved it."
)
GRADEBOOK_OPEN_QUOTE = (
    "{file}, line {line}: a quotation mark is opened and never closed. Give the file as the platform exported it."
)
GRADEBOOK_AFTER_QUOTE = "{file}, line {line}: something stands between a closing quotation mark and the next cell. Give the file as the platform exported it."
GRADEBOOK_OTHER_POINTS = "{file}: {column} is out of {there} points, {slug} is out of {ours}. Make both equal: change the points of the assignment on the platform and export its file again."
GRADEBOOK_NEEDS_TEMPLATE = "--to {name} fills the platform's own file: give it with --template FILE. {how}"
GRADEBOOK_HOW_CANVAS = "In Canvas: Grades, Export, Export Entire Gradebook."
GRADEBOOK_HOW_MOODLE = "In Moodle: the assignment, Submissions, Download grading worksheet (with offline grading worksheets switched on in its settings)."

CANVAS_NOT_A_GRADEBOOK = "{file} is not a gradebook that Canvas exported: no row with Student, ID and Section, followed by one with Points Possible."
CANVAS_NO_COLUMN = "{file} has no column {wanted!r} for {slug}. Columns of assignments there: {columns}. Name one with --column, or in course.toml's [canvas]."
CANVAS_NO_COLUMNS = "{file} has no column that is called like an exercise. Columns of assignments there: {columns}. Name them in course.toml's [canvas], or one with --exercise and --column."
CANVAS_TWO_COLUMNS = "{file} has several columns that fit {slug}: {columns}. Name one by its number with --column, or in course.toml's [canvas]."
CANVAS_SAME_COLUMN = "{first} and {second} would both be written to the column {column} of {file}."
CANVAS_READ_ONLY = "{file}: Canvas marks {column} as read only and would ignore what is written there. Allow grades there, or take another column."

MOODLE_NOT_A_WORKSHEET = "{file} is not a grading worksheet of Moodle in a language we know ({languages}): no row with Identifier, Grade and Last modified (grade). Download the worksheet with your language in Moodle set to one of these."
MOODLE_ONE_EXERCISE = (
    "A grading worksheet is for one assignment, and this class has {count} exercises. Say which with --exercise."
)
MOODLE_SCALE = "{file}: this assignment is graded on a scale, and points cannot be put there. Set its grade to points in Moodle and download the worksheet again."
MOODLE_LOCKED = (
    "{slug}: {count} are locked in Moodle (“Grade can be changed” does not say yes) and left as they were: {who}."
)
MOODLE_COMMENTS_KEPT = "{count} comments are left as they were, because somebody has written there: {who}. Empty these cells to have them filled."
MOODLE_NO_COMMENTS = "The file has no column for feedback comments, so only grades are written."

CSV_GRADED = "graded"
CSV_NOT_HANDED_IN = "nothing handed in"
CSV_NOT_SETTLED = "not settled"

CLI_EXPORT_HELP = "Give the grades of a class back. DIR is where `grader grade` put them. Nothing is written while something is not settled; what is left out is told."
CLI_OPTION_EXPORT_TO = "Who is to read it."
CLI_OPTION_EXPORT_EXERCISE = "Only this exercise; default: all that were graded."
CLI_OPTION_EXPORT_TEMPLATE = (
    "The platform's own file that is to be filled in: Canvas' gradebook, Moodle's grading worksheet."
)
CLI_OPTION_EXPORT_OUT = "File or folder to write; default: in DIR/export."
CLI_OPTION_EXPORT_COLUMN = "Canvas: the column of the exercise, by its title or number; needs --exercise."
CLI_OPTION_EXPORT_ALLOW_OPEN = "Write although something is not settled: those cells stay as they are."
EXPORT_REFUSED = "{count} results are not settled, so nothing is written:\n{reasons}\nWith --allow-open they are left as they are, and all others are written."
EXPORT_REASON = "  {students} in {exercise}: {why}"
EXPORT_REASONS_MORE = "  … and {count} more reasons."
EXPORT_NOT_GRADED = "{slug} was not graded in {folder}. Graded there: {slugs}."
EXPORT_WRITTEN = "Written: {file}"
EXPORT_WRITTEN_MANY = "Written: {count} files in {folder}"
EXPORT_WHY_TEMPLATE = "it fills no file of a platform."
EXPORT_WHY_COLUMN = "only Canvas' gradebook has columns to choose from."
EXPORT_COLUMN_OF = "--column is the column of one exercise: say which with --exercise."
