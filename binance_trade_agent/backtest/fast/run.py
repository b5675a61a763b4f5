"""run_backtest: a plan, from its candles to its result."""

from decimal import Decimal
from itertools import count

from binance_trade_agent.backtest.fast.exchange_box import ExchangeBox
from binance_trade_agent.backtest.fast.histories import Histories, load_histories
from binance_trade_agent.backtest.fast.plan import BacktestPlan
from binance_trade_agent.backtest.fast.result import BacktestResult
from binance_trade_agent.backtest.fast.running_book import RunningBook
from binance_trade_agent.backtest.fast.stepping import Progress, Stations, Stepping
from binance_trade_agent.backtest.fast.tracks import make_tracks, slot_times
from binance_trade_agent.domain.candle_columns import IntColumn
from binance_trade_agent.domain.client_order_id import client_order_id
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.utc_text import utc_minute
from binance_trade_agent.risk_management_agent import RiskManagementAgent
from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.choices import Protection
from binance_trade_agent.simulation.markets.recorded import RecordedMarket
from binance_trade_agent.wiring.embedded_venue import starting_cash
from binance_trade_agent.wiring.needed_candles import require_room_for
from binance_trade_agent.wiring.recorded_settings import settings_for_candles
from binance_trade_agent.wiring.stations import risk_limits, signal_agent

EPOCH = "backtest"
"""The account's name in client order ids."""


def run_backtest(plan: BacktestPlan, progress: Progress | None = None, histories: Histories | None = None) -> BacktestResult:
    """What trading by `plan` would have come to.

    The same stations decide as in the daemon, over the same market and matching engine as `run --candles`, and to the same exact book;
    what they are not asked is only what provably changes nothing. Without `histories` the plan's candles are read first; those that are
    given must hold the plan's symbols and end where it ends. Raises CandleFileError, ConfigurationError or StrategyError.
    """
    held = load_histories(plan) if histories is None else histories
    recorded = held.recorded()
    settings = settings_for_candles(plan.settings, recorded)
    if settings.protection is not Protection.OFF:
        raise ConfigurationError(
            "PROTECTION puts orders on the exchange, which only the full path does; use `run --candles`, or PROTECTION=off"
        )
    times_ms = _times(plan, held)
    signals, limits = signal_agent(settings), risk_limits(settings, settings.demo_fee_rate)
    require_room_for(signals.needs, settings)
    tracks = make_tracks(held, times_ms, signals, settings.candle_window)
    market = RecordedMarket(recorded, spread_bps=plan.spread_bps, depth_share=plan.depth_share, rules=plan.rules)
    cash = starting_cash(settings) if plan.initial_cash is None else plan.initial_cash
    asset, start_ms = settings.accounting_asset, int(times_ms[0])
    box = ExchangeBox(market, {asset: cash}, rate=settings.demo_fee_rate, seed=settings.demo_seed, time_ms=start_ms)
    book = RunningBook(market.rules, asset, cash, round(settings.max_intent_age_seconds * 1000))
    numbers = count(1)
    risk = RiskManagementAgent(limits, next_order_id=lambda: client_order_id(EPOCH, next(numbers)))
    stepping = Stepping(times_ms, tracks, limits, Stations(signals, risk, box, book))
    stepping.walk(progress)
    _require_same_money(box, book)
    return _result(plan, settings, held, stepping, cash)


def _times(plan: BacktestPlan, histories: Histories) -> IntColumn:
    start_ms = histories.first_open_ms if plan.start_ms is None else max(plan.start_ms, histories.first_open_ms)
    end_ms = histories.end_ms if plan.end_ms is None else min(plan.end_ms, histories.end_ms)
    times_ms = slot_times(histories.interval_ms, start_ms, end_ms)
    if not len(times_ms):
        raise ConfigurationError(
            "there are no candles between the start and the end of the backtest; "
            f"there are some from {utc_minute(histories.first_open_ms)} to {utc_minute(histories.end_ms)} UTC"
        )
    return times_ms


def _require_same_money(box: ExchangeBox, book: RunningBook) -> None:
    """The book is held against the exchange's accounts, as the full path's report does; a difference would be a defect of this program."""
    held = {asset: amount for asset, amount in box.balances.items() if amount}
    booked = {asset: amount for asset, amount in book.holdings.balances.items() if amount}
    if held != booked:
        raise AssertionError(f"the book has {booked}, and the exchange {held}")


def _result(plan: BacktestPlan, settings: Settings, histories: Histories, stepping: Stepping, cash: Decimal) -> BacktestResult:
    book, times_ms = stepping.stations.book, stepping.times_ms
    last = len(times_ms) - 1
    return BacktestResult(
        digest=plan.digest(histories.description),
        strategy=settings.strategy_path or settings.strategy_name,
        symbols=tuple(histories.columns),
        interval_ms=histories.interval_ms,
        first_ms=int(times_ms[0]),
        last_ms=int(times_ms[last]),
        passes=len(times_ms),
        quote_asset=settings.accounting_asset,
        initial_value=cash,
        fills=tuple(book.fills),
        orders=tuple(book.orders),
        refusals=dict(stepping.all_refusals()),
        balances=dict(book.holdings.balances),
        commissions=dict(book.holdings.commissions),
        positions=dict(book.positions),
        marks={symbol: track.price(last) for symbol, track in stepping.tracks.items() if track.prices[last]},
        modes=dict(book.modes),
        mode_changes=tuple(book.mode_changes),
        rules=dict(stepping.stations.box.rules),
        curve=stepping.equity.curve(times_ms, stepping.tracks),
        candles={symbol: int(track.closed[last] - track.closed[0]) for symbol, track in stepping.tracks.items()},
        gaps={
            symbol: each.between(int(times_ms[0]) - histories.interval_ms, histories.end_ms).gaps()
            for symbol, each in histories.columns.items()
        },
    )
