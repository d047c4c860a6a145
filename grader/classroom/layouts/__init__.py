"""How learning platforms and people arrange what a class handed in: a module for each layout, all of one form.

    NAME                            what --layout takes
    evidence(tree) -> str           what in a tree tells this layout; nothing if it is another one
    read(tree, catalogue) -> Reading

Owns the order in which they are tried: those that no other could be taken for come first.
"""

from __future__ import annotations

from typing import Protocol

from grader.classroom.layouts import canvas, files, folders, gradescope, moodle, nbgrader, zips
from grader.classroom.layouts.uploads import Reading
from grader.classroom.placing import Catalogue
from grader.classroom.tree import Tree


class Layout(Protocol):
    """What a layout's module has."""

    NAME: str

    def evidence(self, tree: Tree, catalogue: Catalogue) -> str:
        """Return what in a tree tells this layout, nothing if it is another one."""

    def read(self, tree: Tree, catalogue: Catalogue) -> Reading:
        """Return the hand-ins of a tree."""


CERTAIN: tuple[Layout, ...] = (gradescope, nbgrader, moodle, canvas)
LOOSE: tuple[Layout, ...] = (zips, folders, files)
LAYOUTS: dict[str, Layout] = {layout.NAME: layout for layout in (*CERTAIN, *LOOSE)}
MAX_WRAPPING = 4


def detect(tree: Tree, catalogue: Catalogue) -> tuple[Layout, Tree, str] | None:
    """Return the layout of a tree, the tree without folders that only wrap it, and what told the layout."""
    for inner in unwrapped(tree):
        for layout in CERTAIN:
            if why := layout.evidence(inner, catalogue):
                return layout, inner, why
    for inner in reversed(unwrapped(tree, catalogue)):
        for layout in LOOSE:
            if why := layout.evidence(inner, catalogue):
                return layout, inner, why
    return None


def fitted(layout: Layout, tree: Tree, catalogue: Catalogue) -> Tree:
    """Return the tree without wrapping folders, for a layout that was named by a person."""
    wrapped = unwrapped(tree) if layout in CERTAIN else list(reversed(unwrapped(tree, catalogue)))
    return next((inner for inner in wrapped if layout.evidence(inner, catalogue)), wrapped[0])


def unwrapped(tree: Tree, catalogue: Catalogue | None = None) -> list[Tree]:
    """Return the tree, and it without the single folder that all lies in, and so on.

    With a catalogue only folders that can be no student's are left out: those with folders or archives that name no
    exercise, and without a file of one.
    """
    found = [tree]
    while len(found) <= MAX_WRAPPING:
        tops = found[-1].tops()
        if len(tops) != 1 or "" in tops:
            break
        folder = next(iter(tops))
        inner = found[-1].inside(folder)
        if catalogue and (catalogue.of_folder(folder) or not _only_wraps(inner, catalogue)):
            break
        found.append(inner)
    return found


def _only_wraps(inner: Tree, catalogue: Catalogue) -> bool:
    tops = inner.tops()
    files = tops.pop("", [])
    names = [*tops, *(entry.name.rpartition(".")[0] for entry in files)]
    if any(catalogue.of_folder(name) or catalogue.of_file(name) for name in names):
        return False
    return len(names) > 1 or bool(tops)
