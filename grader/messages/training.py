"""What is said about training loops: to students of the first step that is not legal, to authors of data and bands."""

# --- course and suite: data (read by authors) ---------------------------------------------------------------------

DATA_UNREADABLE = "{file} cannot be read: {problem}."
IDX_NOT_IDX = "it does not begin as an IDX file does (found {found})"
IDX_OTHER_TYPE = (
    "only unsigned bytes (type 8) with one to four axes are read; its header says type {type} with {axes} axes"
)
IDX_TOO_LARGE = "its header promises {count:,} values in the shape {shape}; more than {limit:,} are not read"
IDX_CUT_SHORT = "its header promises {count:,} values in the shape {shape}, but only {got:,} are there"
IDX_TOO_LONG = "its header promises {count:,} values in the shape {shape}, but more follow"
IDX_NOT_UNPACKED = "it is no whole gzip file ({problem})"
DATA_CHANGED = "{file} and {other} are not the handwritten digits that belong there. Take them from the course's own copy, or run export_digits.py beside them."
FASHION_NOT_NAMED = "Fashion-MNIST is not on this machine: set the environment variable {variable} to a folder with {files}, as published at https://github.com/zalandoresearch/fashion-mnist."
FASHION_MISSING = "Fashion-MNIST: {file} cannot be read: {problem}. GRADER_DATA must name the folder with the four files as they were published."
FASHION_OTHER = "Fashion-MNIST: {file} is not the published file: its MD5 sum is {found} and should be {md5}. Get it again from https://github.com/zalandoresearch/fashion-mnist."

# --- training loops (the first event of a trace that is not legal) ------------------------------------------------

TRACE_NOTHING = "{label}: nothing was recorded. Does your code call the model, loss and optimiser that it is given?"
TRACE_UNREADABLE = (
    "{label}: what was recorded cannot be read. Leave the model, data, loss and optimiser as they are given."
)
TRACE_TOO_LONG = "{label}: more than {limit:,} events were recorded. Does a loop run too often?"
TRACE_LEFT_OUT = "{label}: {where}after {before} came {event}{again}: {missing} is missing in between."
TRACE_BEGINS_LATE = "{label}: {where}the first thing was {event}: {missing} has to come before it."
TRACE_NOT_DUE = "{label}: {where}after {before} came {event}{again}; {due} should have come."
TRACE_BEGINS_WRONG = "{label}: {where}the first thing was {event}; {due} should have come."
TRACE_TOO_MUCH = "{label}: {where}after {before} came {event}{again}, although all was done."
TRACE_ENDED = "{label}: {where}nothing more came after {before}; {due} should have come."
TRACE_OTHERWISE = "{label}: {where}{how}"
TRACE_AGAIN = " again"
TRACE_OR = " or "
TRACE_AND = " and "
TRACE_IN_BATCH = "in batch {batch}, "
TRACE_IN_EPOCH = "in epoch {epoch}, batch {batch}, "
TRACE_BATCH = "batch {batch}"
TRACE_BATCH_OF_EPOCH = "batch {batch} of epoch {epoch}"
TRACE_EARLIER = "an earlier batch"
TRACE_UPDATE = "a change of the parameters by hand"
TRACE_OPTIMIZER = "a new optimiser"
TRACE_NOT_TRAINING = "the model was in evaluation mode; switch back with model.train() before training on."
TRACE_TRAINING = "the model was in training mode; switch with model.eval() before evaluating or predicting."
TRACE_NO_GRAD = "gradients were switched off (no_grad, inference_mode), so nothing can be learned here."
TRACE_GRAD = "gradients were recorded although nothing is learned here; use torch.no_grad()."
TRACE_DEVICE = "the model was given data on {got}; it should be on {wanted}."
TRACE_DATA = "the model was given a batch of the {got} data; one of the {wanted} data was due."
TRACE_OTHER_BATCH = "{event} was of batch {got}; batch {wanted} was due."
TRACE_OTHER_EPOCH = "{event} was of epoch {got}; epoch {wanted} was due."
TRACE_NO_BATCH = (
    "{event} was of rows that are no batch as the loader gave it. What happens to a batch before the model?"
)
TRACE_STILL_THERE = (
    "the gradient of {earlier} was still there when backward was called: zero_grad is missing before it."
)
TRACE_CLEARED_EARLY = "the gradients of the batches before were cleared; here they should add up until step is called."
TRACE_ERASED = "zero_grad came between backward and step, so step had no gradient to use."
TRACE_NO_GRADIENT = "step was called before backward, so it had no gradient to use."
TRACE_STEP_EARLY = "step used the gradients of {got} batches; {wanted} should add up first."
TRACE_STEP_LATE = "step used the gradients of {got} batches; it should use those of {wanted}."
TRACE_UNMOVED = "step changed none of the model's parameters. Which tensors does the optimiser hold?"
TRACE_NOT_CLEAR = "after zero_grad the model's gradients were still there. Which tensors does the optimiser hold?"
TRACE_RATE = "the learning rate of {event} was not the one that was due. When and how often is the scheduler called?"
TRACE_FACT = "{event} happened with {fact} = {got}."
TRAJECTORY_BEFORE = " The {count} steps before it are right."
TRAJECTORY_BEFORE_ONE = " The step before it is right."
TRAJECTORY_STEPS = "{label}: {got} steps were recorded, {expected} should have been. Those that were are right."
TRAJECTORY_LACKS = "{label}: nothing was recorded for it."

# --- training loops: accuracy --------------------------------------------------------------------------------------

ACCURACY_REACHED = "{label}: correct solutions score {low} to {high}; yours {scores}."
ACCURACY_MISSED = "{label}: correct solutions score {low} to {high}; yours {scores}. These are {count} trainings with different draws: a correct solution misses in all of them less than once in {once:,} gradings."
ACCURACY_AND = ", "
ACCURACY_CLASSES = "a tensor of class numbers"
ACCURACY_NOT_CLASSES = "{label}: expected whole class numbers, got dtype {dtype}. Take the class with the largest output, with argmax over the classes."

HISTORY_LEFT_OUT = "The learning curves are not shown: {problem} This costs no points."
HISTORY_TYPE = "your code should return a dict with one list of numbers for each name, and this is {type}."
HISTORY_LACKS = "what your code returned has no list called {names}."
HISTORY_NUMBERS = "“{name}” is no list with one number per epoch."
HISTORY_LENGTH = "“{name}” has {count:,} entries; from 1 to {limit:,} can be read."

# --- training loops: learning curves (terminal and page) ----------------------------------------------------------

CURVE_LINE = "{name} per epoch: {values}"
CURVE_LAST_OF = "{name} per epoch, in the last of {count} trainings: {values}"
CURVE_ENDS = "correct solutions end at {low} to {high}"
CURVE_END = "correct solutions end at {low}"
CURVE_ALONE = "Yours ends at {value}."
CURVE_BESIDE = "Yours ends at {value}; {ends}."
CURVE_CAPTION = "Learning curves of `{label}`"
CURVE_PANEL = "{name} per epoch"
CURVE_PANEL_LOG = "{name} per epoch, on a logarithmic scale"
CURVE_EPOCH = "epoch"
CURVE_COLUMN_EPOCH = "Epoch"
CURVE_YOURS = "yours {value}"
CURVE_RIGHT = "correct"
CURVE_SHADED = "Shaded is where correct solutions lie, dashed is their mean."
CURVE_EARLIER = "Thin lines are your earlier trainings."
CURVE_NOT_FINITE = "A cross marks an epoch in which your number was not finite."
CURVE_THINNED = "Of {count:,} epochs {shown} are drawn."
CURVE_TRAINING = "Your training {number}"
CURVE_LOW = "Correct: lowest"
CURVE_MEAN = "Correct: mean"
CURVE_HIGH = "Correct: highest"

# --- training loops: what an accelerator is kept waiting with ------------------------------------------------------

TRAFFIC_ROWS = "{count:,} copies went to the device for {batches} batches with {rows:,} rows: rows were moved one by one. Move each batch as a whole, x.to(device) with all its rows."
TRAFFIC_COPIES = "{count:,} copies went to the device for {batches} batches; {copies} for each are enough. Move a batch as a whole, and what stays the same once, before the loop."
TRAFFIC_BYTES = (
    "{times:g} times as many bytes went to the device as the data have. Is more than the batch moved in each step?"
)
TRAFFIC_WAITS = "the device was waited for {count:,} times in {batches} batches: {how}. Reading a value waits (item, tolist, cpu, print, an `if` on a tensor). Add losses up on the device and read the sum once per epoch."
TRAFFIC_READS = "{count:,} copies came back from the device in {batches} batches: {how}. Leave results there until the epoch is over."
TRAFFIC_EACH_ONCE = "once per batch"
TRAFFIC_EACH = "{each} times per batch"
TRAFFIC_ENOUGH = "{waits} are enough"
TRAFFIC_UNREADABLE = "the counts of copies and waits cannot be read. Leave torch's functions as they are."
THROUGHPUT_SLOW = "{label}: yours takes {ratio} times as long as ours on the same device; at most {at_most} times are allowed. Look for what is done row by row, for copies and for values that are read in each step."
THROUGHPUT_NO_VALUE = "{label}: your code should return what it computed last, such as the mean loss; without it nobody knows when the epoch is over."

# --- course and suite: throughput (read by authors) ---------------------------------------------------------------

TRAFFIC_DEVICE = '{check}: copies and waits are counted on sim only, not on {device}. Mark the check @devices("sim").'
TRAFFIC_NOT_COUNTED = "expect_traffic wants the counts of `with traffic(guest) as counts:` after that block has ended."
TRAFFIC_TOO_FEW = "expect_traffic could not tell a right loop from a wrong one: more batches ({batches}) than once={once} and waits={waits} are needed, and more rows ({rows}) than an epoch may need copies."
THROUGHPUT_DEVICE = '{check}: times are compared on a GPU only, not on {device}. Mark the check @devices("cuda").'
THROUGHPUT_NUMBERS = (
    "expect_throughput: at_most must be larger than 1 and rounds at least 1, not {at_most} and {rounds}."
)
THROUGHPUT_REFERENCE = "expect_throughput: the reference's epoch must return a value that comes across, such as the mean loss: its arrival says that the device is done."
OURS_FAILED = "The course's own solution, which a time is compared with, failed: {text}"
OURS_NOT_HERE = "The fixture `ours` needs a grader that can start a second guest; there is none here."

# --- course and suite: accuracy (read by authors) -----------------------------------------------------------------

ACCURACY_NEEDS_MARK = "{check} compares an accuracy and so needs the mark @calibrated()."
ACCURACY_LABELS = (
    "{label}: labels must be whole numbers of shape (N,), N at least 1; these have the shape {shape} and are {dtype}."
)
ACCURACY_PARTS = "{check}: what trains must return (predictions, labels), or (predictions, labels, history)."
HISTORY_OF_REFERENCE = "{check}: the history that the reference returned is none: {problem}"
HISTORY_NOT_FINITE = "“{name}” holds a number that is not finite."
CALIBRATED_PUBLIC = (
    "{where}: {id} is calibrated, so it belongs to the hidden suite: a student's copy has no calibration."
)
CALIBRATE_FIRST = "{problem} Run `grader calibrate {name}`."
CALIBRATION_MISSING = "{check} has no calibration on {device}."
CALIBRATION_LACKS = "“{label}” has no calibration."
CALIBRATION_OLD_SUITE = "The calibration of {check} is out of date: its file, or one beside it, has changed."
CALIBRATION_OLD_REFERENCE = "The calibration of {check} is out of date: the reference has changed."
CALIBRATION_OLD_DATA = "The calibration of “{label}” is out of date: it was made with other data."
CALIBRATION_HEAD = "# How well right solutions score. Written by `grader calibrate`, read by expect_accuracy; not to be changed by hand."
CALIBRATION_UNWRITABLE = "{file} cannot be written: {problem}."
CALIBRATE_NEEDS_SOLUTIONS = (
    "{folder} is missing: the reference is what is calibrated with, and only the author's copy of a course has it."
)
CALIBRATE_NOTHING = "{slug} has nothing to calibrate: no check of its hidden suite that can be judged here is marked with @calibrated()."
CALIBRATE_NO_SCORE = "The reference gave no accuracy in {check} on {device} with seed {seed}: {outcome}. {message}"
CALIBRATE_CHANGED = "{check} on {device} was measured on changing data or files. Leave the course alone while it is calibrated, and let no check read different data sets."
CALIBRATE_UNFAIR = "{label} ({check}, {device}): with {runs} runs and {attempts} attempts all that is certain is that a right solution fails at most once in {once:,} gradings; once in {fair:,} is asked for. Use more --seeds, or @calibrated(attempts={more})."
CALIBRATE_HEADING = "{slug}: {runs} runs of the reference, {wall_s:.1f} s"
CALIBRATE_BAND = "{check} ({device}), {label}: right solutions score {minimum:.3f} to {maximum:.3f}, mean {mean:.4f}, sd {sd:.4f}, 3 % below {quantile:.3f}. Threshold {threshold:.3f} in any of {attempts} attempts: a right solution fails less than once in {once:,} gradings."
CALIBRATE_WRITTEN = "Written to {file}."
CLI_CALIBRATE_HELP = "Measure how well right solutions score. Accuracies are then compared fairly."
CLI_OPTION_SEEDS = "How often the reference is trained."
CLI_OPTION_CALIBRATE_DEVICE = "Calibrate on this device only; the others' bands are kept."
