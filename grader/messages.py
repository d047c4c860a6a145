"""Every sentence a user reads, as templates for `str.format`.

One place, so that wording can be tested line by line and translated. Form: what and where; expected and got; what to
try next. Nothing here mentions processes, sockets or pickles to a student. Sections follow who says it.
"""

# --- guest and host (why a check ended) -------------------------------------------------------------------------

NAME_MISSING = "{where} has no `{name}`."
NEAR_NAME = " Did you mean `{name}`?"
TEXT_UNREADABLE = "(its text cannot be read: __str__ raised {type_name})"
TIMEOUT = "Your code did not finish within {limit_s:g} s. Look for a loop that never ends, or for work that can be done once instead of many times."
CRASHED_EXIT = "Your code ended Python itself (exit status {status}) before it answered. Return from the function instead of calling os._exit or similar."
CRASHED_SIGNAL = "Python was ended by signal {signal} while your code ran. Very deep recursion, ctypes, or an index handed to compiled code can do that."
CRASHED_SILENT = "Your code stopped answering and is gone. Return from the function instead of ending Python or closing files you did not open."
MEMORY = "Your code needed more memory than the {limit_mib:,} MiB it may use. Look for a tensor that is larger than you meant: print its shape."
OUTPUT = "Your code printed more than {limit_kib:,} KiB. Remove the print calls inside your loops."
FILES = "Your code wrote more than {limit_mib:,} MiB of files. Remove what saves data, or save less often."
REPLY_TOO_LARGE = "The value your code returned is too large: {detail}."
PROTOCOL = "The answer of your code was not readable: {detail}. Return ordinary tensors, numbers, lists or dicts, and leave the grader's own files alone."

# --- static scan ------------------------------------------------------------------------------------------------

SYNTAX_ERROR = "{file}, line {line}: {detail}. Python cannot read the file until this is corrected."
NOT_PARSED = "{file} cannot be read by Python: {detail}."
FLAG_NAME = "uses {name}, which homework rarely needs"
FLAG_CHARACTER = (
    "holds an invisible or look-alike character (U+{code:04X}) that can make code read differently from what it does"
)

# --- fence and doctor -------------------------------------------------------------------------------------------

WITNESS_STOPPED = "stopped ({outcome})"
WITNESS_ALLOWED = "ALLOWED: {detail}"

FENCE_CALL_FAILED = "refused by this system ({error})."
FENCE_NOT_LINUX = "only Linux has it, this is {platform}."
FENCE_LANDLOCK_ABSENT = "this kernel has no Landlock, or it is switched off."
FENCE_KEEPER_GONE = "the process that watches the guest ended too early."
FENCE_THREADS = "the guest has {count} threads before the fence stands, expected 1."
FENCE_UNREADABLE = "the guest, user {uid}, cannot read {path}, which Python needs."
FENCE_EXPOSED = "{path} lies inside {folder}, which every guest can read."
FENCE_NO_REHEARSAL = "the rehearsal ended without a word (status {status})."
FENCE_FIX_NAMESPACES = "run as root, or allow user namespaces: `sysctl -w user.max_user_namespaces=10000`, on Debian `sysctl -w kernel.unprivileged_userns_clone=1`, on Ubuntu `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`; a container needs `--security-opt seccomp=unconfined`."
FENCE_FIX_ROOT = "the private root needs Linux 5.12 and permission to mount; in a container add `--cap-add SYS_ADMIN` or use the landlock tier."
FENCE_FIX_PROC = "nothing has to be done: student code runs without /proc. A container shows it with `--security-opt systempaths=unconfined`."
FENCE_FIX_SCRATCH = "set TMPDIR to a folder that every user may enter and that has free space."
FENCE_FIX_USER = "give the container the SETUID, SETGID and SETPCAP capabilities and more than one user id, or run as an ordinary user."
FENCE_FIX_UNREADABLE = "install Python and the virtual environment where every user may read (not below a private home folder), run as an ordinary user, or use the namespaces tier."
FENCE_FIX_EXPOSED = "move the course to a folder of its own."
FENCE_FIX_LANDLOCK = "use Linux 5.13 or newer with `landlock` in the kernel's `lsm=` list."
FENCE_FIX_SECCOMP = "use a kernel with CONFIG_SECCOMP_FILTER on x86-64 or 64-bit ARM."
FENCE_FIX_CGROUP = (
    "nothing has to be done: memory is limited per process. A writable control group adds a cap by the kernel."
)
FENCE_FIX_LINUX = "grade in a Linux container or virtual machine."
DOCTOR_LANDLOCK_ABI = "ABI {abi}"
DOCTOR_CGROUP = "version {version}: {controllers}"
DOCTOR_NO_CGROUP = "no control group with a memory limit can be made here."
DOCTOR_TIER_WORKS = "a guest was fenced: {layers}"
DOCTOR_PROC_ABSENT = "refused by this system; guests run without /proc."
DOCTOR_READABLE = "every folder Python needs can be read by the guest."

# --- remote values and autograd (read by suite authors) ---------------------------------------------------------

PROXY_MISUSE = "{what} is still on the student's side, so it cannot be used in {operation}. Read it first: `{what}.get(name)`, a call, or `guest.read(…)`."
STALE_HANDLE = "{what} belongs to an earlier check: what stays on the student's side lives until its check ends. Share values, not handles."
CANNOT_SEND = (
    "a value of type {type_name} cannot be sent to student code; send tensors, arrays, plain values or remote objects."
)
UNSUPPORTED_TRANSFORM = "torch.func, vmap, vectorised jacobians and batched gradient checks cannot cross into student code. Call it in a loop, or put the transform into a probe module (`guest.load`)."
UNSUPPORTED_FORWARD_MODE = "Forward-mode differentiation (dual tensors) cannot cross into student code. Use reverse mode, or put it into a probe module (`guest.load`)."
UNSUPPORTED_SIBLINGS = (
    "If both tensors came out of one call into student code, their graph is on that side: use `guest.grad(loss, [h])`."
)
GRAPH_IS_CUT_THERE = "Your code returned something that autograd cannot follow back to its inputs. Return the tensor itself: not detached, not a number, not made from .item() or numpy."
CHANGED_IN_PLACE = "a tensor that was sent to student code has been modified by an inplace operation, and its gradient is wanted differentiably (create_graph). Change a copy instead."
NOT_FROM_GUEST = "guest.grad wants results of student code with a gradient, or handles of tensors there; argument {index} is neither."

# --- comparisons ------------------------------------------------------------------------------------------------

WRONG_TYPE = "{label}: expected {expected}, got {actual}."
RETURNED_NOTHING = "{label}: expected {expected}, but your function returned nothing; did you forget `return`?"
RETURNED_UNREADABLE = (
    "Your function returned a value of type {type}. Return a tensor, a number, a list or a dict of them."
)
WRONG_COUNT = "{label}: expected {expected} values, got {actual}."
WRONG_SHAPE = "{label}: expected shape {expected}, got {actual}.{hint}"
SAME_COUNT_OTHER_SHAPE = " As many values, arranged differently: look for a transpose, a reshape or keepdim."
WRONG_DTYPE = "{label}: expected dtype {expected}, got {actual}."
WRONG_DEVICE = "{label}: expected a tensor on {expected}, got one on {actual}."
NOT_FINITE = "{label}: contains {found} among {count} values. Look for a division by 0, log(0) or an overflow."
WRONG_VALUES = "{label}: {wrong} of {count} values are wrong ({within}); the shape {shape} and dtype {dtype} are right."
WRONG_VALUE = "{label}: the value is wrong ({within}); the shape {shape} and dtype {dtype} are right."
WITHIN_TOLERANCE = "further off than {rtol:.0e} of the largest expected one"
EXACTLY = "compared exactly"
NOT_EQUAL = "{label}: the value is wrong; its type {type} is right."
WRONG_KEYS = "{label}: {missing} keys are missing and {extra} should not be there."
STAGE_MISSING = "{label}: this stage is missing; yours are: {present}."
STAGES_BEFORE = " The stages before it are right: {names}."
GRADIENT_MISSING = "{label}: this gradient is missing."
GRADIENT_WRONG = (
    "{label}: the gradient (shape {shape}) is not the slope of your function, measured by moving the input."
)
GRAPH_IS_CUT = (
    "{label}: no gradient flows back. Look for detach, item, numpy, no_grad or torch.tensor(result) on the way."
)
SHAPE_CHANGES = "{label}: the shape of your result changes although the shapes of the inputs stay the same."
NOT_DIFFERENTIABLE = "{label}: your function has no slope here. Does it give the same result for the same input?"
EXPECTED_RAISE_OTHER = "{label}: expected {expected} to be raised, got {actual}: {text}"
EXPECTED_RAISE_NONE = "{label}: expected {expected} to be raised, but the call returned."

RAISED = "Your code raised {type}: {text}{place}"
RAISED_AT = " ({file}, line {line})"
NO_TEXT = "(without a text)"
NOT_WRITTEN_YET = "Not written yet: {function} still raises NotImplementedError."
OUT_OF_MEMORY = (
    "Your code asked for more memory than this exercise allows. Look for a list or tensor that keeps growing."
)
CLAIM_DOES_NOT_HOLD = "What this check claims does not hold for your code."
NOT_YOUR_FAULT = "This check could not be judged. The mistake is ours and costs no points; please tell your instructor."
WAITS_FOR = "Waits for {id}, which has not passed."
TIME_USED_UP = "Not started: the {wall_s:g} s for the whole submission were used up before. Make the slow parts faster."

# --- course and suite (read by instructors) ---------------------------------------------------------------------

SUITE_EMPTY = "{slug} has no checks: expected test functions in test_public.py or in tests/hidden/{slug}."
SUITE_UNREADABLE = "{where}: {type}: {text}"
SUITE_SKIPPED = "{where}: a suite must not skip; a check that cannot be judged here belongs on a device."
SUITE_STARTS_THREADS = "{where}: importing this file starts a thread. Compute inside a test function or a fixture."
SUITE_TAKES_TOO_LONG = (
    "Collecting the suite of {slug} took more than {wall_s:g} s. Does it compute while it is imported?"
)
CHECK_TWICE = "{where}: {id} is the name of another check ({other}). Names must differ over both suites."
CHECK_NOT_A_FUNCTION = "{where}: {id} is not a test function."
CHECK_SKIPPED = (
    "{where}: {id} is marked {how}. A check is judged or deleted; a skipped one hides that points are missing."
)
CHECK_WITHOUT_TITLE = "{where}: {id} has no docstring. Its first line is what the student reads."
CHECK_DEVICE_NOT_LISTED = "{where}: {id} wants the device {device!r}, which exercise.toml does not list."
MARK_WRONG = "{where}: the mark {mark} takes {wanted}."
NEEDS_UNKNOWN = "{where}: {id} needs {needed}, which is no check.{hint}"
NEEDS_CYCLE = "{where}: these checks need each other: {cycle}."
POINTS_DO_NOT_ADD_UP = "{slug}/exercise.toml says points = {declared:g}, but its checks are worth {total:g} together."
REFERENCE_MISSING = "{file} is missing, but a check uses the reference."
REFERENCE_BROKEN = "{file}, the reference, cannot be imported: {type}: {text}"
SKIPPED_WHILE_RUNNING = "a check must not skip or xfail while it runs."
NOT_JUDGED = "the fixtures of grader.suite work only in a check that the grader judges."
JUDGE_STOPPED_IN = "{where}: {text}"
GRADER_CLOSED = "This Grader is closed, by its with block or because a job was interrupted; start another one."
WORKER_ENDED = "The part that judges has ended unexpectedly. What it last said:\n{log}"

EXPECTED_NAN = "{label}: the expected value contains NaN."
EXPECTED_NOT_COMPARABLE = "expect_close compares tensors, arrays and numbers; the expected value is a {type}."
GRADIENTS_NEED_FLOAT64 = "expect_gradients needs float64 inputs, got {dtype}: differences in it are too coarse."
NO_DIFFERENTIABLE_INPUT = "expect_gradients needs at least one floating point tensor among the inputs."

NEAR_NAMES = " Did you mean {names}?"
NO_COURSE = "No course.toml in {folder} or in a folder above it. Change into the course's folder and try again."
UNKNOWN_EXERCISE = "There is no exercise {name!r}.{hint} The exercises of this course: {names}."
AMBIGUOUS_EXERCISE = "{name!r} could be any of {names}. Give the whole folder name."
TOML_UNREADABLE = "{file} cannot be read: {problem}."
TOML_KEY = "{file}: {key}: {problem}."
TOML_BAD_FILE_NAME = "{name!r} is not the plain name of a Python file, such as backprop.py"
TOML_BAD_DEVICES = "expected different devices out of {devices}"
TOML_TWICE = "the same name stands there twice"
TOML_NOT_POSITIVE = "expected a number above 0"

NO_SUCH_SUBMISSION = "There is no file or folder {path}.{hint}"
NEEDS_A_FOLDER = "This exercise consists of several files ({files}). Give the folder that holds them."
FILE_MISSING = "{file} is missing.{hint} The file must have exactly this name."
FILE_UNREADABLE = "{file} cannot be opened: {problem}."
FILE_IS_A_LINK = "{file} is a link. Hand in the file itself."
NOT_A_FILE = "{file} is not a regular file. Hand in a Python source file."
FILE_TOO_LARGE = "{file} is larger than 1 MB. Hand in the source only, without data or output."
FILE_WRONG_ENCODING = "{file} is saved as {encoding}. Save it as UTF-8 and hand it in again."
FILE_NOT_UTF8 = "{file}, line {line}: a character that is not UTF-8. Save the file as UTF-8 and hand it in again."
FILE_HAS_NUL = "{file}, line {line}: a zero byte, which Python source cannot contain. Was the file damaged?"
FILE_EMPTY = "{file} is empty. Was it saved before it was handed in?"

# --- command line -----------------------------------------------------------------------------------------------

CLI_OUR_FAULT = "Something of ours failed, which costs no points: {reason} Run the same command again; `grader doctor` shows what this machine lacks."

CLI_HELP = "Autograder for neural-network homework: checks your solution and says what to look at next."
CLI_CHECK_HELP = "Check your solution of EXERCISE (1, exercise1 or the whole folder name)."
CLI_DOCTOR_HELP = "Say what this machine offers: Python, torch, devices, and how well submissions are fenced in."
CLI_DEMO_HELP = "Check four submissions of exercise 1 and show what the fence denied to the hostile one."
CLI_OPTION_SUBMISSION = "File or folder to check; default: your files in the exercise's own folder."
CLI_OPTION_JSON = "Also write the result as JSON to FILE; - writes it to standard output."
CLI_OPTION_SEED = "Seed of all random numbers; default: the course's."
CLI_OPTION_FENCE = "How strongly the submission is fenced in; auto takes the strongest this machine offers."
CLI_ERROR = "grader: {message}"
CLI_BUG = "Something in grader itself went wrong ({type_name}: {text}). Set GRADER_DEBUG=1 to see where, and report it."
CLI_INTERRUPTED = "Interrupted."
CLI_CANNOT_WRITE = "{file} cannot be written: {problem}."

CHECK_HEADING = "{slug}: {title}"
CHECK_CONDITIONS = "fence: {fence}, seed: {seed}"
CHECK_UNFENCED = (
    "Note: this runs without a fence, with all your own rights. That is fine for code you wrote yourself. "
    "`grader doctor` says what is missing."
)
CHECK_FRAME = "{file}, line {line}, in {function}: {code}"
CHECK_BLOCKED_BY = "Waits for: {check}"
CHECK_SAME_REASON = "(for the same reason)"
CHECK_PRINTED = "printed: {line}"
CHECK_FLAG = "Noticed: {file}, line {line}: {message}"
CHECK_SUMMARY = "Score {score} / {max_score}, {passed} of {total} checks passed"
CHECK_INCOMPLETE = "Some checks are still open: the score can only rise."
CHECK_OURS = "{count} could not be judged. That is our fault, not yours: try again, or ask your instructor."

DOCTOR_VERSIONS = "Software"
DOCTOR_PRIMITIVES = "What the fence is built from"
DOCTOR_TIER = "Strongest fence on this machine: {tier}"
DOCTOR_DENIALS = "What a fenced submission tried just now ({tier})"
DOCTOR_DENIED = "denied"
DOCTOR_ALLOWED = "ALLOWED"
DOCTOR_FIX = "Fix: {fix}"
DOCTOR_PYTHON_FIX = "use Python {supported}."
DOCTOR_TORCH_MISSING = "torch cannot be imported: {problem}"
DOCTOR_TORCH_FIX = "install torch {supported}, the version that constraints.txt pins."
DOCTOR_NO_TIER = "Code of other people will not be graded on this machine: it needs at least the tier landlock."
DOCTOR_NOT_TRIED = "Nothing was tried that a fence should deny: first the above has to be well."
DOCTOR_GOOD = "All is well."
DOCTOR_BAD = "Not all is well: {problems}."
DOCTOR_PROBLEM_SOFTWARE = "the software above marked no"
DOCTOR_PROBLEM_TIER = "the tier {tier} is not to be had"
DOCTOR_PROBLEM_DENIALS = "{count} of {total} were not denied"

DEMO_STUB = "1. The stub, as a student gets it"
DEMO_REFERENCE = "2. The reference solution"
DEMO_WRONG = "3. A wrong answer: {title}"
DEMO_HOSTILE = "4. A hostile submission: {title}"
DEMO_PRINTED = "What it reported before it stopped:"
DEMO_DENIALS = "5. What another submission tried just now behind the fence ({tier})"
DEMO_UNFENCED = "No fence can be had on this machine, so the hostile submission is left out. See `grader doctor`."
DEMO_NEEDS_CLONE = "The demo needs the whole repository: {folder} is not there."
