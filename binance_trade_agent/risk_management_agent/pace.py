"""Pace: how soon a symbol may be bought again, and how many orders the account may send a minute, in market time."""

from collections import deque

from binance_trade_agent.domain.counts import counted, named
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.risk import EntryLock, Refused, RiskRule
from binance_trade_agent.domain.spans import lasting
from binance_trade_agent.risk_management_agent.limits import RiskLimits

_MINUTE_MS = 60_000


class OrderPace:
    """Remembers when orders were approved: the newest per symbol, and as many of all as the minute allows.

    After a restart the times of fills in the book keep the cooldown going; the count of the minute begins anew.
    """

    def __init__(self, limits: RiskLimits) -> None:
        self._limits = limits
        self._last_ms: dict[str, int] = {}
        self._recent_ms: deque[int] = deque(maxlen=limits.max_orders_per_minute)

    def note_order(self, symbol: str, time_ms: int) -> None:
        """An order for `symbol` was approved."""
        self._last_ms[symbol] = time_ms
        self._recent_ms.append(time_ms)

    def recent(self, time_ms: int) -> int:
        """How many orders were approved within the minute before `time_ms`."""
        return sum(time_ms - at_ms < _MINUTE_MS for at_ms in self._recent_ms)

    def resting(self, view: PortfolioView) -> tuple[EntryLock, ...]:
        """The symbols that rest after an order at the time of `view`, and until when."""
        symbols = dict.fromkeys((*self._last_ms, *view.positions))
        locks = (self._cooldown(symbol, view.time_ms, view) for symbol in symbols)
        return tuple(lock for lock in locks if lock is not None)

    def refusal(self, symbol: str, time_ms: int, view: PortfolioView) -> Refused | None:
        """Why `symbol` may not be bought at `time_ms`, None when it may."""
        rest = self._cooldown(symbol, time_ms, view)
        if rest is not None:
            return Refused(RiskRule.COOLDOWN, f"{rest.reason} and rests for {lasting(rest.until_ms - time_ms)} more")
        limit = self._limits.max_orders_per_minute
        if len(self._recent_ms) == limit and time_ms - self._recent_ms[0] < _MINUTE_MS:
            orders = f"{counted(limit, 'order')} {named(limit, 'was', 'were')}"
            return Refused(RiskRule.ORDER_RATE, f"{orders} approved within the last minute, which is the limit")
        return None

    def share_refusal(self, symbol: str, closed_ms: int, view: PortfolioView) -> Refused | None:
        """Why a share of `symbol` may not be traded by a candle that had ended by `closed_ms`: it is meant once, and was traded since."""
        traded_ms = self._traded_ms(symbol, view)
        if traded_ms is None or traded_ms < closed_ms:
            return None
        return Refused(
            RiskRule.COOLDOWN, f"{symbol} was traded since its newest candle closed, and the strategy means its share once a candle"
        )

    def _traded_ms(self, symbol: str, view: PortfolioView) -> int | None:
        """When the newest order of `symbol` was approved or filled; None when there is none."""
        position = view.positions.get(symbol)
        booked_ms = position.updated_ms if position else 0
        if symbol not in self._last_ms and not booked_ms:
            return None
        return max(self._last_ms.get(symbol, booked_ms), booked_ms)

    def _cooldown(self, symbol: str, time_ms: int, view: PortfolioView) -> EntryLock | None:
        """The rest of `symbol` after its newest order or fill, None when it does not rest at `time_ms`."""
        traded_ms = self._traded_ms(symbol, view)
        cooldown_ms = self._limits.of(symbol).cooldown_ms
        until_ms = (traded_ms or 0) + cooldown_ms
        if traded_ms is None or time_ms >= until_ms:
            return None
        return EntryLock(RiskRule.COOLDOWN, symbol, traded_ms, until_ms, f"{symbol} was traded less than {lasting(cooldown_ms)} ago")
