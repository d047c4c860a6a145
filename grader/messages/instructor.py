"""What instructors, suite authors and whoever installs the grader read: course, suites, fence, doctor, demo."""

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
CHANGED_IN_PLACE = "a tensor that was sent to student code has been modified by an inplace operation, and its gradient is wanted differentiably (create_graph). Change a copy instead."
NOT_FROM_GUEST = "guest.grad wants results of student code with a gradient, or handles of tensors there; argument {index} is neither."

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
NOT_JUDGED = "the fixtures of grader.suite, and once, work only in a check that the grader judges."
JUDGE_STOPPED_IN = "{where}: {text}"
GRADER_CLOSED = "This Grader is closed, by its with block or because a job was interrupted; start another one."
WORKER_ENDED = "The part that judges has ended unexpectedly. What it last said:\n{log}"

AWARD_OUT_OF_RANGE = "award takes a share from 0 to 1 and a sentence for the student, got {fraction!r} and {because!r}."
ONCE_SHARES_VALUES = "once({key!r}) was given a value of type {type}. It shares tensors, arrays, numbers, text, lists, tuples and dicts; what stays on the student's side lives until its check ends."

PYTEST_GROUP = "judging a submission with a suite of this course"
PYTEST_SUBMISSION = "File or folder to judge, for a suite given by its path; default: the reference solution."
PYTEST_ONE_EXERCISE = "--submission is about one exercise, but suites of {slugs} were given."
PYTEST_WAITS = "waits for {needed}, which has not passed"
PYTEST_HEADER = "grader: the submission runs behind the fence {fence}"
PYTEST_FRAMES = "in the submission"
PYTEST_PRINTED = "printed by the submission"

EXPECTED_NAN = "{label}: the expected value contains NaN."
EXPECTED_NOT_COMPARABLE = "expect_close compares tensors, arrays and numbers; the expected value is a {type}."
GRADIENTS_NEED_FLOAT64 = "expect_gradients needs float64 inputs, got {dtype}: differences in it are too coarse."
NO_DIFFERENTIABLE_INPUT = "expect_gradients needs at least one floating point tensor among the inputs."

TOML_UNREADABLE = "{file} cannot be read: {problem}."
TOML_KEY = "{file}: {key}: {problem}."
TOML_BAD_FILE_NAME = "{name!r} is not the plain name of a Python file, such as backprop.py"
TOML_BAD_NAME = "{name!r} is not a dotted name, such as torch.nn"
TOML_UNKNOWN_NAME = "there is nothing called {name!r} to forbid"
TOML_NOT_GUARDABLE = "{name!r} belongs to a built-in class, and methods of those cannot be forbidden"
LANGUAGE_UNKNOWN = "course.toml: language: {language!r} is not one of {languages}."
TOML_BAD_DEVICES = "expected different devices out of {devices}"
TOML_TWICE = "the same name stands there twice"
TOML_NOT_POSITIVE = "expected a number above 0"

# --- demo and doctor (read by whoever installs this) -------------------------------------------------------------

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

DEMO_STUB = "The stub, as a student gets it"
DEMO_REFERENCE = "The reference solution"
DEMO_WRONG = "A wrong answer: {title}"
DEMO_HOSTILE = "A hostile submission: {title}"
DEMO_DENIALS = "What another submission tried just now behind the fence ({tier})"
DEMO_REPORTS = "The students' reports, to be opened in a browser:"
DEMO_UNFENCED = "No fence can be had on this machine, so the hostile submission is left out. See `grader doctor`."
DEMO_NEEDS_CLONE = "The demo needs the whole repository: {folder} is not there."
