"""Gradescope's export: a folder for each hand-in, and `submission_metadata.yml`, which says who is behind it.

A group is one folder with several submitters. Keys are Ruby's symbols (`:name:`), times may be its objects; an id or
an address may be missing. Source: Gradescope's export of submissions, 2024; formats as in its documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from grader import messages
from grader.classroom.handin import Unplaced
from grader.classroom.layouts.uploads import Reading, outside
from grader.classroom.placing import Catalogue, Upload
from grader.classroom.roster import Who
from grader.classroom.tree import Entry, Tree
from grader.errors import SubmissionRejected, UsageError
from grader.submission import too_large

NAME = "gradescope"
METADATA = "submission_metadata.yml"
MAX_METADATA_BYTES = 256 << 20  # it holds every result of every hand-in


def evidence(tree: Tree, catalogue: Catalogue) -> str:
    """Return what tells this layout: its list of hand-ins."""
    return messages.LAYOUT_WHY_FILE.format(file=METADATA) if _list_of(tree) else ""


def read(tree: Tree, catalogue: Catalogue) -> Reading:
    """Return one upload for each folder that the list names.

    Raises:
        UsageError: the list is not there or cannot be read.
    """
    listed = _metadata(tree)
    tops = tree.tops()
    beside = outside(one for one in tops.pop("", []) if one.name != METADATA)
    unknown = [Unplaced(folder, messages.UNPLACED_NO_METADATA) for folder in tops if folder not in listed]
    uploads: list[Upload] = []
    for place, (folder, said) in enumerate(sorted(listed.items(), key=lambda item: _moment(item[1])), start=1):
        who = _submitters(said)
        if folder not in tops:
            unknown.append(Unplaced(folder, messages.UNPLACED_NO_FOLDER))
        elif not who:
            unknown.append(Unplaced(folder, messages.UNPLACED_NOBODY))
        else:
            entries = tuple(one.below(1) for one in tops[folder])
            uploads.append(Upload(who, entries, folder, at=_time(said), order=place))
    return Reading(tuple(uploads), (*unknown, *beside))


def _list_of(tree: Tree) -> Entry | None:
    return next((one for one in tree.entries if one.path == METADATA), None)


def _metadata(tree: Tree) -> dict[str, Mapping[str, Any]]:
    import yaml

    entry = _list_of(tree)
    try:
        if entry is None:
            raise SubmissionRejected(messages.FILE_MISSING.format(file=METADATA, hint=""))
        data = entry.bytes(MAX_METADATA_BYTES, too_large(METADATA, MAX_METADATA_BYTES))
        read = yaml.load(data, Loader=_loader(yaml))
    except (yaml.YAMLError, SubmissionRejected, RecursionError, ValueError) as error:
        raise UsageError(messages.METADATA_UNREADABLE.format(file=METADATA, problem=error)) from error
    if not isinstance(read, dict):
        problem = messages.ROSTER_EMPTY if read is None else type(read).__name__
        raise UsageError(messages.METADATA_UNREADABLE.format(file=METADATA, problem=problem))
    return {str(folder): said if isinstance(said, dict) else {} for folder, said in read.items()}


def _loader(yaml: Any) -> Any:
    """Return a loader that makes plain values only; Ruby's objects become the mappings that they are written as."""

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Safe, and not stopped by a tag that it does not know."""

    def plain(loader: Any, suffix: str, node: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_scalar(node)

    Loader.add_multi_constructor("!", plain)
    return Loader


def _said(of: Mapping[str, Any], name: str) -> Any:
    return of.get(f":{name}", of.get(name))


def _text(of: Mapping[str, Any], name: str) -> str:
    value = _said(of, name)
    return "" if value is None else str(value).strip()


def _submitters(said: Mapping[str, Any]) -> tuple[Who, ...]:
    listed = _said(said, "submitters")
    found = []
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict):
            sid, email, name = (_text(one, key) for key in ("sid", "email", "name"))
            if id := sid or email or name:
                found.append(Who(id, name, email))
    return tuple(found)


def _time(said: Mapping[str, Any]) -> datetime | None:
    value = _said(said, "created_at")
    if isinstance(value, dict):  # Ruby on Rails' own kind of time
        value = _said(value, "utc")
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _moment(said: Mapping[str, Any]) -> datetime:
    return _time(said) or datetime.min.replace(tzinfo=UTC)
