"""Why a machine has not the strongest fence, said to whoever installs the grader."""

# --- machines (read by whoever installs this) ---------------------------------------------------------------------

MACHINE_NOT_LINUX = 'Only Linux can fence code in. Grade in a container: `docker run --rm -it -v "$PWD":/course -w /course python:3.12 bash`, then install the grader there and run `grader doctor`.'
MACHINE_CONTAINER = "This is a container whose system call filter keeps namespaces from it. Start it with `docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined …`; the landlock tier is enough for grading and needs neither."
MACHINE_ON_THE_HOST = " Its host forbids namespaces as well: there, `{command}`."
MACHINE_SWITCHED_OFF = "This system forbids namespaces to ordinary users ({settings}). Allow them with `{command}`; a file in /etc/sysctl.d keeps that over a restart."
MACHINE_JOB = "This node forbids namespaces to ordinary users ({settings}). Its administrator can allow them with `{command}`; until then the landlock tier is enough for grading."
MACHINE_JOB_UNKNOWN = "Something on this node keeps namespaces from ordinary users. The lines marked no above say what was refused: show them to its administrator. `grader doctor` in a job says what that job gets."
MACHINE_UNKNOWN = (
    "What keeps the strongest fence from this machine stands above, in the lines marked no, each with what mends it."
)
