"""What is said about what a class handed in: to the student whose file cannot be read, and to whoever grades."""

# --- handing in (a file that cannot be read) ---------------------------------------------------------------------

FILE_WRONG_TYPE = "{file}: this is {kind}, expected .py, .ipynb or .zip."
KIND_PDF = "a PDF"
KIND_ZIP = "a zip archive"
KIND_RAR = "a RAR archive"
KIND_7Z = "a 7-Zip archive"
KIND_TAR = "a tar archive"
KIND_GZIP = "a compressed file or archive (.gz, .bz2, .xz)"
KIND_OFFICE = "an office document"
KIND_RTF = "a formatted text (RTF)"
KIND_HTML = "a web page"
KIND_IMAGE = "an image"
KIND_PROGRAM = "a program"
KIND_UNKNOWN = "a file of another kind"
TAR_REFUSED = "{file}: tar archives are not read. Hand in the file itself or a .zip."

ARCHIVE_EMPTY_FILE = "{file} is empty (0 bytes). Was it saved before it was handed in?"
ARCHIVE_EMPTY = "{file} holds no files. Put your files into the archive and hand it in again."
ARCHIVE_DAMAGED = "{file} is damaged or cut off, so it cannot be opened. Make the archive anew and hand it in again."
ARCHIVE_NAME_UNREADABLE = "{file} holds a file whose name cannot be read. Use plain letters in file names."
ARCHIVE_TOO_LARGE = "{file} is larger than {limit} MB. Hand in the source only, without data or environments."
ARCHIVE_TOO_MANY = "{file} lists too many files. Hand in your source files only."
ARCHIVE_BOMB = "{file} has {packed} kB and unpacks to {unpacked} MB. Hand in the source only."
ARCHIVE_NESTED = "{file} holds another archive, {entry}. Hand in your files in one archive only."
ENTRY_PATH = (
    "The archive holds {entry!r}, a name that leads out of it. Make the archive anew, of plain files and folders."
)
ENTRY_NOT_A_FILE = "The archive holds {entry!r}, which is a link or a device. Put the file itself into it."
ENTRY_SETUID = (
    "The archive holds {entry!r} with rights of another user (setuid). Make the archive anew, of plain files."
)
ENTRY_ENCRYPTED = "The archive is protected by a password ({entry!r}). Hand it in without one."
ENTRY_METHOD = (
    "{entry!r} is compressed in a way that is not read. Make an ordinary .zip, as your system's file manager does."
)
ENTRY_NAME_LONG = "The archive holds a name that is too long, {entry!r}. Use short names."
ENTRY_WINDOWS = "The archive holds {entry!r}, a name that Windows cannot store. Rename it."
ENTRY_TWICE = "The archive holds {entry!r} twice, so nobody can tell which one counts. Keep one of them."
ENTRY_FILE_AND_FOLDER = "In the archive {entry!r} is both a file and a folder. Make the archive anew."
ENTRY_TWINS = "The archive holds {entry!r} and {other!r}, which are one name on many systems. Keep one of them."
ENTRY_DAMAGED = "{entry!r} is damaged or cut off in the archive. Make the archive anew and hand it in again."

NOTEBOOK_TOO_LARGE = "{file} is larger than {limit} MB. Clear its outputs (in Jupyter: Edit, Clear Outputs of All Cells) and hand it in again."
NOTEBOOK_CODE_TOO_LARGE = (
    "The code cells of {file} make a file that is larger than {limit}. Hand in the code only, without data in it."
)
NOTEBOOK_NOT_JSON = "{file} is not a readable notebook: the file is damaged or cut off. Save it again in Jupyter."
NOTEBOOK_BROKEN = "{file} is not a readable notebook{where}. Save it again in Jupyter."
NOTEBOOK_BROKEN_CELL = " (cell {cell} of the file)"
NOTEBOOK_OLD = (
    "{file} is a notebook in a format from before 2015. Open it in a current Jupyter, save it and hand it in again."
)
NOTEBOOK_LANGUAGE = "{file} is a notebook for {language}, expected Python. Choose a Python kernel and save it again."
NOTEBOOK_WITHOUT_CODE = "{file} has no code cell with anything in it. Was it saved before it was handed in?"
NOTEBOOK_SILENCED = (
    "{file}: lines that only Jupyter understands (magics, shell commands, get_ipython) were left out: {count}."
)
NOTEBOOK_READ = "{file} is a notebook: its code cells were judged as {name}."
NOTEBOOK_LINE = "{file}, line {line}"
NOTEBOOK_PLACE = "cell {cell}, line {line}"
NOTEBOOK_IN_CELL = "{place} ({cell})"

HANDIN_TAKEN_AS = "{file} was taken as {name}."
HANDIN_LAST_COUNTS = "Handed in {times} times; {file}, the last one, counts."
HANDIN_ARCHIVE_LEFT = "An archive beside it was left out. {problem}"
HANDIN_TWO_FILES = "Several files could be {name}: {files}. Hand in one of them."
HANDIN_TWO_TIMES = "Handed in several times ({origins}), and nothing says which was the last. Hand in once."
HANDIN_NOTHING = "Nothing was found that could be {name}. Expected a .py or .ipynb file, or a .zip with one."

# --- intake (read by whoever grades a class) -----------------------------------------------------------------------

TOO_MANY_FILES = "{path} holds more than {count:,} files. Point at the folder or archive with the hand-ins only."
FOLDER_UNREADABLE = "{path} cannot be opened: {problem}."
NO_SUCH_HANDINS = "There is no file or folder {path}."
HANDINS_NO_ARCHIVE = (
    "{path} is {kind}, expected a folder or a .zip. Point at what your platform gave you; "
    "`grader check --submission FILE` judges a single file."
)
HANDINS_SPECIAL = "a pipe or device"
HANDINS_EMPTY = "{path} is an empty file or archive. Download it again from your platform."
HANDINS_NOT_OPENED = "{path} is damaged or cut off, so it cannot be opened. Download it again from your platform."
NO_LAYOUT = "{path} holds nothing that looks like hand-ins. The layouts that are known: {layouts}."
BUNDLE_MIXED = (
    "{path} holds downloads of a whole class ({downloads}) beside other hand-ins ({others}). "
    "Put the downloads into a folder of their own. If each archive is a student's, say so: --layout zips (or folders)."
)
BUNDLE_PLATFORMS = (
    "{path} holds downloads of several platforms ({layouts}). Put those of each into a folder of their own, and grade "
    "one after the other into the same --out."
)
BUNDLE_NEEDS_ROSTER = (
    "{path} holds several downloads ({layout}) that number everybody anew, so only names can tell who is who. "
    "Give the list of the class with --roster CSV."
)
BUNDLE_ANONYMOUS = (
    "{path} holds several anonymous downloads ({layout}), and each of them calls everybody something else. "
    "Grade one of them at a time, each into an --out of its own."
)
UNKNOWN_LAYOUT = "There is no layout {layout!r}.{hint} The layouts that are known: {layouts}."
LAYOUT_DOES_NOT_FIT = "{path} has nothing in the layout {layout}. Without --layout it is looked for."
METADATA_UNREADABLE = "{file} cannot be read: {problem}. Download the export from Gradescope again."
ROSTER_UNREADABLE = "The roster {file} cannot be read: {problem}."
ROSTER_NOT_UTF8 = "line {line} holds a character that is not UTF-8; save it as CSV UTF-8"
ROSTER_NOT_UTF16 = "it begins as UTF-16 and is cut off or damaged; save it as CSV UTF-8"
ROSTER_EMPTY = "it is empty"
ROSTER_WITHOUT_IDS = (
    "none of its columns ({columns}) is one of id, e-mail or name; the first line must name the columns"
)
ROSTER_WITHOUT_ID = "line {line} has no {column}"
ROSTER_TWICE = "{id!r} stands in lines {first} and {line}"

LAYOUT_WHY = "{count} of {total} names have its form, such as {example}"
LAYOUT_WHY_FILE = "it holds {file}"
LAYOUT_WHY_FOLDERS = "its first level is folders, such as {example}"
LAYOUT_WHY_FILES = "its first level is files, such as {example}"
LAYOUT_WHY_BUNDLE = "{count} downloads of a class lie in it, such as {example}"
LAYOUT_WHY_FORCED = "because --layout says so"

UNPLACED_OUTSIDE = "It lies beside the hand-ins and has not their form."
UNPLACED_STUDENT = "The roster has no student of this name: {who}."
UNPLACED_STUDENTS = "More than one student of the roster fits: {who}."
UNPLACED_CLAIMED = "Two different people of the platform have the name of one student of the roster: {who}."
UNPLACED_NOBODY = "Nothing says who handed it in."
UNPLACED_NO_METADATA = "The export's list of hand-ins does not name this folder."
UNPLACED_NO_FOLDER = "The export's list names this folder, but it is not there."
UNPLACED_DEFAULT_GROUP = "It was handed in by everybody who is in no group, and nothing says who they are."
UNPLACED_TEXT = "It was typed into the platform instead of being handed in as a file."
UNPLACED_EXERCISE = "Nothing says which exercise it belongs to; its name is not one of {files}."
UNPLACED_EXERCISES = "Its folders name more than one exercise: {names}."
UNPLACED_OTHER_NAME = "It lies in the folder of {folder}, but has the name of a file of {name}."
UNPLACED_TIME = "Its time of hand-in cannot be read: {text}."

INTAKE_COUNTED = "Students: {students}, exercises: {exercises}, hand-ins: {handins}."
INTAKE_LAYOUT = "Layout: {layout}, {why}."
INTAKE_EXERCISE = "{slug}: {read} to be judged, {unreadable} unreadable, {missing} missing"
INTAKE_UNREADABLE = "Cannot be read: {count}"
INTAKE_UNREADABLE_ONE = "{student}, {exercise} ({origin}): {problem}"
INTAKE_UNPLACED = "Not understood: {count}"
INTAKE_UNPLACED_ONE = "{origin}: {why}"
INTAKE_CANDIDATES = " ({names})"
INTAKE_MORE = "and {count} more"
INTAKE_IGNORED = "Ignored, because they are no part of a hand-in: {count}"
