"""An exchange that does nothing but count as Binance does, and callers that ask a WeightGovernor before they trouble it."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from recorder import Recorder

from binance_trade_agent.binance.endpoints import Endpoint
from binance_trade_agent.binance.limits.rate_limit import LimitKind, RateLimit
from binance_trade_agent.binance.limits.silence import Silence
from binance_trade_agent.binance.limits.waiting_lines import Admission, Priority
from binance_trade_agent.binance.limits.weight_governor import WeightGovernor
from binance_trade_agent.binance.server_clock import ClockSample, ServerClock
from binance_trade_agent.domain.errors import RateLimitedError
from binance_trade_agent.ports.ban_memory import BanMemory, ForgetfulBanMemory
from binance_trade_agent.simulation.clocks import VirtualClock

START_MS = 1_750_000_000_000
LIMITS = (
    RateLimit(LimitKind.REQUEST_WEIGHT, "1M", 60_000, 240),
    RateLimit(LimitKind.RAW_REQUESTS, "5M", 300_000, 120),
    RateLimit(LimitKind.ORDERS, "10S", 10_000, 5),
    RateLimit(LimitKind.ORDERS, "1D", 86_400_000, 40),
)
"""As the exchange's, but small enough to be reached."""


def sample(offset_ms: int, error_ms: float) -> ClockSample:
    """A look at the exchange's clock that says `offset_ms`, and can be off by `error_ms`."""
    half = int(error_ms - 1)
    return ClockSample(sent_ms=0, received_ms=2 * half, server_ms=offset_ms + half, round_trip_ms=2.0 * half)


class CountingExchange:
    """Counts in windows aligned to its own clock, which is `skew_ms` ahead of ours; remembers every time that a limit was passed."""

    def __init__(self, skew_ms: int = 0, limits: Iterable[RateLimit] = LIMITS, *, tells: bool = True) -> None:
        self._clock = VirtualClock(START_MS)
        self.skew_ms = skew_ms
        self.limits = tuple(limits)
        self._tells = tells
        self._used: Counter[tuple[RateLimit, int]] = Counter()
        self.violations: list[str] = []
        self.counted: Counter[LimitKind] = Counter()

    def handle(self, endpoint: Endpoint[Any], params: Mapping[str, str]) -> dict[str, str]:
        """Count one request now; the headers of its answer."""
        amounts = {LimitKind.REQUEST_WEIGHT: endpoint.weight_of(params), LimitKind.RAW_REQUESTS: 1, LimitKind.ORDERS: endpoint.new_orders}
        headers = {}
        for limit in self.limits:
            window = (self._clock.now_ms() + self.skew_ms) // limit.interval_ms
            self._used[limit, window] += amounts[limit.kind]
            self.counted[limit.kind] += amounts[limit.kind]
            if self._used[limit, window] > limit.most:
                self.violations.append(f"{limit.kind} {limit.window}: {self._used[limit, window]} of {limit.most}")
            if limit.header and self._tells and amounts[limit.kind]:
                headers[limit.header] = str(self._used[limit, window])
        return headers


@dataclass
class Caller:
    """One request of one caller. Travel there and back in seconds; it gives up `cancel_after_s` after it began, if that is set.

    `lost`: no answer comes, although the exchange counts it.
    """

    endpoint: Endpoint[Any]
    start_s: float = 0.0
    wait_s: float = 30.0
    there_s: float = 0.02
    back_s: float = 0.02
    params: Mapping[str, str] = field(default_factory=dict)
    priority: Priority | None = None
    lost: bool = False
    cancel_after_s: float | None = None


@dataclass
class Outcome:
    """What became of a caller: when it was admitted or turned away (virtual seconds), `error` in the second case."""

    caller: Caller
    ended_s: float | None = None
    admitted_s: float | None = None
    error: RateLimitedError | None = None


class Crowd:
    """Callers over one governor."""

    def __init__(self, exchange: CountingExchange, *, memory: BanMemory | None = None) -> None:
        self.exchange = exchange
        self.observer = Recorder()
        self.clock = VirtualClock(START_MS)
        self.server_clock = ServerClock(self.clock.now_ms)
        silence = Silence("exchange.test", self.clock, memory or ForgetfulBanMemory(), self.observer)
        self.governor = WeightGovernor(self.clock, self.server_clock, silence, self.observer)
        self.governor.learn_limits(exchange.limits)
        self.admitted: list[Caller] = []
        self._under_way: set[asyncio.Task[None]] = set()

    def know_the_clock(self, offset_ms: int = 0, error_ms: float = 5.0) -> None:
        self.server_clock.adopt(sample(offset_ms, error_ms))

    async def call(self, caller: Caller) -> Outcome:
        """Wait for the start, ask for leave, travel."""
        outcome, loop = Outcome(caller), asyncio.get_running_loop()
        await asyncio.sleep(caller.start_s)
        task = asyncio.ensure_future(self._ask(caller, outcome))
        if caller.cancel_after_s is not None:
            loop.call_later(caller.cancel_after_s, task.cancel)
        await asyncio.wait([task])
        outcome.ended_s = loop.time()
        if not task.cancelled():
            task.result()
        return outcome

    async def run(self, callers: Iterable[Caller]) -> list[Outcome]:
        outcomes = await asyncio.gather(*(self.call(caller) for caller in callers))
        if self._under_way:
            await asyncio.wait(self._under_way)
        return list(outcomes)

    async def _ask(self, caller: Caller, outcome: Outcome) -> None:
        governor = self.governor
        try:
            admission = governor.try_admit(caller.endpoint, caller.params, caller.priority) or await governor.admit(
                caller.endpoint, caller.params, wait_s=caller.wait_s, priority=caller.priority
            )
        except RateLimitedError as error:
            outcome.error = error
            return
        outcome.admitted_s = asyncio.get_running_loop().time()
        self.admitted.append(caller)
        await self._travel(caller, admission)

    async def _travel(self, caller: Caller, admission: Admission) -> None:
        """The request reaches the exchange whatever becomes of the caller, as in life."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[dict[str, str]] = loop.create_future()
        under_way = asyncio.ensure_future(self._on_the_wire(caller, answer))
        self._under_way.add(under_way)
        under_way.add_done_callback(self._under_way.discard)
        try:
            headers = await asyncio.shield(answer)
        except BaseException:
            self.governor.record_lost(admission)
            raise
        if caller.lost:
            self.governor.record_lost(admission)
        else:
            self.governor.record_answer(admission, headers)

    async def _on_the_wire(self, caller: Caller, answer: "asyncio.Future[dict[str, str]]") -> None:
        await asyncio.sleep(caller.there_s)
        headers = self.exchange.handle(caller.endpoint, caller.params)
        await asyncio.sleep(caller.back_s)
        answer.set_result(headers)
