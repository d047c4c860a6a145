"""Why a check ended as it did, said to the student; `comparisons` and below also measure how a value differs."""

# --- guest and host (why a check ended) -------------------------------------------------------------------------

NAME_MISSING = "{where} has no `{name}`."
NEAR_NAME = " Did you mean `{name}`?"
TEXT_UNREADABLE = "(its text cannot be read: __str__ raised {type_name})"
TIMEOUT = "Your code did not finish within {limit_s:g} s. Look for a loop that never ends, or for work that can be done once instead of many times."
TIMEOUT_AT_SCAN = "reading it takes more than {limit_s:g} s; leave out data, and code that a program has written"
TIMEOUT_AT_IMPORT = "Importing your file did not finish within {limit_s:g} s. Move what computes, trains or downloads into functions: a file is imported before any of them is called."
CRASHED_EXIT = "Your code ended Python itself (exit status {status}) before it answered. Return from the function instead of calling os._exit or similar."
CRASHED_SIGNAL = "Python was ended by signal {signal} while your code ran. Very deep recursion, ctypes, or an index handed to compiled code can do that."
CRASHED_SILENT = "Your code stopped answering and is gone. Return from the function instead of ending Python or closing files you did not open."
MEMORY = "Your code needed more memory than the {limit_mib:,} MiB it may use. Look for a tensor that is larger than you meant: print its shape."
OUTPUT = "Your code printed more than {limit_kib:,} KiB. Remove the print calls inside your loops."
FILES = "Your code wrote more than {limit_mib:,} MiB of files. Remove what saves data, or save less often."
REPLY_TOO_LARGE = "The value your code returned is too large: {detail}."
PROTOCOL = "The answer of your code was not readable: {detail}. Return ordinary tensors, numbers, lists or dicts, and leave the grader's own files alone."

# --- static scan ------------------------------------------------------------------------------------------------

SYNTAX_ERROR = "{file}, line {line}: {detail} Python cannot read the file until this is corrected."
NOT_PARSED = "{file} cannot be read by Python: {detail}"
FLAG_NAME = "uses {name}, which homework rarely needs"
FLAG_CHARACTER = (
    "holds an invisible or look-alike character (U+{code:04X}) that can make code read differently from what it does"
)

FLAG_AUTOGRAD = "uses {name}, although autograd is switched off in this exercise"

# --- outcomes (one sentence each; docs/outcomes.md has the same) --------------------------------------------------

OUTCOME_PASSED = "What the check claims holds for your code."
OUTCOME_FAILED = "Your code ran, and its result is not right; the message says how it differs."
OUTCOME_RAISED = "Your code raised an exception; the message shows it with your own lines only."
OUTCOME_FORBIDDEN = "Your code used something that this exercise does not allow; the message says what to do instead."
OUTCOME_TODO = "This part is not written yet: it still raises NotImplementedError."
OUTCOME_TIMEOUT = "Your code did not finish in the time of the check and was stopped."
OUTCOME_MEMORY = "Your code asked for more memory than the exercise allows and was stopped."
OUTCOME_OUTPUT = "Your code printed, wrote or returned more than the exercise allows and was stopped."
OUTCOME_CRASHED = "Python itself ended while your code ran, by a crash or by being told to exit."
OUTCOME_PROTOCOL = (
    "Your code changed or misused the part of the grader that runs beside it, so its answer could not be read."
)
OUTCOME_REJECTED = "A file is missing or Python cannot read it, so nothing could be judged."
OUTCOME_BLOCKED = "Not judged, because a check that this one builds on has not passed."
OUTCOME_PENDING = "Not judged here, because it needs a device that this machine lacks; it costs no points."
OUTCOME_NOT_RUN = (
    "Not judged, because the grading ended before it; that is not your fault and is settled by grading again."
)
OUTCOME_ERROR = "Could not be judged because of a mistake of ours; it costs no points, and a person looks at it."

# --- policy (what an exercise does not allow) -------------------------------------------------------------------

FORBIDDEN = "{name} is not allowed here: {sentence}"
AUTOGRAD_OFF = "autograd is switched off in this exercise. Write the gradient by hand."
OUTCOME_ONLY = "This exercise shows only the outcome of hidden checks."

# --- comparisons ------------------------------------------------------------------------------------------------

NOUN_A = "a {noun}"
NOUN_AN = "an {noun}"
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
NOT_EQUAL_BOOL = "{label}: should be {expected}, is {actual}."
WRONG_KEYS = "{label}: {missing} keys are missing and {extra} should not be there."
STAGE_MISSING = "{label}: this stage is missing; yours are: {present}."
STAGES_BEFORE = " The stages before it are right: {names}."
NAMES_MISSING = "{label} lacks {missing}. What it has: {present}."
NAMES_EXTRA = "{label} has {extra}, which should not be there."
NAMED_SHAPE = "{label}: {name} should have the shape {expected} and has {actual}."
GRADIENT_MISSING = "{label}: this gradient is missing."
GRADIENT_WRONG = (
    "{label}: the gradient (shape {shape}) is not the slope of your function, measured by moving the input."
)
GRAPH_IS_CUT = (
    "{label}: no gradient flows back. Look for detach, item, numpy, no_grad or torch.tensor(result) on the way."
)
GRAPH_IS_CUT_THERE = "Your code returned something that autograd cannot follow back to its inputs. Return the tensor itself: not detached, not a number, not made from .item() or numpy."
SHAPE_CHANGES = "{label}: the shape of your result changes although the shapes of the inputs stay the same."
NOT_DIFFERENTIABLE = "{label}: your function has no slope here. Does it give the same result for the same input?"
EXPECTED_RAISE_OTHER = "{label}: expected {expected} to be raised, got {actual}: {text}"
EXPECTED_RAISE_NONE = "{label}: expected {expected} to be raised, but the call returned."

EXPECTED_TUPLE = "a tuple of {count} values"
AWARDED = "{because} Of this check's points that earns {percent} %."
RETURNED_UNUSABLE = "This check could not go on with what your code returned, last of all {what}. Compare its type, the number of values and their shapes with what is asked for."
SHOWN_NOTHING = "nothing (None); did you forget `return`?"
SHOWN_TENSOR = "a tensor of shape {shape} and dtype {dtype}"
SHOWN_ARRAY = "an array of shape {shape} and dtype {dtype}"
SHOWN_SEQUENCE = "a {type} of {count} values"
SHOWN_DICT = "a dict with the keys {keys}"
SHOWN_OTHER = "a value of type {type}"

RAISED = "Your code raised {type}: {text}{place}"
RAISED_MODULE_MISSING = "Only the files that the exercise names are handed in, and only torch, numpy and Python itself are installed: move what you need into your file."
RAISED_EXIT = "Return from the function instead of leaving Python."
RAISED_INPUT = "Nobody is there to type an answer: use what the function is given."
RAISED_RECURSION = "Does a function call itself without ever coming to an end?"
RAISED_PROCESS = "Nothing else can be started where your code is judged, and no file be locked: use DataLoader with num_workers=0, and call functions instead of multiprocessing, subprocess or os.fork."
RAISED_THREADS = (
    "Your code has started as many threads as it may have here. End those that have done their work, or use fewer."
)
RAISED_SPACE = "The files that your code has written fill the space that it may use here. Remove what saves data, or save less often."
NO_PROGRAM = "os.system started nothing: no program can be started where your code is judged. Do it in Python."
RAISED_NETWORK = "There is no network where your code is judged: use the data that your functions are given, and no downloaded weights."
RAISED_DATABASE = "A database in a file needs file locks, which are switched off where your code is judged: use sqlite3.connect(':memory:'), or 'file:NAME?nolock=1' with uri=True."
RAISED_SCREEN = "There is no screen where your code is judged: leave the choice of a matplotlib backend out; plt.show() then does nothing."
RAISED_FILE = "Your code is judged in an empty folder, the only one that it can write to; of your files only those that the exercise names are there. Use the data that your functions are given."
RAISED_AT = " ({file}, line {line})"
NO_TEXT = "(without a text)"
TEXT_KEPT_BACK = "(its text is not told of a hidden check; call your function yourself to read it)"
NOT_WRITTEN_YET = "Not written yet: {function} still raises NotImplementedError."
OUT_OF_MEMORY = (
    "Your code asked for more memory than this exercise allows. Look for a list or tensor that keeps growing."
)
OUT_OF_GPU_MEMORY = "Your code asked for more of the GPU's memory than this exercise allows. Look for tensors that are kept from step to step: collect `loss.item()`, not `loss`, and evaluate under torch.no_grad()."
CLAIM_DOES_NOT_HOLD = "What this check claims does not hold for your code."
NOT_YOUR_FAULT = "This check could not be judged. The mistake is ours and costs no points; please tell your instructor."
WAITS_FOR = "Waits for “{title}” ({id}), which has not passed."
TIME_USED_UP = "Not started: the {wall_s:g} s for the whole submission were used up before. Make the slow parts faster."

# --- diagnosis --------------------------------------------------------------------------------------------------

DIAGNOSIS = "Your code {statement}"
DIAGNOSIS_HERE = "In this check your code {statement}"
DIAGNOSIS_IN_SOME = "In {count} checks your code {statement}"

# --- how a wrong value relates to the right one (measured, never guessed) ------------------------------------------

STRUCTURE_TRANSPOSED = "Your values are right, but transposed."
STRUCTURE_AXES = "Your values are right, but in a shape with axes of length 1 too many or too few."
STRUCTURE_REARRANGED = "Your values are right in the order in which they are stored, but in another shape."
STRUCTURE_NOT_SUMMED = "Added up over axis {axis} (of length {count}), your values are right."
STRUCTURE_RIGHT_VALUES = "Your values are right to six digits; what differs is finer, or the dtype."
STRUCTURE_ZERO = "Every entry of yours is 0."
STRUCTURE_ZERO_OF_ONE = "Yours is 0."
STRUCTURE_CONSTANT = "All entries of yours are the same number."
STRUCTURE_ROUNDED = "Your values are right to the digits that {dtype} keeps: somewhere on the way they were {dtype}."
STRUCTURE_DIGITS = (
    "Your values are right to about three digits: look for rounding, or for a constant that is not exact."
)
STRUCTURE_MULTIPLE = "Your values are {ratio} times ours in every entry."
STRUCTURE_MULTIPLE_OF_ONE = "Yours is {ratio} times ours."
STRUCTURE_SIGN = "Your values are ours with the opposite sign."
STRUCTURE_OFFSET = "Your values differ from ours by the same number in every entry."
STRUCTURE_ROWS = "Each row of yours is a multiple of our row, with a factor of its own."
STRUCTURE_COLUMNS = "Each column of yours is a multiple of our column, with a factor of its own."
STRUCTURE_EXCEPT = "Your values are right except in {wrong} of {count} entries{where}."
STRUCTURE_WHERE_ZERO = ": exactly those that should be 0"
STRUCTURE_WHERE_YOURS_ZERO = ": there yours are 0"
STRUCTURE_WHERE_ROWS = ": they lie in the rows {places} (counted from 0)"
STRUCTURE_WHERE_COLUMNS = ": they lie in the columns {places} (counted from 0)"

# --- the simulated accelerator ----------------------------------------------------------------------------------

SIM_MISSING = "The simulated accelerator cannot be had with torch {version}, which has no {name}; use torch 2.11 to 2.13. Checks on it wait until then and cost no points."
SIM_LAYOUT = "The simulated accelerator has no tensors of layout {layout}. Keep such a tensor on the CPU, or use an ordinary (strided) one."
SIM_RESIZE = "{operation}: the simulated accelerator cannot give a tensor that holds values another size in place. Use the result that is returned."
SIM_NAME = "The simulated accelerator has no {name}. Leave it out where the device is sim."
SIM_OPERATION = "The simulated accelerator cannot do {operation}. Do it on the CPU (`x.cpu()`), or in another way."

# --- a GPU ------------------------------------------------------------------------------------------------------

CUDA_NO_NODES = "There is no NVIDIA GPU here: the system shows none under /dev. Checks on cuda wait for a machine that has one and cost no points until then."
CUDA_NO_CONTROL_NODES = "There is an NVIDIA GPU here, but /dev/nvidiactl or /dev/nvidia-uvm is missing: `nvidia-modprobe -u -c0` makes them. Until then checks on cuda wait and cost no points."
CUDA_CLOSED_NODES = "There is an NVIDIA GPU here, but student code may not open its files below /dev: each must be readable and writable for every user (`ls -l /dev/nvidia*`). Until then checks on cuda wait and cost no points."
CUDA_NOT_VISIBLE = "There is an NVIDIA GPU here, but the environment variable CUDA_VISIBLE_DEVICES names none that can be used. Until it does, checks on cuda wait and cost no points."
CUDA_NO_BUILD = "There is an NVIDIA GPU here, but torch {version} is a build for the CPU alone: install a CUDA build of it. Until then checks on cuda wait and cost no points."
CUDA_NO_GUEST = "There is an NVIDIA GPU here, but it could not be used for student code: {problem} `grader doctor` says more. Checks on cuda wait and cost no points."
