"""SubscriptionTalk: asks the exchange, on one connection, for the streams that are wanted, one paced request at a time.

Source: web-socket-streams.md, "Live Subscribing/Unsubscribing to streams" and "WebSocket Limits".
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from binance_trade_agent.binance.streams.bounds import StreamBounds
from binance_trade_agent.binance.streams.control_messages import Answered, Method, control_message
from binance_trade_agent.domain.errors import NotSentError
from binance_trade_agent.domain.stream_facts import StreamEnd

Refusal = tuple[int, str]


class TalkListener(Protocol):
    """Who is told how the talk goes."""

    def on_asking(self, streams: Sequence[str]) -> None:
        """These are about to be asked for; their events may come from now on."""
        ...

    def on_confirmed(self, streams: Sequence[str]) -> None:
        """The exchange has said yes to these."""
        ...

    def on_refused(self, streams: Sequence[str], refusal: Refusal) -> None:
        """The exchange has said no: to the only one, or to at least one of these, which are asked for again in smaller parts."""
        ...

    def on_settled(self) -> None:
        """All that is wanted has been asked for and answered."""
        ...


class SubscriptionTalk:
    """Works towards `wanted`, which belongs to the caller and is read again at every `poke`.

    While `is_frozen` nothing new is asked for, and only unwanted streams are given back.
    """

    def __init__(self, wanted: Collection[str], bounds: StreamBounds, send: Callable[[bytes], None], listener: TalkListener) -> None:
        self._wanted = wanted
        self._bounds = bounds
        self._send = send
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self.is_frozen = False
        self._asked: dict[str, None] = {}
        self._refused: set[str] = set()
        self._divided: deque[list[str]] = deque()
        self._changed = asyncio.Event()
        self._number = 0
        self._answer: asyncio.Future[Refusal | None] | None = None

    def poke(self) -> None:
        """Something has changed: `wanted`, or `is_frozen`."""
        self._changed.set()

    def renew(self, streams: Collection[str]) -> None:
        """Ask for these again although the exchange has said yes, or no, before."""
        if not streams:
            return
        for name in streams:
            self._asked.pop(name, None)
            self._refused.discard(name)
        self._changed.set()

    @property
    def refused(self) -> Collection[str]:
        """Wanted streams that the exchange will not have."""
        return tuple(name for name in self._refused if name in self._wanted)

    def take(self, answer: Answered) -> bool:
        """Whether this answers the request that is open."""
        # An error that names no request can only mean the one that is open.
        is_meant = answer.number == self._number or (answer.number is None and answer.refusal is not None)
        if not is_meant or self._answer is None or self._answer.done():
            return False
        self._answer.set_result(answer.refusal)
        return True

    async def run(self) -> tuple[StreamEnd, str]:
        """Talk until that is impossible, and return why."""
        free_s = self._loop.time()
        try:
            while True:
                request = self._next_request()
                if request is None:
                    self._listener.on_settled()
                    self._changed.clear()
                    await self._changed.wait()
                else:
                    await asyncio.sleep(max(0.0, free_s - self._loop.time()))
                    free_s = self._loop.time() + self._bounds.message_interval_s
                    await self._ask(*request)
        except NotSentError as error:
            return StreamEnd.LOST, str(error)
        except TimeoutError:
            return StreamEnd.NOT_ANSWERED, f"no answer to a request in {self._bounds.answer_timeout_s:g} s"

    def _next_request(self) -> tuple[Method, list[str]] | None:
        """What to ask next; streams are given back first, which makes room for others."""
        most = self._bounds.names_per_message
        unwanted = [name for name in self._asked if name not in self._wanted]
        if unwanted:
            return Method.UNSUBSCRIBE, unwanted[:most]
        if self.is_frozen:
            return None
        while self._divided:
            part = [name for name in self._divided.popleft() if name in self._wanted and name not in self._asked]
            if part:
                return Method.SUBSCRIBE, part
        wanting = [name for name in self._wanted if name not in self._asked and name not in self._refused]
        return (Method.SUBSCRIBE, wanting[:most]) if wanting else None

    async def _ask(self, method: Method, names: list[str]) -> None:
        self._number += 1
        self._answer = self._loop.create_future()
        if method is Method.SUBSCRIBE:
            self._listener.on_asking(names)
        self._send(control_message(method, names, self._number))
        async with asyncio.timeout(self._bounds.answer_timeout_s):
            refusal = await self._answer
        if method is Method.UNSUBSCRIBE:  # should it be refused, events go on coming and are passed over
            for name in names:
                self._asked.pop(name, None)
        elif refusal is None:
            self._asked.update(dict.fromkeys(names))
            self._listener.on_confirmed(names)
        else:
            self._listener.on_refused(names, refusal)
            if len(names) > 1:  # find the one at fault
                middle = len(names) // 2
                self._divided += [names[:middle], names[middle:]]
            else:
                self._refused.add(names[0])
