"""The evaluation of searched values: a backtest by the fast path over a part of the candles, and the figures of it that a search needs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from binance_trade_agent.backtest.closed_trades import ClosedTrade, closed_trades
from binance_trade_agent.backtest.fast.histories import Histories, load_histories
from binance_trade_agent.backtest.fast.plan import BacktestPlan
from binance_trade_agent.backtest.fast.result import BacktestResult
from binance_trade_agent.backtest.fast.run import run_backtest
from binance_trade_agent.backtest.report.figures import curve_figures, trade_figures
from binance_trade_agent.backtest.report.growth import Growth
from binance_trade_agent.backtest.search.jobs import Evaluate, Job, Outcome, Value, peak_bytes
from binance_trade_agent.backtest.search.objectives import Objective
from binance_trade_agent.backtest.search.values import is_setting, parameters_with, settings_of
from binance_trade_agent.domain.errors import ConfigurationError, StrategyError
from binance_trade_agent.domain.need import SPARE_CANDLES, Frame, interval_name
from binance_trade_agent.domain.utc_text import utc_minute
from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.checks import SettingsDisagreeError, check_together
from binance_trade_agent.signal_agent import SignalAgent
from binance_trade_agent.simulation.markets.recorded import RecordedMarket
from binance_trade_agent.storage.candles.calendar import Span
from binance_trade_agent.strategies.strategy import MAX_REQUIRED_CANDLES, Strategy
from binance_trade_agent.wiring.needed_candles import require_room_for
from binance_trade_agent.wiring.stations import signal_agent

_SPARE_CANDLES = 2
"""Before what strategies read: the candle that a book's depth is made of, and the one that is open."""


def searched_strategy(settings: Settings) -> Strategy:
    """The strategy that is searched: that of all symbols without one of their own. Raises StrategyError or ConfigurationError."""
    return signal_agent(settings).strategy_for("")


def settings_with(settings: Settings, values: Mapping[str, Value], interval_ms: int | None = None) -> Settings:
    """`settings` with searched values in their places, and a candle window that is long enough for them.

    `interval_ms` is how long the candles are; None: as CANDLE_INTERVAL says. Raises StrategyError, ConfigurationError or ValidationError
    for values that cannot be, SettingsDisagreeError for those that cannot be together.
    """
    update: dict[str, Any] = {name: _checked(name, text) for name, text in settings_of(values).items()}
    if not all(is_setting(name) for name in values):
        update["strategy_parameters"] = parameters_with(searched_strategy(settings), settings.strategy_parameters, values)
    made = settings.model_copy(update=update)
    widest = made.model_copy(update={"candle_window": MAX_REQUIRED_CANDLES})
    needed = _longest_window(signal_agent(widest), interval_ms or made.candle_interval_ms)
    if needed > made.candle_window:
        made = made.model_copy(update={"candle_window": needed})
    check_together(made)
    return made


def _longest_window(signals: SignalAgent, interval_ms: int) -> int:
    """How many candles of `interval_ms` strategies read, of their own symbol or of another; longer ones have windows of their own."""
    needs = signals.needs
    every = (need for needed in (needs.of_all, *needs.per_symbol.values()) for need in needed)
    others = (need.candles + SPARE_CANDLES for need in every if need.of(Frame("", interval_ms)).interval_ms == interval_ms)
    return max([signals.required_candles, *others])


def _checked(name: str, text: str) -> object:
    field = Settings.model_fields.get(name)
    if field is None:
        raise ConfigurationError(f"--range {name.upper()} is no setting")
    kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    return TypeAdapter(kind).validate_python(text)


@dataclass(frozen=True, slots=True)
class BacktestEvaluation:
    """Backtests of one plan with other values, over parts of its time; opening it reads the candles.

    `digest` is that of the plan over the candles that the search began with; empty where there is nothing to compare with.
    """

    plan: BacktestPlan
    digest: str = ""

    def opened(self) -> Evaluate:
        """Read the candles, and return what runs one job over them. Raises ConfigurationError for another digest than `digest`."""
        return self.bench().opened()

    def bench(self) -> "Bench":
        """The plan with its candles, and with the rules that all candles together suggest where none are given."""
        histories = load_histories(self.plan)
        digest = self.plan.digest(histories.description)
        if self.digest not in ("", digest):
            raise ConfigurationError(
                f"{self.plan.candles} or the strategy's file is not here what it is where the search began: "
                f"plan and candles come to {digest}, not to {self.digest}"
            )
        rules = dict(RecordedMarket(histories.recorded(), rules=self.plan.rules).rules)
        return Bench(replace(self.plan, rules=rules), histories)


@dataclass(frozen=True, slots=True)
class Bench:
    """A plan with its candles in memory."""

    plan: BacktestPlan
    histories: Histories

    def opened(self) -> Evaluate:
        """What runs one job; the candles are there."""
        return self.run

    def elsewhere(self) -> BacktestEvaluation:
        """The same without the candles, for a worker that reads them itself; they must be those that are here."""
        return BacktestEvaluation(self.plan, self.plan.digest(self.histories.description))

    def run(self, job: Job) -> Outcome:
        """One backtest. Values that strategy, settings or candles do not allow are an outcome of their own."""
        try:
            settings = self._settings_with(job.values)
        except (StrategyError, ConfigurationError) as error:
            return Outcome.refused(str(error))
        except ValidationError as error:
            return Outcome.refused(error.errors(include_url=False)[0]["msg"])
        except SettingsDisagreeError as error:
            return Outcome.refused("; ".join(error.lines))
        plan = replace(self.plan, settings=settings, start_ms=job.span.start_ms, end_ms=job.span.end_ms)
        return _outcome(run_backtest(plan, histories=self._part(settings, job.span)), job)

    def _settings_with(self, values: Mapping[str, Value]) -> Settings:
        """The plan's settings with `values`. Raises as `settings_with` does, and for needs that the plan's candles cannot meet."""
        interval_ms, symbols = self.histories.interval_ms, tuple(self.histories.columns)
        settings = settings_with(self.plan.settings, values, interval_ms)
        needs = signal_agent(settings).needs
        over_these = {"candle_interval": interval_name(interval_ms), "trading_symbols": symbols}
        require_room_for(needs, settings.model_copy(update=over_these))
        for symbol in symbols:
            for need in needs.of(symbol):
                if need.symbol is not None and need.symbol not in symbols:
                    raise StrategyError(f"the strategy of {symbol} reads candles of {need.symbol}, and there is no history of them")
        return settings

    def _part(self, settings: Settings, span: Span) -> Histories:
        """The candles of `span` with as many before it as strategies read, so that nothing is reckoned that nothing asks for.

        Strategies count candles and not time, so those before a hole are read as well. What is read of a symbol that has no candles yet is
        an empty window, as it would be live.
        """
        interval_ms = self.histories.interval_ms
        before = self._candles_before(settings)
        columns, windows, is_empty = {}, {}, True
        for symbol, each in self.histories.columns.items():
            start, end = (int(place) for place in np.searchsorted(each.open_times, (span.start_ms, span.end_ms - interval_ms + 1)))
            first = max(start - before, 0)
            windows[symbol] = self.histories.windows[symbol].part(first, end)
            is_empty = is_empty and start >= end
            if first < end:
                columns[symbol] = each[first:end]
        if is_empty:
            raise ConfigurationError(
                f"there are no candles of any symbol from {utc_minute(span.start_ms)} to {utc_minute(span.end_ms)} UTC, "
                "where one of the windows is; take a longer range or fewer folds"
            )
        return Histories(interval_ms, columns, windows, "")

    def _candles_before(self, settings: Settings) -> int:
        """How many candles before a window are enough for everything that is read in its first pass."""
        interval_ms = self.histories.interval_ms
        signals = signal_agent(settings)
        before = settings.candle_window + _SPARE_CANDLES
        for symbol in self.histories.columns:
            for need in signals.needs.of(symbol):
                longer = need.of(Frame(symbol, interval_ms)).interval_ms // interval_ms
                before = max(before, (need.candles + _SPARE_CANDLES) * longer)
        return before


def _outcome(result: BacktestResult, job: Job) -> Outcome:
    initial = float(result.initial_value)
    growth = Growth(job.span.start_ms, initial, result.curve.times_ms, result.curve.equity)
    curve = curve_figures(growth)
    trades = _trades(result)
    of_trades = trade_figures(trades)
    figures: dict[str, float | None] = {
        Objective.SHARPE: curve.sharpe,
        Objective.SORTINO: curve.sortino,
        Objective.CALMAR: curve.calmar,
        Objective.PROFIT: curve.total_return,
        Objective.PROFIT_FACTOR: of_trades.profit_factor,
        Objective.EXPECTANCY: of_trades.expectancy,
    }
    return Outcome(
        figures={str(name): value for name, value in figures.items()},
        trades=len(trades),
        total_return=curve.total_return,
        growth=float(np.log(max(growth.final, 1e-9) / initial)) / job.span.days,
        max_drawdown=curve.max_drawdown,
        trade_returns=tuple(_returns(trades, growth)) if job.with_trades else (),
        peak_bytes=peak_bytes(),
    )


def _trades(result: BacktestResult) -> list[ClosedTrade]:
    """Closed trades of all symbols, in the order in which they closed."""
    by_symbol = {symbol: [fill for fill in result.fills if fill.symbol == symbol] for symbol in result.symbols}
    found = [trade for symbol, fills in by_symbol.items() for trade in closed_trades(result.rules[symbol], fills)]
    return sorted(found, key=lambda trade: (trade.closed_ms, trade.symbol))


def _returns(trades: list[ClosedTrade], growth: Growth) -> list[float]:
    """Profits as shares of the equity right before each trade closed."""
    closed = np.array([trade.closed_ms for trade in trades], dtype=np.int64)
    before = np.searchsorted(growth.times_ms, closed, side="left")
    equity = np.concatenate(([growth.initial], growth.values))[before]
    profits = np.array([float(trade.profit) for trade in trades])
    shares: list[float] = (profits / equity).tolist() if len(trades) else []
    return shares
