"""What `grader check --watch` says: the screen of a student who has it open, and what its keys do."""

# --- watching (grader check --watch) ------------------------------------------------------------------------------

WATCH_WATCHING = "Watching {files}: save, and it is checked again."
WATCH_JUDGED = "Checked at {at} in {wall_s:.1f} s (fence: {fence}, seed: {seed})."
WATCH_WAITING = "The first check is on its way."
WATCH_GOES_ON = "This check goes on: {count} done so far."
WATCH_THEN = "The others"
WATCH_ALL = "All checks"
WATCH_FOLDED = "and {count} more: {outcomes}"
WATCH_FOLDED_ALIKE = "and {count} more, all {outcome}"
WATCH_FOLDED_PART = "{count} {outcome}"
WATCH_POINTS = "Points since the last check: {points:+g}"
WATCH_PASSES = "passes now: {title}"
WATCH_FAILS = "passes no longer: {title}"
WATCH_MORE_NEWS = "and {count} more"
WATCH_ALL_PASSED = "Well done: all {count} checks pass."
WATCH_ALL_PASSED_HERE = "Well done: everything that can be checked here passes. Checks that wait for a device which this machine lacks: {count}."
WATCH_NEXT = "Next: {name}, {title}. Press n."
WATCH_NEXT_COMMAND = "Next: {name}, {title}. Type: grader check {name} --watch"
WATCH_NO_NEXT = (
    "That was the last one: every other exercise of this course is finished. `grader bundle` packs what to hand in."
)
WATCH_COURSE_CHANGED = (
    "The exercise itself has changed (its checks, its exercise.toml or its solution): starting afresh."
)
WATCH_HINT_AGAIN = "h gives the next hint."
WATCH_NO_HINTS = "Hints are about the files in the exercise's own folder; these lie elsewhere."
WATCH_PAGE = "The page lies in {file}."
WATCH_PAGE_OPENED = "The page lies in {file}, and your browser was asked to open it."
WATCH_KEYS = "h hint   n next exercise   l list   o page   r check again   q quit"
WATCH_BACK = "Space or Enter: back to the result."
WATCH_WHY_NOT = "it stays open and shows result after result; `grader check` without --watch writes one."
