"""WeightGovernor: lets requests leave in order of priority, and only as many as the exchange's rate limits have room for.

One governor serves an address, whoever sends there by whatever protocol. What a request costs is reserved when it is admitted, so that
many at once cannot overshoot what no answer has told yet; answers then correct the count. Part of each limit is kept from lower
priorities. When the exchange asks for silence (429, 418) nothing leaves until it is over.
Source: rest-api.md, "LIMITS"; web-socket-api.md, "Rate limits".
"""

import asyncio
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from binance_trade_agent.binance.endpoints import Endpoint, WeightPool
from binance_trade_agent.binance.error_codes import TOO_MANY_ORDERS, TOO_MANY_REQUESTS
from binance_trade_agent.binance.limits.rate_limit import MOST_LIMITS, USUAL_LIMITS, LimitKind, RateLimit
from binance_trade_agent.binance.limits.rate_window import RateWindow
from binance_trade_agent.binance.limits.silence import Silence
from binance_trade_agent.binance.limits.waiting_lines import MOST_WAITING, Admission, Amounts, Priority, Waiter, WaitingLines, priority_of
from binance_trade_agent.binance.rest_transport import HeaderLookup
from binance_trade_agent.binance.server_clock import ServerClock
from binance_trade_agent.domain.errors import RateLimitedError
from binance_trade_agent.domain.facts import WeightUsed
from binance_trade_agent.domain.limit_facts import OrdersCounted, RateLimitsKnown, RequestHeldBack, RequestsWaiting
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import Observer, is_heard

_STATUS_TOO_MANY = 429
_COUNT_DIGITS = 9
_SHORTEST_TIMER_S = 0.001

SERVERS_DIFFER_MS = 100
"""How far the clocks of the exchange's servers may differ among themselves, on top of how far we may be off."""

LONGEST_GUARD_MS = 5_000
"""With a clock that is known less well than this there is no telling in which window we are."""

_PLACES = {LimitKind.REQUEST_WEIGHT: 0, LimitKind.RAW_REQUESTS: 1, LimitKind.ORDERS: 2}
_ORDERS_PLACE = _PLACES[LimitKind.ORDERS]

KEPT_FROM = {Priority.CANCEL: 0, Priority.ORDER: 0, Priority.ACCOUNT: 60, Priority.MARKET: 12, Priority.BACKGROUND: 4}
"""The reserve: one part in so many of a limit is kept from a priority for those above it (0: nothing). Of 6,000 a minute, 100 are for
orders and cancels alone, 400 more for order queries and the account, and 1,000 more are kept from what runs in the background."""


class _Block(NamedTuple):
    """Why a request may not leave now, and for how many real milliseconds at least; infinite when it never fits."""

    code: int
    why: str
    wait_ms: float

    @property
    def is_for_orders(self) -> bool:
        """True when it keeps back new orders and nothing else."""
        return self.code == TOO_MANY_ORDERS

    def error(self) -> RateLimitedError:
        """What a caller is told who cannot wait."""
        return RateLimitedError(self.code, f"not sent: {self.why}", _STATUS_TOO_MANY, self.wait_ms / 1_000)


_CROWDED = _Block(TOO_MANY_REQUESTS, "too many requests wait before it", 0.0)


class _Counted:
    """A limit's window, the place of its amount in an admission, and how far each priority may fill it.

    It is known since the admission `since_seq`; those up to it were never counted in it.
    """

    __slots__ = ("header", "place", "rooms", "since_seq", "window")

    def __init__(self, limit: RateLimit, since_seq: int = 0) -> None:
        self.window = RateWindow(limit)
        self.since_seq = since_seq
        self.place = _PLACES[limit.kind]
        self.header = limit.header
        self.learn(limit)

    def learn(self, limit: RateLimit) -> None:
        self.window.limit = limit
        shared = self.place != _ORDERS_PLACE
        self.rooms = tuple(limit.most - (limit.most // parts if shared and parts else 0) for parts in KEPT_FROM.values())

    def has_room_for(self, amount: int, place: Priority) -> bool:
        """What is known leaves to each priority its part; what is only assumed of others may not fill up all of it."""
        whole = self.window.used + amount
        return whole <= self.rooms[place] and whole + self.window.assumed <= max(self.rooms[place], self.rooms[Priority.ACCOUNT])

    def share_of(self, admission: Admission) -> int:
        """What was counted here when `admission` was given."""
        return admission.amounts[self.place] if admission.seq > self.since_seq else 0


class WeightGovernor:
    """Admits requests to one address.

    Use: `admission = governor.try_admit(...) or await governor.admit(...)` right before sending, and afterwards exactly one of
    `record_answer` (or `record_limits`), `record_lost` (no answer came) and `record_unsent`. `market_speed` is how many milliseconds
    of `clock` pass in a real one. `server_clock` gives the windows: who has to wait while it is not measured should measure it first.
    """

    def __init__(self, clock: Clock, server_clock: ServerClock, silence: Silence, observer: Observer, *, market_speed: float = 1.0) -> None:
        self._clock = clock
        self._server_clock = server_clock
        self._silence = silence
        self._observer = observer
        self._is_heard = is_heard(observer)
        self._speed = market_speed
        self._counted = [_Counted(limit) for limit in USUAL_LIMITS]
        self._shared = _not_of_orders(self._counted)
        self._lines = WaitingLines()
        self._seq = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_aligned = False
        self._clock_version = -1

    # -- before a request -----------------------------------------------------------------------------------------------------

    def try_admit(self, endpoint: Endpoint[Any], params: Mapping[str, str], priority: Priority | None = None) -> Admission | None:
        """Leave to send now, or None when this request has to wait."""
        place = priority_of(endpoint) if priority is None else priority
        amounts = _amounts(endpoint, params)
        if (self._lines.count and self._lines.is_behind(place)) or self._block(place, amounts) is not None:
            return None
        return self._grant(amounts)

    async def admit(
        self, endpoint: Endpoint[Any], params: Mapping[str, str], *, wait_s: float, priority: Priority | None = None
    ) -> Admission:
        """Leave to send, after waiting for room up to `wait_s` seconds.

        Raises RateLimitedError, saying how long it would take: at once when it is certain not to fit into `wait_s`.
        """
        place = priority_of(endpoint) if priority is None else priority
        amounts = _amounts(endpoint, params)
        behind = self._lines.is_behind(place)
        block = self._block(place, amounts)
        if block is None and not behind:
            return self._grant(amounts)
        if block is None or self._lines.count >= MOST_WAITING:
            block = block or _CROWDED
        if wait_s <= 0 or block.wait_ms > wait_s * 1_000 or self._lines.count >= MOST_WAITING:
            self._observer.observe(RequestHeldBack(place.label, 0.0, admitted=False))
            raise block.error()
        return await self._wait(Waiter(place, amounts, asyncio.get_running_loop().create_future()), wait_s)

    async def _wait(self, waiter: Waiter, wait_s: float) -> Admission:
        label, since_ms = waiter.priority.label, self._clock.monotonic_ms()
        self._observer.observe(RequestsWaiting(label, self._lines.join(waiter)))
        deadline = asyncio.get_running_loop().call_later(wait_s, self._expire, waiter)
        self._set_timer()
        admission: Admission | None = None
        try:
            admission = await waiter.leave
            return admission
        except asyncio.CancelledError:
            if waiter.is_admitted:
                self.record_unsent(waiter.leave.result())  # admitted in the very moment of being cancelled
            raise
        finally:
            deadline.cancel()
            self._observer.observe(RequestsWaiting(label, self._lines.leave(waiter)))
            self._observer.observe(RequestHeldBack(label, self._clock.monotonic_ms() - since_ms, admitted=admission is not None))
            self._move()

    def _expire(self, waiter: Waiter) -> None:
        self._lines.leave(waiter)
        if not waiter.leave.done():
            waiter.leave.set_exception((self._block(waiter.priority, waiter.amounts) or _CROWDED).error())

    # -- after a request ------------------------------------------------------------------------------------------------------

    def record_answer(self, admission: Admission, headers: HeaderLookup) -> None:
        """An answer came, whatever it says; `headers` (names in lower case) may tell what the exchange has counted."""
        now_ms, amounts = self._now_ms(), admission.amounts
        for each in self._counted if amounts[_ORDERS_PLACE] else self._shared:
            amount = amounts[each.place] if admission.seq > each.since_seq else 0
            if amount:
                self._settle(each, admission.seq, amount, _count(headers.get(each.header)) if each.header else None, now_ms)
        if self._lines.count:
            self._move()

    def record_limits(self, admission: Admission, told: Mapping[RateLimit, int]) -> None:
        """An answer of the WebSocket API came, whatever it says; `told` are its `rateLimits` with the count of each."""
        self.learn_limits(told)
        now_ms = self._now_ms()
        for each in self._counted:
            amount, report = each.share_of(admission), told.get(each.window.limit)
            if amount or report is not None:
                self._settle(each, admission.seq, amount, report, now_ms)
        self._move()

    def record_lost(self, admission: Admission) -> None:
        """The request may have left, and no answer came."""
        now_ms = self._now_ms()
        for each in self._counted:
            if not each.window.opened_ms <= now_ms < each.window.turns_at_ms:
                each.window.turn(now_ms, self._seq)
            each.window.lose(each.share_of(admission))

    def record_unsent(self, admission: Admission) -> None:
        """The request did not leave after all."""
        for each in self._counted:
            each.window.give_back(each.share_of(admission))
        self._move()

    def record_limited(self, error: RateLimitedError) -> None:
        """The exchange answered that it was too much, and how long to be quiet."""
        self._silence.keep(error)

    def learn_limits(self, limits: Iterable[RateLimit]) -> None:
        """Go by these limits from now on, as exchangeInfo states them; what is counted already stays counted."""
        for limit in limits:
            known = next((each for each in self._counted if each.window.limit.counts_as(limit)), None)
            if known is None and len(self._counted) < MOST_LIMITS:
                self._counted.append(_Counted(limit, self._seq))
                self._shared = _not_of_orders(self._counted)
                self._clock_version = -1  # the new window has to be aligned, too
            elif known is not None and known.window.limit != limit:
                known.learn(limit)
            if limit.kind is LimitKind.REQUEST_WEIGHT:
                self._observer.observe(RateLimitsKnown(limit.most, limit.most // KEPT_FROM[Priority.MARKET]))
        self._move()

    def used(self, kind: LimitKind) -> int:
        """What is counted at present in the shortest window of `kind`."""
        windows = sorted(
            (each.window for each in self._counted if each.window.limit.kind is kind), key=lambda window: window.limit.interval_ms
        )
        return windows[0].used if windows else 0

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return self._lines.count

    # -- inside ---------------------------------------------------------------------------------------------------------------

    def _block(self, place: Priority, amounts: Amounts) -> _Block | None:
        """What keeps a request from leaving now; None when nothing does."""
        if self._silence.is_kept and (silent := self._silent(amounts)) is not None:
            return silent
        now_ms = self._now_ms()
        for each in self._counted if amounts[_ORDERS_PLACE] else self._shared:
            window, amount = each.window, amounts[each.place]
            if not window.opened_ms <= now_ms < window.turns_at_ms:
                window.turn(now_ms, self._seq)
            if amount and not each.has_room_for(amount, place):
                return self._full(each, amount, place)
        return None

    def _silent(self, amounts: Amounts) -> _Block | None:
        orders_ms, all_ms = self._silence.orders_left_ms(), self._silence.left_ms()
        if all_ms > 0:
            return _Block(TOO_MANY_REQUESTS, "the exchange asked for silence", all_ms)
        if orders_ms > 0 and amounts[_ORDERS_PLACE]:
            return _Block(TOO_MANY_ORDERS, "the exchange asked for no new orders", orders_ms)
        return None

    def _full(self, each: _Counted, amount: int, place: Priority) -> _Block:
        limit = each.window.limit
        code = TOO_MANY_ORDERS if each.place == _ORDERS_PLACE else TOO_MANY_REQUESTS
        if amount > each.rooms[place]:
            return _Block(code, f"it alone exceeds what {limit.kind} of {limit.window} leaves to it ({each.rooms[place]})", math.inf)
        wait_ms = max(each.window.turns_at_ms - self._now_ms(), 1) / self._speed
        assumed = f", and maybe {each.window.assumed} by others" if each.window.assumed else ""
        used = f"{each.window.used} of {limit.most} used{assumed}"
        return _Block(code, f"{limit.kind} of {limit.window} has no room for it ({used})", wait_ms)

    def _grant(self, amounts: Amounts) -> Admission:
        for each in self._counted if amounts[_ORDERS_PLACE] else self._shared:
            each.window.take(amounts[each.place])
        self._seq += 1
        return Admission(amounts, self._seq)

    def _settle(self, each: _Counted, sent_seq: int, amount: int, report: int | None, now_ms: float) -> None:
        window = each.window
        if not window.opened_ms <= now_ms < window.turns_at_ms:
            window.turn(now_ms, self._seq)
        if window.settle(amount, report, sent_seq, self._seq + 1, now_ms):
            self._seq += 1
        if report is not None and self._is_heard:
            kind = window.limit.kind
            self._observer.observe(WeightUsed(report) if kind is LimitKind.REQUEST_WEIGHT else OrdersCounted(window.limit.window, report))

    def _move(self) -> None:
        """Let go who may leave: by priority, and in each line in order. Who waits for orders' own limit holds up no other line."""
        if not self._lines.count:
            return
        for priority in Priority:
            while (waiter := self._lines.first(priority)) is not None:
                if waiter.leave.done():
                    self._lines.leave(waiter)
                elif (block := self._block(priority, waiter.amounts)) is None:
                    self._lines.leave(waiter)
                    waiter.leave.set_result(self._grant(waiter.amounts))
                elif math.isinf(block.wait_ms):
                    self._lines.leave(waiter)
                    waiter.leave.set_exception(block.error())
                elif block.is_for_orders:
                    break
                else:
                    self._set_timer()
                    return
        self._set_timer()

    def _set_timer(self) -> None:
        """Look again when the first of those that wait next can leave, whatever else happens until then."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waits_ms = [block.wait_ms for waiter in self._lines.firsts() if (block := self._block(waiter.priority, waiter.amounts)) is not None]
        if waits_ms and math.isfinite(least_ms := min(waits_ms)):
            self._timer = asyncio.get_running_loop().call_later(max(least_ms / 1_000, _SHORTEST_TIMER_S), self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        self._move()

    def _now_ms(self) -> float:
        """The time that windows follow: the exchange's when it is known well enough, else our own that never jumps."""
        if self._clock_version != self._server_clock.version:
            self._realign()
        return self._server_clock.now_ms() if self._is_aligned else self._clock.monotonic_ms() * self._speed

    def _realign(self) -> None:
        """The exchange's clock was measured or called into doubt: windows follow what is known of it now."""
        self._clock_version = self._server_clock.version
        guard_ms = self._server_clock.error_bound_ms + SERVERS_DIFFER_MS
        self._is_aligned = guard_ms <= LONGEST_GUARD_MS
        for each in self._counted:
            if self._is_aligned:
                each.window.align(self._server_clock.now_ms(), math.ceil(guard_ms), self._seq)
            else:
                each.window.unalign(self._clock.monotonic_ms() * self._speed)


def _not_of_orders(counted: Iterable[_Counted]) -> list[_Counted]:
    """The limits that every request counts in; most count in no other."""
    return [each for each in counted if each.place != _ORDERS_PLACE]


def _amounts(endpoint: Endpoint[Any], params: Mapping[str, str]) -> Amounts:
    """What a request counts as here; other pools of weight are counted by nobody, because what we ask there is next to nothing."""
    return endpoint.weight.of(params) if endpoint.pool is WeightPool.SPOT else 0, 1, endpoint.new_orders


def _count(text: str | None) -> int | None:
    """The number in a header; None when it holds none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _COUNT_DIGITS else None
