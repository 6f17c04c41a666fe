"""A headless Chromium, spoken to over pipes in its DevTools protocol (https://chromedevtools.github.io/devtools-protocol)."""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

_WAIT = 20.0


class BrowserError(Exception):
    """The browser refused a command, or did not answer in time."""


class Browser:
    """One page of a headless Chromium. *folder* holds the unpacked packages, *profile* takes what it writes."""

    def __init__(self, folder: Path, profile: Path) -> None:
        self.problems: list[str] = []
        self._next = 0
        self._buffer = b""
        here_in, there_out = os.pipe()
        there_in, here_out = os.pipe()
        self._in, self._out = here_in, here_out
        program = folder / "usr" / "lib" / "chromium" / "chromium-headless-shell"
        libraries = [
            program.parent,
            *sorted(folder.glob("usr/lib/*-linux-gnu")),
            *sorted(folder.glob("usr/lib/*/pulseaudio")),
        ]
        # The protocol is spoken on the descriptors 3 and 4.
        script = f'exec 3<&{there_in} 4>&{there_out}; exec "$0" "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", script, str(program), *_OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            env={**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)), "HOME": str(profile)},
            pass_fds=(there_in, there_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(there_in)
        os.close(there_out)
        self._session = ""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def open(self, path: Path, *, fragment: str = "") -> None:
        """Open a file, and wait until its scripts have run."""
        self._call("Page.navigate", url="about:blank")
        self._call("Page.navigate", url=f"{path.as_uri()}{fragment}")
        self.wait_for("document.readyState === 'complete' && location.protocol === 'file:'")

    def size(self, width: int, height: int, *, dark: bool = False, scale: float = 1) -> None:
        """Set the size of the page in CSS pixels, and the colours that the user prefers."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._call("Emulation.setEmulatedMedia", features=scheme)

    def run(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + _WAIT
        while not self.run(condition):
            if time.monotonic() > end:
                raise BrowserError(f"it never happened: {condition}")
            time.sleep(0.02)

    def press(self, key: str, *, text: str = "") -> None:
        """Press a key: "Enter", "Escape", "ArrowDown", or a character with itself as its text."""
        code = {
            "Enter": 13,
            "Escape": 27,
            "ArrowLeft": 37,
            "ArrowUp": 38,
            "ArrowRight": 39,
            "ArrowDown": 40,
            "Tab": 9,
        }
        event = {"key": key, "windowsVirtualKeyCode": code.get(key, 0), **({"text": text} if text else {})}
        if key == "Enter":
            event["text"] = "\r"
        self._call("Input.dispatchKeyEvent", type="keyDown", **event)
        self._call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def type(self, text: str) -> None:
        """Type text where the focus is."""
        for character in text:
            self.press(character, text=character)

    def point(self, selector: str) -> None:
        """Move the mouse over the middle of an element."""
        self._mouse(selector, ["mouseMoved"])

    def click(self, selector: str) -> None:
        """Click on the middle of an element."""
        self._mouse(selector, ["mouseMoved", "mousePressed", "mouseReleased"])

    def _mouse(self, selector: str, kinds: list[str]) -> None:
        found = self.run(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)}); if (!one) return null; "
            "one.scrollIntoView({block: 'center', inline: 'nearest'}); const box = one.getBoundingClientRect(); "
            "return [box.left + box.width / 2, box.top + box.height / 2]; })()"
        )
        if found is None:
            raise BrowserError(f"nothing is {selector}")
        for kind in kinds:
            button = "none" if kind == "mouseMoved" else "left"
            self._call("Input.dispatchMouseEvent", type=kind, x=found[0], y=found[1], button=button, clickCount=1)

    def picture(self, path: Path) -> None:
        """Write what is seen as a PNG."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._next += 1
        message: dict[str, Any] = {"id": self._next, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive(method)
            if answer.get("id") == self._next:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer.get("method", ""), answer.get("params", {}))

    def _note(self, method: str, event: dict[str, Any]) -> None:
        """Keep what a user would see in the console, and every request that leaves the file."""
        if method == "Runtime.exceptionThrown":
            self.problems.append(str(event["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "warning", "assert"):
            self.problems.append(str(event["args"]))
        elif method == "Log.entryAdded" and event["entry"]["level"] in ("error", "warning"):
            self.problems.append(str(event["entry"]))
        elif method == "Network.requestWillBeSent":
            url = event["request"]["url"]
            if not url.startswith(("file:", "data:", "about:")):
                self.problems.append(f"a request to {url}")

    def _receive(self, method: str) -> dict[str, Any]:
        end = time.monotonic() + _WAIT
        while b"\0" not in self._buffer:
            if not select.select([self._in], [], [], max(0, end - time.monotonic()))[0]:
                raise BrowserError(f"{method}: no answer in {_WAIT:.0f} s")
            part = os.read(self._in, 1 << 20)
            if not part:
                raise BrowserError(f"{method}: the browser has ended (status {self._process.poll()})")
            self._buffer += part
        text, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(text)
        return answer


_OPTIONS = (
    "--remote-debugging-pipe",
    # Containers seldom allow its sandbox; what it opens is our own page.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
)
