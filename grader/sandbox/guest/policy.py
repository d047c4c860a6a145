"""What an exercise forbids, enforced where student code runs: names raise when they are used, not when imported.

The student's files get an `__import__` of their own, which hands out facades of the modules that a rule speaks of;
modules themselves stay as they are, because torch uses them too. Methods are guarded on their class and ask who calls.
Not a wall: what gets around it (sys.modules, threads, torch._C) can be done on purpose only, and the scan reports it.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, Union

from grader import messages
from grader.policy import Forbid, Policy

_IMMUTABLE = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE
Rules = tuple[Forbid, ...]


class ForbiddenUse(Exception):
    """The student's code used a name that the exercise does not allow."""


def locate(name: str) -> tuple[object, object]:
    """Follow a dotted name, importing modules on the way; return what holds it (None for a module) and what it is.

    Raises:
        ImportError, AttributeError: there is no such thing.
    """
    path, *parts = name.split(".")
    owner, value = None, importlib.import_module(path)
    for part in parts:
        owner, path = value, f"{path}.{part}"
        if isinstance(owner, types.ModuleType) and not hasattr(owner, part):
            importlib.import_module(path)
        value = getattr(owner, part)
    return owner, value


def unenforceable(policy: Policy) -> str | None:
    """Return what is wrong with a name of a policy, as a sentence, or None; a misspelt one would forbid nothing."""
    for name in (name for rule in policy.rules for name in rule.names):
        try:
            owner, _ = locate(name)
        except (ImportError, AttributeError):
            return messages.TOML_UNKNOWN_NAME.format(name=name)
        if isinstance(owner, type) and owner.__flags__ & _IMMUTABLE:
            return messages.TOML_NOT_GUARDABLE.format(name=name)
    return None


class Guard:
    """The rules of one exercise, at work in one guest. `files` are the names of the student's files."""

    def __init__(self, policy: Policy, files: frozenset[str]) -> None:
        self.files = files
        self._stems = {file.removesuffix(".py") for file in files}
        self._names: list[tuple[str, object, Forbid]] = []
        self._facades: dict[str, Facade] = {}
        self._guarded: set[type] = set()
        members: dict[str, tuple[type, Rules]] = {}
        for rule in policy.rules:
            for name in rule.names:
                self._add(name, rule, members)
        for name, (owner, rules) in members.items():
            guard_member(owner, name.rpartition(".")[2], functools.partial(self.check, name, rules))
        self._roots = {name.partition(".")[0] for name, _, _ in self._names}

    def _add(self, name: str, rule: Forbid, members: dict[str, tuple[type, Rules]]) -> None:
        try:
            owner, value = locate(name)
        except (ImportError, AttributeError):  # not to be had in here; then student code does not get it either
            owner = value = None
        if isinstance(owner, type):
            members[name] = owner, (*members.get(name, (owner, ()))[1], rule)
        elif isinstance(value, types.ModuleType):
            self._names += [(spelt, None, rule) for spelt in {name, value.__name__}]
        else:  # the same function may have a second name
            self._names.append((name, value if callable(value) else None, rule))

    def builtins(self) -> dict[str, Any]:
        """Return what the student's files find as `__builtins__`."""
        return {**vars(builtins), "__import__": self._import}

    def _import(
        self, name: str, globals: Any = None, locals: Any = None, fromlist: Sequence[str] = (), level: int = 0
    ) -> Any:
        module = builtins.__import__(name, globals, locals, fromlist, level)
        if not isinstance(module, types.ModuleType) or not self._is_guarded(module):
            return module
        facade = self.facade(module)
        if fromlist and "*" in fromlist and not hasattr(module, "__all__"):
            # Python then takes whatever stands in the module's own dictionary, which a facade fills only on demand.
            vars(facade).update({each: getattr(facade, each) for each in dir(module) if not each.startswith("_")})
        return facade

    def _is_guarded(self, module: types.ModuleType) -> bool:
        return module.__name__.partition(".")[0] in self._roots

    def facade(self, module: types.ModuleType) -> Facade:
        """Return the facade of a module, always the same one."""
        name = module.__name__
        if name not in self._facades:
            self._facades[name] = Facade(self, module)
        return self._facades[name]

    def shown(self, name: str, value: Any) -> Any:
        """Return what student code sees of something that it finds under a dotted name."""
        if isinstance(value, types.ModuleType):
            return self.facade(value) if self._is_guarded(value) else value
        rules = tuple(self._rules_for(name, value))
        if not rules:
            return value
        if isinstance(value, type) and all(rule.within for rule in rules) and self._guard_making(name, value, rules):
            return value  # elsewhere it is an ordinary class, also in `type(layer) is nn.Linear`
        return StandIn(self, name, value, rules)

    def _rules_for(self, name: str, value: object) -> Iterator[Forbid]:
        for listed, target, rule in self._names:
            if name == listed or name.startswith(listed + ".") or (target is not None and value is target):
                yield rule

    def check(self, name: str, rules: Rules, frame: types.FrameType | None) -> None:
        """Refuse a use of `name` by the code of `frame`, if that is the student's and a rule applies there.

        Raises:
            ForbiddenUse: with the sentence of the rule.
        """
        if frame is not None and frame.f_code.co_filename in self.files:
            self.refuse_within(name, rules, frame)

    def refuse_within(self, name: str, rules: Rules, frame: types.FrameType | None) -> None:
        """Refuse a use of `name` below `frame`, whoever's code that is, if a rule applies there."""
        for rule in rules:
            if not rule.within or self._is_within(rule.within, frame):
                _refuse(name, rule)

    def _is_within(self, owners: tuple[str, ...], frame: types.FrameType | None) -> bool:
        while frame is not None:
            code = frame.f_code
            if code.co_filename in self.files and not set(owners).isdisjoint(code.co_qualname.split(".")):
                return True
            frame = frame.f_back
        return False

    def _guard_making(self, name: str, kind: type, rules: Rules) -> bool:
        """Let a class refuse to be instantiated by student code where a rule applies; False if that cannot be done."""
        if kind in self._guarded:
            return True
        original: Callable[..., None] = kind.__init__  # type: ignore[misc]

        @functools.wraps(original)
        def __init__(instance: object, /, *args: Any, **kwargs: Any) -> None:
            for rule in rules:
                if self._is_students(type(instance), rule.within):
                    _refuse(name, rule)
            self.check(name, rules, sys._getframe(1))
            original(instance, *args, **kwargs)

        try:
            kind.__init__ = __init__  # type: ignore[misc]
        except TypeError:  # a built-in class
            return False
        self._guarded.add(kind)
        return True

    def _is_students(self, kind: type, owners: tuple[str, ...]) -> bool:
        """Whether a class is, or inherits from, one of the student's with one of these names."""
        return any(base.__name__ in owners and base.__module__ in self._stems for base in kind.__mro__)


def _refuse(name: str, rule: Forbid) -> NoReturn:
    raise ForbiddenUse(messages.FORBIDDEN.format(name=name, sentence=rule.sentence))


class Facade(types.ModuleType):
    """A module as student code sees it: everything is the module's own, but for what is forbidden."""

    __slots__ = ("_grader_guard", "_grader_module")
    _grader_guard: Guard
    _grader_module: types.ModuleType

    def __init__(self, guard: Guard, module: types.ModuleType) -> None:
        super().__init__(module.__name__, module.__doc__)
        for name in ("__spec__", "__loader__", "__package__"):
            del vars(self)[name]
        object.__setattr__(self, "_grader_guard", guard)
        object.__setattr__(self, "_grader_module", module)

    def __getattr__(self, name: str) -> Any:
        module = self._grader_module
        value = getattr(module, name)
        if name.startswith("__"):  # what Python itself asks of a module
            return value
        shown = self._grader_guard.shown(f"{module.__name__}.{name}", value)
        if callable(shown) or isinstance(shown, Facade):  # settings may change, functions do not
            vars(self)[name] = shown
        return shown

    def __setattr__(self, name: str, value: object) -> None:
        vars(self).pop(name, None)
        setattr(self._grader_module, name, value)

    def __dir__(self) -> list[str]:
        return dir(self._grader_module)


class StandIn:
    """Something forbidden that may be imported, named and written in annotations, and raises when it is used."""

    __slots__ = ("_guard", "_name", "_rules", "_value")

    def __init__(self, guard: Guard, name: str, value: Any, rules: Rules) -> None:
        self._guard, self._name, self._value, self._rules = guard, name, value, rules

    def _use(self) -> Any:
        self._guard.refuse_within(self._name, self._rules, sys._getframe(2))
        return self._value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102
        return self._use()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        # Libraries look for double-underscore names in whatever they are given; `typing` does in annotations.
        return getattr(self._value if name.startswith("__") else self._use(), name)

    def __getitem__(self, key: object) -> Any:
        return self._use()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._use())

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[Any, ...]:
        return (self._use(),)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._value)

    def __subclasscheck__(self, kind: type) -> bool:
        return issubclass(kind, self._value)

    def __or__(self, other: Any) -> Any:
        return Union[self, other]  # noqa: UP007 - `|` is what is being defined

    def __ror__(self, other: Any) -> Any:
        return Union[other, self]  # noqa: UP007

    def __deepcopy__(self, memo: object) -> StandIn:
        return self

    def __repr__(self) -> str:
        return repr(self._value)


Check = Callable[[types.FrameType], None]


class GuardedMember:
    """A method, or anything else found on a class, that asks who wants it."""

    def __init__(self, original: Any, check: Check) -> None:
        self._original, self._check = original, check

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        self._check(sys._getframe(1))
        bind = getattr(type(self._original), "__get__", None)
        return bind(self._original, instance, owner) if bind is not None else self._original


class GuardedData(GuardedMember):
    """One that can be assigned to as well, such as `requires_grad`."""

    def __set__(self, instance: object, value: object) -> None:
        self._check(sys._getframe(1))
        self._original.__set__(instance, value)

    def __delete__(self, instance: object) -> None:
        self._check(sys._getframe(1))
        self._original.__delete__(instance)


def guard_member(owner: type, attribute: str, check: Check) -> None:
    """Let an attribute of a class, its own or inherited, call `check` with the frame that asks for it."""
    original = inspect.getattr_static(owner, attribute)
    guarded = GuardedData if hasattr(type(original), "__set__") else GuardedMember
    setattr(owner, attribute, guarded(original, check))
