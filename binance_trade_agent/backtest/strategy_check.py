"""Check of a strategy: what a user's own test can call to learn whether a strategy says over history what it would have said live.

def test_my_strategy():
    found = check_strategy(Breakout())
    assert found.buys and found.sells
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import process_time
from typing import TypeVar

import numpy as np

from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.need import Needs
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.strategies.histories import histories_with_needs, warm_up_candles
from binance_trade_agent.strategies.over_history import BUY, CODES, SELL, actions_over
from binance_trade_agent.strategies.strategy import Strategy, needs_of, opinion_of

Result = TypeVar("Result")

SEEDS = (1, 2, 3, 4)

ENTRIES = 300
"""How many candles of each history an opinion is asked for, behind those that the strategy needs."""

_SYMBOL = "BTCUSDT"
_START_MS = 1_735_689_600_000  # 2025-01-01


@dataclass(frozen=True, slots=True)
class StrategyCheck:
    """What a strategy did in a check: its actions by number, and the processor time that it took for a candle, live and over a history."""

    candles: int
    buys: int
    sells: int
    live_microseconds: float
    history_microseconds: float


def check_strategy(strategy: Strategy, histories: Iterable[CandleWindow] = (), *, interval: str = "1m") -> StrategyCheck:
    """Hold `strategy` against what every strategy promises; raises StrategyError that says which promise is broken, and at which candle.

    - the same candles give the same opinion, and it is one;
    - with fewer candles than it needs it holds;
    - `actions`, where there is such a method, says at every candle what `evaluate` says there;
    - no later candle changes what is said.

    Without `histories` made-up ones of `interval` are used, calm and wild ones, with standstills and with gaps. Own ones must come together
    with what the strategy reads besides (`strategies.histories`). That a strategy says anything is for the caller to ask.
    """
    given = tuple(histories) or tuple(_made_up(strategy, seed, INTERVALS_MS[interval]) for seed in SEEDS)
    checks = [_checked(strategy, window) for window in given]
    candles = max(sum(check.candles for check in checks), 1)
    return StrategyCheck(
        candles,
        sum(check.buys for check in checks),
        sum(check.sells for check in checks),
        sum(check.live_microseconds * check.candles for check in checks) / candles,
        sum(check.history_microseconds * check.candles for check in checks) / candles,
    )


def _checked(strategy: Strategy, window: CandleWindow) -> StrategyCheck:
    needed = warm_up_candles(strategy, window.interval_ms)
    entries = range(max(len(window) - ENTRIES, min(needed, len(window)) - 1, 0), len(window))
    live, live_seconds = _timed(lambda: [_said(strategy, window, entry) for entry in entries])
    _check_beginning(strategy, window)
    for entry, opinion in zip(entries, live, strict=True):
        _check_entry(strategy, window, entry, opinion)
    actions, seconds = _timed(lambda: actions_over(strategy, window))
    expected = [CODES[opinion.action] for opinion in live]
    _compare(strategy, window, entries, actions[entries.start :].tolist(), expected, "actions says another thing than evaluate")
    for cut in (entries.start + len(entries) // 3, len(window) - 1):
        shorter = actions_over(strategy, window.part(0, cut))[entries.start :].tolist()
        _compare(strategy, window, entries, shorter, expected, "later candles change what is said")
    counts = (int(np.count_nonzero(actions == BUY)), int(np.count_nonzero(actions == SELL)))
    return StrategyCheck(len(window), *counts, 1e6 * live_seconds / max(len(live), 1), 1e6 * seconds / max(len(window), 1))


def _check_entry(strategy: Strategy, window: CandleWindow, entry: int, opinion: Opinion) -> None:
    if any(_said(strategy, window, entry) != opinion for _ in range(2)):
        raise _broken(strategy, window, entry, "the same candles give another opinion")


def _check_beginning(strategy: Strategy, window: CandleWindow) -> None:
    for count in sorted({0, 1, strategy.required_candles // 2, strategy.required_candles - 1} & set(range(strategy.required_candles))):
        if _said(strategy, window, count - 1).action is not Action.HOLD:
            raise _broken(strategy, window, count - 1, f"it speaks with {count} of the {strategy.required_candles} candles that it needs")


def _said(strategy: Strategy, window: CandleWindow, entry: int) -> Opinion:
    try:
        return opinion_of(strategy, window.part(0, entry + 1))
    except StrategyError:
        raise
    except Exception as error:
        raise _broken(strategy, window, entry, f"evaluate fails with {type(error).__name__}: {error}") from error


def _compare(strategy: Strategy, window: CandleWindow, entries: range, said: Sequence[int], expected: Sequence[int], what: str) -> None:
    for entry, one, other in zip(entries, said, expected, strict=False):
        if one != other:
            raise _broken(strategy, window, entry, what)


def _broken(strategy: Strategy, window: CandleWindow, entry: int, what: str) -> StrategyError:
    at = f"candle {entry} of {window.symbol} ({window.open_times_ms[entry]})" if entry >= 0 else f"no candle of {window.symbol}"
    return StrategyError(f"strategy {strategy.name}: {what}, at {at}")


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    begin = process_time()
    return work(), process_time() - begin


def _made_up(strategy: Strategy, seed: int, interval_ms: int) -> CandleWindow:
    """A history of `_SYMBOL` with all that the strategy reads besides; what it is like follows from the seed."""
    needs = Needs(needs_of(strategy))
    symbols = sorted({need.symbol for need in needs.of_all if need.symbol} | {_SYMBOL})
    count = warm_up_candles(strategy, interval_ms) + ENTRIES
    histories = {symbol: _walk(symbol, np.random.default_rng((seed, place)), count, interval_ms) for place, symbol in enumerate(symbols)}
    return histories_with_needs(histories, needs)[_SYMBOL]


def _walk(symbol: str, rng: np.random.Generator, count: int, interval_ms: int) -> CandleWindow:
    """A random walk of round prices: of any swing, now and then standing still, and sometimes with candles missing."""
    swing = 10.0 ** rng.uniform(-4.0, -1.5)
    moves = rng.normal(0.0, swing, count)
    for start in rng.integers(0, count, rng.integers(0, 4)).tolist():
        moves[start : start + int(rng.integers(5, 60))] = 0.0
    closes = np.round(100.0 * np.exp(np.cumsum(moves)), 4) + 0.0001
    opens = np.concatenate((closes[:1], closes[:-1]))
    highs = np.maximum(opens, closes) * (1.0 + rng.random(count) * swing)
    lows = np.minimum(opens, closes) * (1.0 - rng.random(count) * swing)
    steps = np.where(rng.random(count) < rng.choice([0.0, 0.03]), rng.integers(2, 30, count), 1)
    times = _START_MS + (np.cumsum(steps) - 1) * interval_ms
    nothing = np.zeros(count)
    rows = (times, opens, highs, lows, closes, rng.random(count), times + interval_ms - 1, nothing, nothing, nothing, nothing)
    table = np.array(rows, np.float64)
    table.flags.writeable = False
    return CandleWindow.over(symbol, interval_ms, table)
