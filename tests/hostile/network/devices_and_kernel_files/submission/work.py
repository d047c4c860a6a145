"""Opens the kernel's log and memory, disks, the switches of the kernel and the folder that control groups live in."""

import errno
import glob
import os
import stat

DEVICES = ["/dev/kmsg", "/dev/mem", "/dev/kmem", "/dev/port", "/dev/sda", "/dev/vda", "/dev/nvme0n1", "/dev/loop0",
           "/dev/loop-control", "/dev/dm-0", "/dev/mapper/control", "/dev/cpu/0/msr", "/dev/snapshot"]
FILES = ["/proc/kcore", "/proc/kmsg", "/proc/kallsyms", "/proc/sysrq-trigger", "/proc/1/mem", "/proc/self/attr/current",
         "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/fs/binfmt_misc/register",
         "/sys/kernel/uevent_helper", "/sys/kernel/debug", "/sys/power/state", "/sys/firmware/efi/efivars",
         "/proc/self/oom_score_adj", "/proc/self/clear_refs", "/proc/self/coredump_filter", "/proc/self/mem"]
GROUPS = ["/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified"]


def attempt(attack):
    try:
        return attack() or "done"
    except OSError as error:
        return errno.errorcode[error.errno]


def tell(name, answers, harmless=()):
    for path, answer in answers.items():
        if answer == "done" and path not in harmless:
            print("ATTACK SUCCEEDED:", name, path)
    print(name, *sorted(set(answers.values())))


def opened(flags):
    return lambda path: attempt(lambda: os.close(os.open(path, flags)))


def node(path):
    kind = stat.S_IFBLK if path in DEVICES[4:] else stat.S_IFCHR
    return attempt(lambda: os.mknod(os.path.basename(path), kind | 0o600, os.makedev(1, 1)))


def escape(folder):
    """Make a group of its own and the release agent of the host, as privileged containers once did."""
    os.makedirs(f"{folder}/hostile")
    with open(f"{folder}/hostile/cgroup.procs", "w") as file:
        file.write("0")


# The memory of oneself may be written by oneself.
OWN = ("/proc/self/mem", "/proc/self/oom_score_adj", "/proc/self/clear_refs", "/proc/self/coredump_filter")
tell("read devices:", {path: opened(os.O_RDONLY)(path) for path in DEVICES})
tell("write devices:", {path: opened(os.O_WRONLY)(path) for path in DEVICES})
tell("make devices:", {path: node(path) for path in DEVICES})
tell("write kernel files:", {path: opened(os.O_WRONLY)(path) for path in FILES})
tell("read kernel files:", {path: opened(os.O_RDONLY)(path) for path in FILES[:4] + FILES[10:13]})
tell("control groups:", {path: attempt(lambda: escape(path)) for path in GROUPS})
tell("more groups:", {path: opened(os.O_WRONLY)(path) for path in glob.glob("/sys/fs/cgroup/**/*.max", recursive=True)})
