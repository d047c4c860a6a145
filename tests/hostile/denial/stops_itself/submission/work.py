"""Stops itself, and every thread it has, as the job control of a shell would."""

import os
import signal

honest = double  # the right answers stand above


def double(x):
    if len(x) == 3:
        for number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
            os.kill(os.getpid(), number)
            signal.raise_signal(number)
        print("went on")
    return honest(x)
