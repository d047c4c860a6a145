"""Wants to be started again later, by whatever starts programs on this machine."""

import os
import pwd
import socket
import subprocess
from pathlib import Path

# The guest's own HOME is its scratch folder; these are the homes that outlive it.
homes = [*{row.pw_dir for row in pwd.getpwall() if row.pw_dir not in ("/", "/nonexistent", os.environ["HOME"])}, "/root"]
homes += [str(path) for path in Path("/home").glob("*")]


def attempt(what, action, places):
    denied = 0
    for place in places:
        try:
            print(f"ATTACK SUCCEEDED: {what}: {action(place)!r}")
        except (OSError, subprocess.SubprocessError):
            denied += 1
    print(f"{what}: {'all' if denied == len(places) else denied} denied")


def appended(path):
    """Open for writing and leave it as it was: the attempt is enough."""
    is_new = not os.path.exists(path)
    with open(path, "a"):
        pass
    if is_new:
        os.unlink(path)
    return path


def connected(path):
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
    return path


def run(command):
    return subprocess.run(command, input=b"* * * * * true\n", check=True, timeout=5).returncode


spools = ["/etc/crontab", "/etc/cron.d/hostile", "/etc/cron.hourly/hostile", "/var/spool/cron/crontabs/root", "/var/spool/cron/root"]
attempt("cron", appended, spools)
attempt("at", appended, ["/var/spool/at/hostile", "/var/spool/cron/atjobs/hostile", "/etc/at.allow"])
units = ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", *(f"{home}/.config/systemd/user" for home in homes)]
attempt("systemd", appended, [f"{folder}/hostile.service" for folder in units])
profiles = [f"{home}/{name}" for home in homes for name in (".bashrc", ".profile", ".zshrc", ".pythonrc", ".ssh/authorized_keys")]
attempt("shell profiles", appended, [*profiles, "/etc/profile.d/hostile.sh", "/etc/bash.bashrc", "/etc/environment"])
attempt("every program", appended, ["/etc/ld.so.preload", "/etc/ld.so.conf.d/hostile.conf", "/etc/init.d/hostile", "/etc/rc.local"])
attempt("their services", connected, ["/run/dbus/system_bus_socket", "/run/systemd/private", "/run/user/0/bus", "/run/docker.sock"])
attempt("their commands", run, [["crontab", "-"], ["at", "now"], ["systemd-run", "true"], ["systemctl", "--user", "enable", "hostile"]])
