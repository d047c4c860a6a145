"""What a student reads between the first exercise and the last: the list, what to do next, putting back, handing in."""

# --- what is remembered -------------------------------------------------------------------------------------------

STATE_PUT_ASIDE = "{file} could not be read ({problem}). It was put aside as {aside}; scores and hints begin anew."
STATE_UNREADABLE = (
    "{file} cannot be read ({problem}) and cannot be put aside, so scores and hints are not remembered. Remove it."
)
STATE_NOT_KEPT = "Scores and hints are not remembered, because {folder} cannot be written to: {problem}."

# --- the list of exercises ----------------------------------------------------------------------------------------

LIST_SCORE = "{points} / {max_points} points, best {best}"
LIST_NO_SCORE = "no score yet"
LIST_NEW = "not begun"
LIST_UNCHECKED = "not checked as it is now"
LIST_TO_FIX = "checks to look at: {count}"
LIST_DONE = "done"
LIST_STATE = "{slug}: {state}"
LIST_NEXT = "next: {command}"
LIST_PUBLIC_ONLY = "Scores are those of the checks that you have here. What you hand in is judged by further ones."
LIST_WHAT_NEXT = "What to do next:"

# --- what to do next ----------------------------------------------------------------------------------------------

NEXT_NO_COURSE = "There is no course here: neither {folder} nor a folder above it has a course.toml."
NEXT_HAVE_COURSE = "If you have the course already, change into its folder and type `grader` again."
NEXT_GET_COURSE = "If not: your instructor gives it out, as a folder or as a zip archive. Unpack it, change into it and type `grader` again."
NEXT_FIRST = "Nothing is begun yet. The first exercise is {title}."
NEXT_ANOTHER = "Next comes {title}."
NEXT_READ = "What to write stands in"
NEXT_WRITE = "Where to write it:"
NEXT_THEN_CHECK = "When something is written, or whenever you save it:"
NEXT_UNCHECKED = "{title}: your files were not checked as they are now."
NEXT_TO_FIX = (
    "{title}: {points} / {max_points} points. Checks to look at: {count}; the first of them, with what it needs:"
)
NEXT_TO_FIX_UNSCORED = "{title}: checks to look at: {count}; the first of them, with what it needs:"
NEXT_HINT = "Stuck? A hint, and another one each time:"
NEXT_ALL = "Everything again, or again whenever you save:"
NEXT_UNREADABLE = "{title}: {problem} When that is mended:"
NEXT_ALL_DONE = "Every exercise passes all checks that you have here. To pack what is handed in:"
NEXT_LIST = "How far you are with each exercise: grader list"
NEXT_HELP = "All commands: grader --help"

# --- putting a stub back ------------------------------------------------------------------------------------------

RESET_NO_STUB = "{slug} cannot be put back: this copy of the course has no untouched {files} (they would lie in {folder}). Take them from the course as you got it, or ask your instructor for it once more."
RESET_NOTHING = "There is nothing to put back: {files} of {slug} is as it was given out."
RESET_IN_THE_WAY = "{file} is a folder. Move it away, then type the same command again."
RESET_ABOUT_TO = "These files become again what they were when you got them: {files}"
RESET_KEEPS = "What they are now is kept in"
RESET_ASK = "Put them back?"
RESET_NOT_DONE = "Nothing was changed."
RESET_NOBODY_TO_ASK = "Nothing was changed, because nobody was there to say yes. With --yes it is done without asking."
RESET_DONE = "Put back: {files}"
RESET_KEPT = "To have again what they were before, copy it from"
RESET_NOT_KEPT = "What you have written cannot be kept in {folder}: {problem}. So nothing was changed."
RESET_FAILED = "{file} cannot be put back: {problem}. What you had written is in its place, and a copy in {folder}."

# --- packing what is handed in ------------------------------------------------------------------------------------

BUNDLE_REFUSED = "Nothing was packed, because this would not be taken:{problems}"
BUNDLE_PROBLEM = "\n  {slug}: {problem}"
BUNDLE_OTHERS = "\nMend that, or pack the others only: {command}"
BUNDLE_NOTHING = "There is nothing to hand in yet: no exercise is begun. `grader` says where to begin."
BUNDLE_NAME = "{file} cannot be the name of the archive: it must end in .zip."
BUNDLE_ELSEWHERE = " Another place: grader bundle --out FILE.zip"
BUNDLE_WRITTEN = "{file}: {size:,} bytes, files: {count}"
BUNDLE_SHA256 = "sha256 {sha256}"
BUNDLE_FILE = "{path}, {size:,} bytes"
BUNDLE_SUBMISSION = "submission {sha256}"
BUNDLE_EXTRA = "Left out, because no exercise asks for it: {names}"
BUNDLE_LEFT_OUT = "Left out, because it is not begun: {names}"
BUNDLE_NOT_BEGUN = "Note: {slug} is handed in as it was given out."
BUNDLE_UNCHECKED = "Note: {slug} was not checked as it is now. To check it:"
BUNDLE_NEXT = "Hand in this one file, under any name. It holds these files and nothing about you or your computer; packed again, the same files give the same archive."

# --- help texts (what there is to type on the way; shown before a language is chosen) -----------------------------

CLI_LIST_HELP = "List the exercises. How far you are with each, last score and best one, and what to do next."
CLI_RESET_HELP = (
    "Put the files of an exercise back as they were given out. Asks first, and keeps what you have written."
)
CLI_BUNDLE_HELP = "Pack what is handed in. One zip archive, with the files that the exercises ask for and nothing else; without EXERCISE all that are begun."
CLI_COMPLETION_HELP = 'Print what lets a shell complete what you type. It completes commands, exercises and checks. For bash, put this line into ~/.bashrc: eval "$(grader completion bash)"'
CLI_OPTION_LIST_JSON = "Write the list as JSON to FILE instead; - writes it to standard output."
CLI_OPTION_YES = "Do not ask first."
CLI_OPTION_BUNDLE_OUT = (
    "The archive to write; default: handin.zip in the course's folder. - writes it to standard output."
)
