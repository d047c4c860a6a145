"""Who the guest is: an unused user without groups and capabilities when root starts it, else the user who did.

Owns ids and capabilities. Invariant: a guest never keeps host user 0, for whom process limits are void and whose files
would be root's.
"""

from __future__ import annotations

import os

from grader.sandbox.fence import kernel

_FIRST_UNUSED_UID = 60000  # above login users, below the range of dynamic service users
LANES = 1000
_CAP_SYS_ADMIN = 21


def is_root() -> bool:
    """Return whether we are user 0 and so have to become somebody else."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def may_administrate() -> bool:
    """Return whether we are root with the right to make namespaces (root in a container usually lacks it)."""
    if not is_root():
        return False
    with open("/proc/self/status") as status:
        effective = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff:"))
    return bool(effective >> _CAP_SYS_ADMIN & 1)


def unused_uid(lane: int) -> int:
    """Return the user id of a lane, so that guests which run side by side cannot touch each other.

    Raises:
        ValueError: there is no such lane.
    """
    if not 0 <= lane < LANES:
        raise ValueError(f"lane {lane} is outside 0 to {LANES - 1}")
    return _FIRST_UNUSED_UID + lane


def is_ours(uid: int) -> bool:
    """Return whether what this user owns was made by us or by a guest of ours."""
    if not hasattr(os, "geteuid"):  # Windows, where every user has a temporary folder of their own
        return True
    return uid == os.geteuid() or (is_root() and 0 <= uid - _FIRST_UNUSED_UID < LANES)


def become(uid: int) -> None:
    """Give up root for good: bounding set, groups, then all three user and group ids."""
    kernel.drop_bounding_capabilities()
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def see_as(uid: int) -> None:
    """Look at files and processes as this user from now on; what else root may do stays.

    Raises:
        OSError: we are not root.
    """
    kernel.set_file_user(uid)


def drop_capabilities() -> None:
    """Give up what a user namespace granted; without capabilities this changes nothing."""
    kernel.drop_capabilities()
