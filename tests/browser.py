"""A real browser: Chromium without a window, driven by its DevTools protocol over a WebSocket."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
from server_programs import server_program

PATIENCE_S = 60.0
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


class Page:
    """One page; `problems` are what it complained about: errors of scripts, and what its policy forbade."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self._answers: dict[int, asyncio.Future[dict]] = {}
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.accepts_dialogs = True

    async def listen(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._answers.pop(told["id"]).set_result(told)
            else:
                self._hear(told["method"], told["params"])

    def _hear(self, method: str, told: dict) -> None:
        if method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(told["exceptionDetails"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in {"warning", "error"} and told["entry"]["source"] != "network":
            self.problems.append(told["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Page.javascriptDialogOpening":
            self._tasks = asyncio.ensure_future(self.call("Page.handleJavaScriptDialog", accept=self.accepts_dialogs))

    async def call(self, method: str, **about: object) -> dict:
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": about})
        told = await asyncio.wait_for(answer, PATIENCE_S)
        assert "error" not in told, told
        return told["result"]

    async def open(self, address: str, *, width: int = 1280, height: int = 1000, is_phone: bool = False, is_dark: bool = False) -> None:
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}]
        await self.call("Emulation.setEmulatedMedia", features=scheme)
        screen = {"width": width, "height": height, "deviceScaleFactor": 2 if is_phone else 1, "mobile": is_phone}
        await self.call("Emulation.setDeviceMetricsOverride", **screen)
        await self.call("Page.navigate", url=address)
        await self.wait_for("document.readyState !== 'loading'")

    async def value(self, expression: str) -> Any:
        told = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def text(self, element: str) -> str:
        return await self.value(f"document.getElementById({json.dumps(element)}).textContent")

    async def wait_for(self, expression: str) -> None:
        """Return when `expression` is true on the page."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    if await self.value(f"Boolean({expression})"):
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            seen = await self.value("document.body.innerText")
            raise AssertionError(f"{expression} did not come true: {self.problems}\n{seen}") from None

    async def picture(self, path: Path, *, whole: bool = False) -> None:
        shot = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        _write(path, base64.b64decode(shot["data"]))


@asynccontextmanager
async def browser_page(folder: Path) -> AsyncIterator[Page]:
    """An empty page in a browser of its own, whose profile is in `folder`; the test is skipped where there is no Chromium."""
    program = server_program("chromium", "chromium")
    browser = await asyncio.create_subprocess_exec(
        program, *_OPTIONS, f"--user-data-dir={folder}", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        port = await _port(folder / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.put(f"http://127.0.0.1:{port}/json/new?about:blank") as answer:
                place = (await answer.json(content_type=None))["webSocketDebuggerUrl"]
            async with session.ws_connect(place, max_msg_size=0) as socket:
                page = Page(socket)
                listening = asyncio.ensure_future(page.listen())
                try:
                    yield page
                finally:
                    listening.cancel()
                    with suppress(asyncio.CancelledError):
                        await listening
    finally:
        browser.kill()
        await browser.wait()


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


async def _port(file: Path) -> int:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if words := _words(file):
                return int(words[0])
            await asyncio.sleep(0.05)


def _words(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []
