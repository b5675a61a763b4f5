"""LiveStatus: tells listeners what changes in the status, as server-sent events, at a bounded rate and to so many of them at most.

A listener first gets the whole status, then only what changed since, so that a phone is not sent the same decisions again and again.
"""

import asyncio
from collections.abc import Callable, Mapping

import orjson
from aiohttp import web

from binance_trade_agent.service.json_answer import refusal

MOST_LISTENERS = 16
PERIOD_S = 2.0
"""From one event to the next; the status is looked at once in that time, however many listen."""

WRITE_PATIENCE_S = 5.0
"""How long a listener may take nothing before it is dropped."""

RECONNECT_MS = 3_000
_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}

Parts = Mapping[tuple[str, str | None], bytes]


class LiveStatus:
    """GET /events; `status` is what GET /status answers with."""

    def __init__(self, status: Callable[[], Mapping[str, object]]) -> None:
        self._status = status
        self._listeners = 0
        self._closing = asyncio.Event()
        self._parts: Parts = {}
        self._looked_s = -PERIOD_S

    def close(self) -> None:
        """Let every listener go at once, and take no more."""
        self._closing.set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Events without a name, until the listener leaves or the face closes; 503 when too many listen already."""
        if self._listeners >= MOST_LISTENERS or self._closing.is_set():
            answer = refusal(503, f"at most {MOST_LISTENERS} listeners are told what changes; /status answers everybody")
            answer.headers["Retry-After"] = "30"
            return answer
        response = web.StreamResponse(headers=_HEADERS)
        self._listeners += 1
        try:
            await self._tell(request, response)
        except ConnectionError:
            pass  # it went away, which is how listening ends
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()  # what it did not take would hold up the close of its connection
        finally:
            self._listeners -= 1
        return response

    async def _tell(self, request: web.Request, response: web.StreamResponse) -> None:
        await response.prepare(request)
        await response.write(f"retry: {RECONNECT_MS}\n\n".encode())
        told: Parts = {}
        while not self._closing.is_set():
            parts = self._now()
            async with asyncio.timeout(WRITE_PATIENCE_S):
                await response.write(b"data: " + _changes(told, parts) + b"\n\n")
            told = parts
            try:
                async with asyncio.timeout(PERIOD_S):
                    await self._closing.wait()
            except TimeoutError:
                continue

    def _now(self) -> Parts:
        """The parts of the status, not older than PERIOD_S."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._looked_s >= PERIOD_S:
            self._looked_s, self._parts = now_s, _parts(self._status())
        return self._parts


def _parts(status: Mapping[str, object]) -> Parts:
    """Each value as JSON; objects at the top are taken apart once more, for in them only some fields change."""
    parts: dict[tuple[str, str | None], bytes] = {}
    for name, value in status.items():
        if isinstance(value, Mapping):
            parts |= {(name, inner): orjson.dumps(each) for inner, each in value.items()}
        else:
            parts[name, None] = orjson.dumps(value)
    return parts


def _changes(told: Parts, parts: Parts) -> bytes:
    """What is not as it was told: an object of values, in which an inner object holds the changed fields of its name."""
    changes: dict[str, object] = {}
    for (name, inner), value in parts.items():
        if told.get((name, inner)) == value:
            continue
        if inner is None:
            changes[name] = orjson.Fragment(value)
        else:
            fields = changes.setdefault(name, {})
            if isinstance(fields, dict):
                fields[inner] = orjson.Fragment(value)
    return orjson.dumps(changes)
