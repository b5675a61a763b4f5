"""Memory: what risk remembers from pass to pass and over restarts, and how passes and fills change it."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import Fill, Side
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.risk import RiskState
from binance_trade_agent.risk_management_agent.breakers import DAY_MS
from binance_trade_agent.risk_management_agent.limits import RiskLimits

# No day is before this one, so the first pass always begins a day.
_UNMARKED = RiskState(peak_equity=ZERO, day=-1, day_start_equity=ZERO)


class RiskMemory:
    """Keeps a RiskState, which is the whole of what must survive a restart.

    Beside it only the profits of closing orders whose fate is still open are kept, at most one order a symbol.
    """

    def __init__(self, limits: RiskLimits) -> None:
        self._limits = limits
        self._closing: dict[str, tuple[Decimal, int]] = {}
        self.state = _UNMARKED

    def restore(self, state: RiskState | None) -> None:
        """Go on from `state`, or from nothing."""
        self.state = state or _UNMARKED
        self._closing.clear()

    def mark(self, view: PortfolioView, *, rearm: bool) -> None:
        """Take equity and prices of a new pass.

        With `rearm`, drawdowns are counted from here: whoever resumed trading has accepted what was lost before.
        """
        state, equity, day = self.state, view.equity, view.time_ms // DAY_MS
        anew = rearm or state.day < 0
        self.state = replace(
            state,
            peak_equity=equity if anew else max(state.peak_equity, equity),
            day=max(state.day, day),
            day_start_equity=equity if anew or day > state.day else state.day_start_equity,
            armed_ms=view.time_ms if anew else state.armed_ms,
            peak_prices=_peaks(state.peak_prices, view),
        )

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

    def note_fill(self, fill: Fill, realized: Decimal, time_ms: int, *, order_is_open: bool) -> None:
        """Count a sale's profit; parts of one order count together when its fate is known, see `note_end`."""
        if fill.side is Side.BUY:
            return
        if order_is_open:
            so_far, _ = self._closing.get(fill.client_order_id, (ZERO, time_ms))
            self._closing[fill.client_order_id] = (so_far + realized, time_ms)
        else:
            self._count(realized, time_ms)

    def note_end(self, client_order_id: str) -> None:
        """The order's fate is known: if it sold something, it is one win or one loss, at the time of its last fill."""
        closed = self._closing.pop(client_order_id, None)
        if closed is not None:
            self._count(*closed)

    def _count(self, realized: Decimal, time_ms: int) -> None:
        if realized == 0:
            return
        streak = self.state.loss_streak + 1 if realized < 0 else 0
        limit = self._limits.max_loss_streak
        until = self.state.entries_paused_until_ms
        if limit and streak >= limit:
            until = max(until, time_ms + self._limits.loss_pause_ms)
        self.state = replace(self.state, loss_streak=streak, entries_paused_until_ms=until)


def _peaks(known: Mapping[str, Decimal], view: PortfolioView) -> dict[str, Decimal]:
    peaks = {}
    for symbol, position in view.positions.items():
        mark = view.marks.get(symbol)
        prices = [price for price in (known.get(symbol), mark) if price is not None]
        if position.quantity > 0 and prices:
            peaks[symbol] = max(prices)
    return peaks
