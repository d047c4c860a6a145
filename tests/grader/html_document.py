"""A page as tests ask about it: its elements in order, their text, whether everything that opens closes."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "link", "br", "wbr", "img", "hr", "input"}
_BLOCK = {"p", "li", "dt", "dd", "div", "td", "th", "tr", "ul", "ol", "pre", "h1", "h2", "h3", "article", "section"}


@dataclass
class Element:
    """One element with all text in it; blocks are set off by blanks."""

    tag: str
    attributes: dict[str, str]
    parents: tuple[Element, ...]
    text: str = field(default="", repr=False)

    @property
    def classes(self) -> set[str]:
        """The names in its class attribute."""
        return set(self.attributes.get("class", "").split())

    def is_in(self, tag: str) -> bool:
        """Whether an element of this name is around it."""
        return any(parent.tag == tag for parent in self.parents)


class Document(HTMLParser):
    """A parsed page. It fails where an end tag does not fit: browsers guess there, and each its own way."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute stands twice in <{tag}>"
        element = Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open))
        self.elements.append(element)
        if tag in _BLOCK:
            self.handle_data(" ")
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop().tag == tag, f"</{tag}> closes something else"
        if tag in _BLOCK:
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str | None = None, **attributes: str) -> list[Element]:
        """Return the elements of this name (`class_` is one of the names in class), in the order of the page."""
        css = attributes.pop("class_", None)
        return [
            element
            for element in self.elements
            if tag in (None, element.tag)
            and (css is None or css in element.classes)
            and all(element.attributes.get(name) == value for name, value in attributes.items())
        ]

    def one(self, tag: str | None = None, **attributes: str) -> Element:
        """Return the only such element."""
        (element,) = self.all(tag, **attributes)
        return element

    def inside(self, outer: Element, tag: str | None = None, **attributes: str) -> list[Element]:
        """Return such elements inside another."""
        return [found for found in self.all(tag, **attributes) if any(parent is outer for parent in found.parents)]

    def said(self) -> str:
        """Return all text of the body, blanks folded."""
        return " ".join(self.one("body").text.split())
