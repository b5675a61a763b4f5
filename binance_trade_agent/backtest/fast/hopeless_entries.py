"""Hopeless entries: purchases that risk is certain to refuse, with the rule, found without a review.

A strategy that speaks on every candle asks to buy again and again what is held already. A pass is not walked for that where floats prove
the refusal. They prove it only with room to spare; what is near to being allowed is reviewed in decimals like everything else.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from binance_trade_agent.backtest.fast.tracks import Track
from binance_trade_agent.domain.risk import RiskRule, SizingMethod
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.risk_management_agent import RiskLimits
from binance_trade_agent.risk_management_agent.market_checks import candle_age_limit_ms
from binance_trade_agent.risk_management_agent.sizing import FALL_WITHOUT_STOP

CALM, WILD, UNDECIDED = 1, -1, 0

_SLACK = 1e-9
"""Relative error that a volatility in floats may have; it is a million times what it does have."""

_STEP_SLACK = 1e-6
"""A quantity this near to a whole number of steps may be rounded to either, however little money there is."""

_MONEY_SLACK = 1e-12
"""Fraction of all money within which sums of it in floats may err, be it that of a thousand positions."""

_MOST_SLACK = 0.25
"""Steps within which a quantity must be known: with more money, or finer steps, floats prove nothing."""

_RULES = (RiskRule.TRADE_SIZE, RiskRule.POSITION_LIMIT, RiskRule.EXPOSURE_LIMIT, RiskRule.CASH)
"""What leaves room for a purchase, in the order in which sizing asks."""


class HopelessEntries:
    """Of one symbol. `market` says of each pass, shape (passes,), what the market checks of risk would say of a purchase."""

    def __init__(self, track: Track, account: RiskLimits, rules: SymbolRules) -> None:
        limits = account.of(track.symbol)
        self._prices = track.price_floats
        # How much room a correlation leaves, only a review can say.
        is_sure = account.max_correlated_exposure == 1
        self.market = _market(track, limits) if is_sure else np.full(len(track.times_ms), UNDECIDED, np.int8)
        step = rules.quantity_step(market=True)
        self._step = float(step) if step else 10.0**-rules.base_precision
        self._least = max(float(rules.least_quantity(market=True)), self._step)
        self._min_notional = float(rules.min_notional)
        self._after_fall = float(1 - (limits.stop_loss_pct or FALL_WITHOUT_STOP))
        self._fee = float(limits.taker_rate)
        self._trade = float(limits.max_single_trade_size)
        self._position = float(limits.max_position_per_symbol)
        self._total = float(limits.max_total_exposure)
        self._reserve = float(limits.cash_reserve)
        self._edges: tuple[tuple[float, float], int, int] | None = None

    def rule(self, number: int, held: float, exposure: float, cash: float, committed: float = 0.0) -> RiskRule | None:
        """Which limit leaves too little for any purchase in pass `number`; None where that is not certain.

        `held` (base), `exposure` and `cash` (quote) are as the pass finds them, `committed` (quote) is what it has approved before.
        """
        price = self._prices.item(number)
        equity = cash + exposure
        slack = _slack(abs(cash) + exposure + committed, price * self._step)
        if slack > _MOST_SLACK:
            return None
        with_fee, fewest = price * (1 + self._fee), self._fewest_steps(price)
        rooms = (
            self._trade * equity / price,
            self._position * equity / price - held,
            (self._total * equity - exposure - committed) / with_fee,
            (cash - self._reserve * equity - committed) / with_fee,
        )
        found, least, plenty = None, fewest, (fewest + 1) * self._step
        for rule, room in zip(_RULES, rooms, strict=True):
            if room > plenty:
                continue
            most = max(room, 0.0) / self._step + slack
            steps = math.floor(most)
            if steps > 0 and most < fewest + 1 and most - steps < 2 * slack:
                return None
            if steps < least:
                found, least = rule, steps
        return found

    def rule_within(self, prices: tuple[float, float], held: float, money: tuple[float, float, float]) -> RiskRule | None:
        """The one limit that leaves too little for any purchase while the price lies within `prices`; None where that is not certain.

        `held` is in base; `money` is the least and the greatest exposure meanwhile, and cash, all in quote.
        """
        (low, high), (least, most, cash) = prices, money
        slack = _slack(abs(cash) + most, low * self._step)
        if slack > _MOST_SLACK:
            return None
        poor, rich, with_fee = cash + least, cash + most, 1 + self._fee
        rooms = (
            (self._trade * poor / high, self._trade * rich / low),
            (self._position * poor / high - held, self._position * rich / low - held),
            ((self._total * poor - most) / (high * with_fee), (self._total * rich - least) / (low * with_fee)),
            ((cash - self._reserve * rich) / (high * with_fee), (cash - self._reserve * poor) / (low * with_fee)),
        )
        if self._edges is None or self._edges[0] != prices:
            self._edges = (prices, self._fewest_steps(high), self._fewest_steps(low))
        _, dear, cheap = self._edges
        too_little, plenty, found = (dear - 2 * slack) * self._step, (cheap + 1) * self._step, None
        for rule, (narrowest, widest) in zip(_RULES, rooms, strict=True):
            if narrowest > plenty:
                continue
            if found is not None or widest >= too_little:
                return None
            found = rule
        return found

    def _fewest_steps(self, price: float) -> int:
        """A purchase has at least so many steps, or more."""
        quantity = max(self._least, self._min_notional / (price * self._after_fall))
        return _least_whole(_least_whole(quantity / self._step) / (1 - self._fee))


def _slack(money: float, step: float) -> float:
    """How many steps, worth `step` each, a quantity may err that is reckoned from so much money; endless where a step is worth nothing."""
    return _STEP_SLACK + _MONEY_SLACK * money / step if step > 0 else math.inf


def _least_whole(steps: float) -> int:
    """The whole number that `steps`, which may err, are rounded up to, or one less."""
    return math.ceil(steps - _STEP_SLACK - _MONEY_SLACK * steps)


def _market(track: Track, limits: RiskLimits) -> NDArray[np.int8]:
    """CALM where only pace and money can stand against a purchase, WILD where volatility certainly does, else UNDECIDED."""
    passes = np.full(len(track.times_ms), UNDECIDED, np.int8)
    if limits.min_confidence > 0 or limits.sizing.method is not SizingMethod.FRACTION or limits.sizing.fraction:
        return passes
    closed = track.closed
    is_new = np.diff(closed, prepend=-1) > 0
    age_ms = track.times_ms - (track.window.close_times_ms[np.maximum(closed - 1, 0)] + 1)
    young = is_new & (closed > limits.volatility_candles) & (age_ms <= candle_age_limit_ms(limits, track.window.interval_ms))
    buying = np.flatnonzero(young & (track.actions > 0))
    passes[buying] = _swings(track, limits, buying) if limits.volatility_threshold else CALM
    return passes


def _swings(track: Track, limits: RiskLimits, numbers: NDArray[np.int64]) -> NDArray[np.int8]:
    """Volatility in those passes, as risk measures it, against its threshold."""
    count, closes = limits.volatility_candles, track.window.closes
    if not len(numbers) or count >= track.window_length or not (closes > 0).all():
        return np.full(len(numbers), UNDECIDED, np.int8)
    returns = sliding_window_view(np.diff(np.log(closes)), count)[track.closed[numbers] - 1 - count]
    measured, threshold = returns.std(axis=1), float(limits.volatility_threshold)
    return np.where(measured <= threshold * (1 - _SLACK), CALM, np.where(measured > threshold * (1 + _SLACK), WILD, UNDECIDED)).astype(
        np.int8
    )
