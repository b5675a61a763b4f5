"""Line: a TCP relay between daemon and exchange that can be cut inside a request or inside its answer."""

import asyncio
import threading
from collections.abc import Coroutine
from enum import StrEnum
from random import Random

WANTED = b"POST /api/v3/order"
MOST_BYTES_OF_ANSWER = 400
"""An answer to an order is cut after so many bytes at most: within its head or its body."""

_CHUNK = 64 * 1024
_START_S = 10.0


class Cut(StrEnum):
    """Inside of what the line breaks."""

    REQUEST = "request"
    ANSWER = "answer"


class Line:
    """Relays to `port` on loopback from a thread of its own; every connection of an order is cut once told how."""

    def __init__(self, port: int, random: Random) -> None:
        self._port = port
        self._random = random
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._relays: set[asyncio.Task[None]] = set()
        self._cut: Cut | None = None
        self.cuts = 0

    def open(self) -> str:
        """Begin, and give the address to trade at."""
        self._thread.start()
        self._server = self._here(asyncio.start_server(self._relay, "127.0.0.1", 0))
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def close(self) -> None:
        """End every connection and the thread."""
        self._here(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut_inside(self, what: Cut | None) -> None:
        """From now on the line of an order's request is cut inside `what`; None: not any more."""
        self._cut = what

    def _here(self, work: "Coroutine[object, object, asyncio.Server | None]") -> asyncio.Server | None:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_S)

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._relays:
            task.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine is run by a task
        self._relays.add(task)
        task.add_done_callback(self._relays.discard)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.transport.abort()
            return
        try:
            await self._pass_on(reader, back, there, writer)
        except (OSError, asyncio.CancelledError):
            pass  # one of the two has gone, or the line ends; asyncio's server would log a relay that was cancelled as a defect
        finally:
            writer.transport.abort()
            back.transport.abort()

    async def _pass_on(
        self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, there: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Until one side ends, or the line is cut."""
        is_watched = asyncio.Event()
        pumps = [
            asyncio.ensure_future(self._requests(reader, back, is_watched)),
            asyncio.ensure_future(self._answers(there, writer, is_watched)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _requests(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, is_watched: asyncio.Event) -> None:
        while chunk := await reader.read(_CHUNK):
            if self._cut is not None and (begins := chunk.find(WANTED)) >= 0:
                if self._cut is Cut.REQUEST:
                    back.write(chunk[: self._random.randrange(begins + 1, len(chunk))])
                    await back.drain()
                    self.cuts += 1
                    return
                is_watched.set()
            back.write(chunk)
            await back.drain()

    async def _answers(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, is_watched: asyncio.Event) -> None:
        while chunk := await there.read(_CHUNK):
            if is_watched.is_set():
                writer.write(chunk[: self._random.randrange(1, min(len(chunk), MOST_BYTES_OF_ANSWER))])
                await writer.drain()
                self.cuts += 1
                return
            writer.write(chunk)
            await writer.drain()
