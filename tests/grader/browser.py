"""A headless Chromium for tests of pages, driven through its own protocol over two pipes; nothing to install beside it.

Source: https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import itertools
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_ANSWER_WALL_S = 60.0
OPEN_ALL = "document.querySelectorAll('details').forEach(one => one.open = true)"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Without the browser's own sandbox, which root and many containers cannot have: it opens nothing but our own pages.
_OPTIONS = [
    "--headless", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
    "--disable-extensions", "--disable-background-networking", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip


def find_browser() -> str | None:
    """Return the path of a Chromium, if this machine has one."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@contextlib.contextmanager
def running_browser(profile: Path) -> Iterator[Browser]:
    """Run a browser for a block; where this machine has none that starts, the test is skipped."""
    path = find_browser()
    if path is None:
        pytest.skip("no Chromium on this machine: pages were not looked at")
    started = Browser(path, profile)
    try:
        if not started.is_alive():
            pytest.skip(f"{path} does not start on this machine: pages were not looked at")
        yield started
    finally:
        started.close()


class Browser:
    """A running browser. Every page is a `Tab`."""

    def __init__(self, path: str, profile: Path) -> None:
        from_us, to_browser = os.pipe()
        from_browser, to_us = os.pipe()
        # The protocol wants 3 and 4; copied above both first, so that neither copy overwrites the other.
        theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (from_us, to_us)]
        quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
        self._pid = os.posix_spawn(
            path,
            [path, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            {**os.environ, "HOME": str(profile)},
            file_actions=[*quiet, *((os.POSIX_SPAWN_DUP2, fd, at) for fd, at in zip(theirs, (3, 4), strict=True))],
            setpgroup=0,
        )
        for fd in (from_us, to_us, *theirs):
            os.close(fd)
        self._write, self._read = to_browser, from_browser
        self._buffer = b""
        self._ids = itertools.count(1)
        self.events: list[dict[str, Any]] = []

    def is_alive(self) -> bool:
        """Whether it started and answers; a placeholder that some systems install under its name does not."""
        try:
            return bool(self.call("Browser.getVersion"))
        except (AssertionError, BrokenPipeError):
            return False

    def close(self) -> None:
        """End the browser and everything it started."""
        os.close(self._write)
        os.close(self._read)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result; events that come in between are kept."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters}
        os.write(self._write, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]  # type: ignore[no-any-return]
            self.events.append(answer)

    def wait_for(self, method: str, session: str) -> None:
        """Wait for an event that may have come already."""
        while not any(one.get("method") == method and one.get("sessionId") == session for one in self.events):
            self.events.append(self._receive())

    @contextlib.contextmanager
    def tab(self, page: str, *, width: int = 1280, dark: bool = False) -> Iterator[Tab]:
        """Open the page at an address in a window of its own."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session)
        try:
            for domain in ("Page", "Runtime", "Log", "Network"):
                tab.call(f"{domain}.enable")
            tab.resize(width)
            scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
            tab.call("Emulation.setEmulatedMedia", features=scheme)
            tab.call("Page.navigate", url=page)
            self.wait_for("Page.loadEventFired", session)
            yield tab
        finally:
            self.call("Target.closeTarget", targetId=target)

    def _receive(self) -> dict[str, Any]:
        deadline = time.monotonic() + _ANSWER_WALL_S
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            data = os.read(self._read, 1 << 20) if ready else b""
            assert data, "the browser ended or did not answer in time"
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)  # type: ignore[no-any-return]


class Tab:
    """One page in the browser."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command about this page."""
        return self._browser.call(method, self._session, **parameters)

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; the page's own policy does not apply to it."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def resize(self, width: int, height: int = 900) -> None:
        """Make the window as wide as this, in CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)

    def screenshot(self) -> bytes:
        """Return the whole page as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def window(self) -> bytes:
        """Return what the window shows as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])

    def pdf(self) -> bytes:
        """Return the page as it prints."""
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)["data"])

    def requests(self) -> list[str]:
        """Return every address the page asked for."""
        return [event["params"]["request"]["url"] for event in self._events("Network.requestWillBeSent")]

    def complaints(self) -> list[str]:
        """Return what the console shows: errors, refused loads, violated policies."""
        logged = [event["params"]["entry"]["text"] for event in self._events("Log.entryAdded")]
        thrown = [str(event["params"]["exceptionDetails"]) for event in self._events("Runtime.exceptionThrown")]
        return logged + thrown + [str(event["params"]["args"]) for event in self._events("Runtime.consoleAPICalled")]

    def _events(self, method: str) -> list[dict[str, Any]]:
        events = self._browser.events
        return [one for one in events if one.get("method") == method and one.get("sessionId") == self._session]
