"""Memory: what risk remembers from pass to pass and over restarts, and how passes and fills change it."""

from collections.abc import Container, Mapping, Sequence
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from binance_trade_agent.domain.money import ZERO, plus
from binance_trade_agent.domain.order import Fill, Side
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.risk import (
    ACCOUNT_SCOPE,
    MOST_CLOSED_ORDERS,
    ClosedOrder,
    CountedFills,
    EntryLock,
    RiskRule,
    RiskState,
    UncountedFill,
)
from binance_trade_agent.risk_management_agent.breakers import DAY_MS
from binance_trade_agent.risk_management_agent.limits import RiskLimits
from binance_trade_agent.risk_management_agent.locks import locks_by, with_locks, without_ended

# No day is before this one, so the first pass always begins a day.
_UNMARKED = RiskState(peak_equity=ZERO, day=-1, day_start_equity=ZERO)


class RiskMemory:
    """Keeps a RiskState, which is the whole of what must survive a restart.

    Beside it only what closing orders whose fate is still open have brought so far is kept, and which of them are stops: of the
    orders that are alive.
    """

    def __init__(self, limits: RiskLimits) -> None:
        self._limits = limits
        self._closing: dict[str, _Closing] = {}
        self._stops: set[str] = set()
        self._booked = 0
        self.state = _UNMARKED

    def restore(self, state: RiskState | None, booked: int) -> None:
        """Go on from `state`, or from nothing, with a book of so many fills."""
        self.state = state or _UNMARKED
        self._booked = booked
        self._closing.clear()
        self._stops.clear()

    def count_missed(self, missed: Sequence[UncountedFill], still_open: Container[str]) -> tuple[EntryLock, ...]:
        """Count fills that were booked before a process ended which had not come to count them; orders that are open go on.

        Returns the rests of entries that follow; they are in `state` already.
        """
        locks: list[EntryLock] = []
        for each in missed:
            locks += self._take(each.fill, each.realized, each.fill.time_ms, order_is_open=each.intent is not None)
        for order_id in dict.fromkeys(each.fill.client_order_id for each in missed):
            if order_id not in still_open:
                locks += self.note_end(order_id)
        return tuple(locks)

    @property
    def state_to_keep(self) -> RiskState:
        """The state with how far it has counted what is booked."""
        return replace(self.state, counted=CountedFills(self._booked, tuple(self._closing)))

    def mark(self, view: PortfolioView, equity: Decimal, *, rearm: bool) -> None:
        """Take prices of a new pass, and the view's `equity`.

        With `rearm`, drawdowns are counted from here: whoever let trading or selling go on has accepted what was lost before.
        """
        state, day = self.state, view.time_ms // DAY_MS
        anew = rearm or state.day < 0
        self.state = replace(
            state,
            peak_equity=equity if anew else max(state.peak_equity, equity),
            day=max(state.day, day),
            day_start_equity=equity if anew or day > state.day else state.day_start_equity,
            armed_ms=view.time_ms if anew else state.armed_ms,
            peak_prices=_peaks(state.peak_prices, view),
            locks=without_ended(state.locks, view.time_ms),
        )

    def pass_over(self, equity: Decimal, prices: Mapping[str, Decimal]) -> None:
        """Passes of the same day that were not marked one by one: `equity` was their highest, `prices` the highest of what is held."""
        peaks = {symbol: max(price, self.state.peak_prices.get(symbol, price)) for symbol, price in prices.items()}
        state = self.state
        self.state = replace(state, peak_equity=max(state.peak_equity, equity), peak_prices={**state.peak_prices, **peaks})

    def note_external(self, value: Decimal) -> None:
        """Shift what drawdowns are counted from by money put in (positive) or taken out, so that it is neither profit nor loss."""
        state = self.state
        if state.day >= 0:
            self.state = replace(state, peak_equity=state.peak_equity + value, day_start_equity=state.day_start_equity + value)

    def peak_price(self, symbol: str, price: Decimal) -> Decimal:
        """The highest price since `symbol` was bought, `price` (now) included."""
        return max(self.state.peak_prices.get(symbol, price), price)

    def restart_peak(self, symbol: str, price: Decimal) -> None:
        """Forget earlier highs of `symbol`: what is held of it is dust, and it is being bought anew at `price`."""
        self.state = replace(self.state, peak_prices={**self.state.peak_prices, symbol: price})

    def streak_pause(self, time_ms: int) -> EntryLock | None:
        """The pause after a loss streak that holds at `time_ms`."""
        streak, until_ms = self.state.loss_streak, self.state.entries_paused_until_ms
        if time_ms >= until_ms:
            return None
        since_ms = until_ms - self._limits.loss_pause_ms
        return EntryLock(RiskRule.LOSS_STREAK, ACCOUNT_SCOPE, since_ms, until_ms, f"{streak} closing orders in a row lost")

    def expect_stop(self, client_order_id: str) -> None:
        """What this order sells, it sells at a stop-loss or trailing stop."""
        self._stops.add(client_order_id)

    def note_fill(self, fill: Fill, realized: Decimal, time_ms: int, *, order_is_open: bool) -> tuple[EntryLock, ...]:
        """Count a sale's profit; parts of one order count together when its fate is known, see `note_end`.

        Returns the rests of entries that follow; they are in `state` already.
        """
        self._booked += 1
        return self._take(fill, realized, time_ms, order_is_open=order_is_open)

    def _take(self, fill: Fill, realized: Decimal, time_ms: int, *, order_is_open: bool) -> tuple[EntryLock, ...]:
        if fill.side is Side.BUY:
            return ()
        part = _Closing(fill.symbol, realized, fill.quote_quantity, time_ms)
        if not order_is_open:
            return self._count(part, by_stop=False)
        so_far = self._closing.get(fill.client_order_id)
        self._closing[fill.client_order_id] = part if so_far is None else so_far.and_then(part)
        return ()

    def note_end(self, client_order_id: str) -> tuple[EntryLock, ...]:
        """The order's fate is known: if it sold something, it is one win or one loss, at the time of its last fill.

        Returns the rests of entries that follow; they are in `state` already.
        """
        closing, by_stop = self._closing.pop(client_order_id, None), client_order_id in self._stops
        self._stops.discard(client_order_id)
        return () if closing is None else self._count(closing, by_stop=by_stop)

    def _count(self, closing: "_Closing", *, by_stop: bool) -> tuple[EntryLock, ...]:
        if closing.realized == 0:
            return ()
        state = self.state
        streak = state.loss_streak + 1 if closing.realized < 0 else 0
        limit = self._limits.max_loss_streak
        until = state.entries_paused_until_ms
        if limit and streak >= limit:
            until = max(until, closing.time_ms + self._limits.loss_pause_ms)
        closed = (*state.closed, closing.ended(1 + (state.closed[-1].number if state.closed else 0), by_stop=by_stop))[-MOST_CLOSED_ORDERS:]
        locks = with_locks(state.locks, locks_by(self._limits.locks, closed, state.day_start_equity))
        self.state = replace(state, loss_streak=streak, entries_paused_until_ms=until, closed=closed, locks=locks)
        pause = self.streak_pause(closing.time_ms) if until > state.entries_paused_until_ms else None
        return (*(() if pause is None else (pause,)), *(lock for lock in locks if lock not in state.locks))


class _Closing(msgspec.Struct, frozen=True, gc=False):
    """What a selling order has brought so far: `proceeds` (quote) before commission, and when it last sold."""

    symbol: str
    realized: Decimal
    proceeds: Decimal
    time_ms: int

    def and_then(self, part: "_Closing") -> "_Closing":
        realized, proceeds = plus(self.realized, part.realized), plus(self.proceeds, part.proceeds)
        return _Closing(self.symbol, realized, proceeds, part.time_ms)

    def ended(self, number: int, *, by_stop: bool) -> ClosedOrder:
        cost = max(plus(self.proceeds, -self.realized), ZERO)
        return ClosedOrder(number, self.time_ms, self.symbol, self.realized, cost, by_stop)


def _peaks(known: Mapping[str, Decimal], view: PortfolioView) -> dict[str, Decimal]:
    peaks, marks = {}, view.marks
    for symbol, position in view.positions.items():
        if position.quantity > 0:
            before, now = known.get(symbol), marks.get(symbol)
            peak = before if now is None or (before is not None and before > now) else now
            if peak is not None:
                peaks[symbol] = peak
    return peaks
