"""The daemon's parts from an agent's components: who runs a pass, who reconciles, and what the status page shows."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.cancellation_agent import Cancellations
from binance_trade_agent.domain.order import JournaledOrder, Purpose
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, ModeChange, RiskRule, TradingMode
from binance_trade_agent.service.account_watch import AccountSide
from binance_trade_agent.service.backups import BackupPlan, Backups
from binance_trade_agent.service.daemon import DaemonParts
from binance_trade_agent.service.operator_verbs import OperatorVerbs, flatten, nameable
from binance_trade_agent.service.retention import Retention
from binance_trade_agent.service.status_report import trading_status
from binance_trade_agent.service.stop_stages import stop_bounds
from binance_trade_agent.service.symbol_refresh import SymbolRefresh
from binance_trade_agent.settings.choices import OpenOrdersAtStop, Switch, SymbolSelection
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.wiring import Components
from binance_trade_agent.wiring.another_daemon import AnotherDaemon
from binance_trade_agent.wiring.stations import strategies_text


def daemon_parts(
    components: Components, *, metrics: Callable[[], bytes], on_slot: Callable[[int], None] | None = None, stop_at_ms: int | None = None
) -> DaemonParts:
    """Everything a Daemon needs to run these components; `on_slot` is called after each pass with its market time."""
    settings = components.settings
    orchestrator, protection = AsyncTradingOrchestrator(components), components.protection
    refresh = _symbol_refresh(components, orchestrator)
    token = settings.control_token
    return DaemonParts(
        clock=components.clock,
        observer=components.observer,
        interval_ms=settings.trading_interval_seconds * 1000,
        pass_deadline_s=settings.pass_deadline_seconds,
        run_pass=orchestrator.run_pass,
        reconcile=orchestrator.reconcile,
        reconcile_interval_ms=_market_ms(components, settings.reconcile_interval_seconds),
        sync_clock=components.client.sync_clock,
        clock_sync_interval_ms=_market_ms(components, settings.clock_sync_interval_seconds),
        status=lambda: agent_status(components, refresh),
        equity=components.store.equity_curve,
        metrics=metrics,
        verbs=_verbs(components, orchestrator, refresh),
        symbols=refresh,
        sell=orchestrator.sell_what_is_to_go,
        http_host=settings.http_host,
        http_port=settings.http_port,
        http_names=settings.http_names,
        stop_bounds=stop_bounds(settings),
        drain_orders=components.drain_orders,
        leave_orders=_orders_at_stop(components, orchestrator),
        account=_account_side(components, orchestrator),
        market_data=components.market.source_text,
        unprotected=None if protection is None else lambda: protection.unprotected,
        outlast_streams=components.streams.outlast if components.streams is not None else None,
        backups=_backups(components),
        retention=_retention(components),
        control_token=token.get_secret_value() if token else None,
        stop_at_ms=stop_at_ms,
        on_slot=on_slot,
        virtual_time=components.venue.is_virtual,
        clock_error_ms=components.client.clock_error_ms,
        max_clock_error_ms=components.venue.connection.max_clock_error_ms,
        speed=components.venue.speed,
        book=None if components.venue.is_virtual else settings.book_path,
    )


def _symbol_refresh(components: Components, orchestrator: AsyncTradingOrchestrator) -> SymbolRefresh | None:
    """What chooses symbols anew; nothing where they are named."""
    settings = components.settings
    if settings.symbol_selection is SymbolSelection.STATIC:
        return None
    return SymbolRefresh(components, orchestrator.choose_symbols, _market_ms(components, settings.symbol_refresh_hours * 3_600))


def _retention(components: Components) -> Retention | None:
    """What has the book forget; nothing where time jumps, whose books are short and looked at as a whole."""
    days = components.settings.decision_keep_days
    return Retention(components.store.forget_decisions, components.clock, days) if days and not components.venue.is_virtual else None


def _backups(components: Components) -> Backups | None:
    """The scheduled backups; none where time is made up, because a process of its own takes real time."""
    settings = components.settings
    if components.venue.is_virtual or settings.backup_interval_seconds == 0:
        return None
    plan = BackupPlan(
        settings.book_path, components.portfolio.epoch, settings.backup_folder, settings.backup_interval_seconds, settings.backup_keep
    )

    async def stop_entries(why: str) -> None:
        await components.tighten(ACCOUNT_SCOPE, TradingMode.REDUCING, RiskRule.BOOK_DAMAGED, why)

    return Backups(plan, clock=WallClock(), observer=components.observer, on_damage=stop_entries)


def _account_side(components: Components, orchestrator: AsyncTradingOrchestrator) -> AccountSide | None:
    """The account's events, where the venue tells them and the settings want them."""
    if not (components.venue.connection.websocket_api_url and components.settings.user_data_stream is Switch.ON):
        return None
    portfolio = components.portfolio
    return AccountSide(
        open_stream=components.client.user_data_stream,
        is_open=lambda order_id: portfolio.order(order_id) is not None,
        unbooked=portfolio.unbooked,
        settle=orchestrator.settle_open_orders,
        meet=AnotherDaemon(portfolio, components.tighten).meet,
    )


def _verbs(components: Components, orchestrator: AsyncTradingOrchestrator, refresh: SymbolRefresh | None) -> OperatorVerbs:
    async def set_mode(scope: str, mode: TradingMode, reason: str) -> ModeChange:
        return await components.change_mode(scope, mode, RiskRule.OPERATOR, reason)

    async def cancel(scope: str, reason: str) -> Cancellations:
        return await orchestrator.cancel_open_orders(
            lambda order: scope in {ACCOUNT_SCOPE, order.intent.symbol}, f"the operator wants it: {reason}"
        )

    return OperatorVerbs(
        set_mode,
        partial(flatten, components),
        cancel,
        orchestrator.settle_by_hand,
        symbols=lambda: nameable(components),
        account_mode=lambda: components.risk.mode_for(ACCOUNT_SCOPE),
        refresh=None if refresh is None else refresh.refresh,
    )


def _orders_at_stop(components: Components, orchestrator: AsyncTradingOrchestrator) -> Callable[[], Awaitable[object]] | None:
    """What a stop does with orders that stand on the exchange; None when they are left as they are."""
    choice = components.settings.open_orders_at_stop
    if choice is OpenOrdersAtStop.KEEP_ALL:
        return None
    why = f"the daemon stops, and OPEN_ORDERS_AT_STOP is {choice}"

    def is_unwanted(order: JournaledOrder) -> bool:
        return choice is OpenOrdersAtStop.CANCEL_ALL or order.intent.purpose is Purpose.ENTRY

    async def leave() -> None:
        canceled = await orchestrator.cancel_open_orders(is_unwanted, why)
        if canceled.ended or canceled.still_open:
            components.log.info("open orders were cancelled", why=why, ended=len(canceled.ended), not_known=list(canceled.still_open))

    return leave


def agent_status(components: Components, refresh: SymbolRefresh | None = None) -> Mapping[str, object]:
    """What the status page and GET /status show of the trading side; `refresh` chooses its symbols anew."""
    settings, portfolio, traded = components.settings, components.portfolio, components.traded
    facts = {
        "mode": components.venue.name,
        "strategy": strategies_text(settings, components.symbols),
        "interval": f"{settings.trading_interval_seconds} s",
        "market data": components.market.source_text(),
        "speed": "as fast as it goes" if components.venue.is_virtual else f"{components.venue.speed:g} times real time",
    }
    # What is in force, also where a book that fails could not be asked to remember it.
    modes = components.risk.modes
    rearms = settings.risk_daily_drawdown_rearms is Switch.ON
    now_ms = components.clock.now_ms()
    return trading_status(
        portfolio.snapshot(now_ms),
        modes,
        facts,
        open_orders=portfolio.open_orders(),
        daily_rearms=rearms,
        resting=components.risk.resting(portfolio.view(now_ms)),
        symbols={
            "selection": settings.symbol_selection.value,
            "chosen": list(traded.chosen),
            "exits_only": list(traded.exits_only),
            "not_listed": list(traded.stranded),
            **({} if refresh is None else refresh.status()),
        },
    )


def _market_ms(components: Components, seconds: float) -> int:
    """A time that people mean in real seconds, as market time; recorded candles are asked for in market seconds already."""
    return round(seconds * 1000 * max(1.0, components.venue.speed))
