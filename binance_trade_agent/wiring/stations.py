"""Stations from settings: the strategy with its parameters, and the risk limits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from binance_trade_agent.domain.errors import ConfigurationError, StrategyError
from binance_trade_agent.risk_management_agent import RiskLimits
from binance_trade_agent.risk_management_agent.lock_rules import LockRules
from binance_trade_agent.risk_management_agent.sizing_rules import SizingRules
from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.choices import LockScope, Switch
from binance_trade_agent.signal_agent import SignalAgent
from binance_trade_agent.strategies.catalogue import FILTERS, make_strategy
from binance_trade_agent.strategies.combined import CombinedStrategy
from binance_trade_agent.strategies.rsi import RsiStrategy
from binance_trade_agent.strategies.strategy import Strategy


def signal_agent(settings: Settings) -> SignalAgent:
    """The strategies that the settings name, for all symbols and for those with one of their own.

    Raises StrategyError for a wrong name or parameter, ConfigurationError for a short window.
    """
    return SignalAgent(_strategy(settings), {symbol: _strategy_of(settings, symbol) for symbol in _with_own(settings, _STRATEGY)})


def strategies_text(settings: Settings, symbols: Sequence[str] = ()) -> str:
    """The strategy by name, and those that some of `symbols` have in its place: `rsi; macd for BTCUSDT, ETHUSDT`."""
    by_name: dict[str, list[str]] = {}
    for symbol in symbols:
        name = _strategy_name(settings.for_symbol(symbol))
        if name != _strategy_name(settings):
            by_name.setdefault(name, []).append(symbol)
    return "; ".join([_strategy_name(settings), *(f"{name} for {', '.join(those)}" for name, those in by_name.items())])


def _strategy_name(settings: Settings) -> str:
    return settings.strategy_path or settings.strategy_name


_STRATEGY = ("strategy_name", "strategy_path", "strategy_parameters", "signal_rsi_overbought", "signal_rsi_oversold")


def _with_own(settings: Settings, names: Sequence[str]) -> list[str]:
    return [symbol for symbol, table in settings.symbol_overrides.items() if any(name in table for name in names)]


def _strategy_of(settings: Settings, symbol: str) -> Strategy:
    try:
        return _strategy(settings.for_symbol(symbol))
    except (StrategyError, ConfigurationError) as error:
        raise type(error)(f"SYMBOL_OVERRIDES: {symbol}: {error}") from error


def _strategy(settings: Settings) -> Strategy:
    name = _strategy_name(settings)
    strategy = make_strategy(name, _parameters(settings))
    if strategy.required_candles > settings.candle_window:
        raise ConfigurationError(
            f"CANDLE_WINDOW is {settings.candle_window}, but strategy {name} needs {strategy.required_candles} candles or more"
        )
    return strategy


def _parameters(settings: Settings) -> Mapping[str, Any]:
    """STRATEGY_PARAMETERS, with the RSI levels of their own settings where the parameters do not name them."""
    given = dict(settings.strategy_parameters)
    levels = {"overbought": settings.signal_rsi_overbought, "oversold": settings.signal_rsi_oversold}
    if settings.strategy_path:
        return given
    if settings.strategy_name == RsiStrategy.name:
        return {**levels, **given}
    if settings.strategy_name == CombinedStrategy.name and "members" not in given:
        return {**given, "members": {"rsi": levels, "macd": {}, "bollinger": {}}}
    if settings.strategy_name in FILTERS and "strategy" not in given:
        return {**given, "strategy": {"name": RsiStrategy.name, **levels}}
    return given


def risk_limits(settings: Settings, taker_rate: Decimal) -> RiskLimits:
    """The limits as risk reckons with them: fractions of equity, times in milliseconds of market time.

    `taker_rate` is the account's own commission rate, which orders leave room for.
    """
    own = {symbol: _limits(settings.for_symbol(symbol), taker_rate) for symbol in settings.symbol_overrides}
    return replace(_limits(settings, taker_rate), per_symbol=own)


def _limits(settings: Settings, taker_rate: Decimal) -> RiskLimits:
    return RiskLimits(
        max_position_per_symbol=settings.risk_max_position_per_symbol,
        max_total_exposure=settings.risk_max_total_exposure,
        max_correlated_exposure=settings.risk_max_correlated_exposure,
        correlation_threshold=settings.risk_correlation_threshold,
        correlation_candles=settings.risk_correlation_candles,
        max_single_trade_size=settings.risk_max_single_trade_size,
        stop_loss_pct=settings.risk_default_stop_loss_pct,
        take_profit_pct=settings.risk_default_take_profit_pct,
        trailing_stop_pct=settings.risk_trailing_stop_pct,
        stop_offset_pct=settings.protection_stop_offset_pct,
        max_daily_drawdown=settings.risk_max_daily_drawdown,
        daily_drawdown_rearms=settings.risk_daily_drawdown_rearms is Switch.ON,
        max_total_drawdown=settings.risk_max_total_drawdown,
        volatility_threshold=settings.risk_volatility_threshold,
        min_confidence=settings.risk_min_confidence,
        cooldown_ms=round(settings.risk_cooldown_seconds * 1000),
        max_orders_per_minute=settings.risk_max_orders_per_minute,
        max_loss_streak=settings.risk_max_loss_streak,
        loss_pause_ms=round(settings.risk_loss_pause_seconds * 1000),
        max_candle_age_ms=round(settings.risk_max_data_age_seconds * 1000),
        taker_rate=taker_rate,
        cash_reserve=settings.risk_cash_reserve,
        sizing=SizingRules(
            method=settings.risk_sizing,
            fraction=settings.risk_sizing_fraction,
            amount=settings.risk_sizing_amount,
            atr_share=settings.risk_sizing_atr_share,
            atr_candles=settings.risk_sizing_atr_candles,
            kelly_factor=settings.risk_kelly_factor,
            kelly_orders=settings.risk_kelly_orders,
            kelly_least=settings.risk_kelly_least,
        ),
        locks=_lock_rules(settings),
    )


def _lock_rules(settings: Settings) -> LockRules:
    return LockRules(
        stop_guard_stops=settings.risk_stop_guard_stops,
        stop_guard_window_ms=round(settings.risk_stop_guard_window_seconds * 1000),
        stop_guard_pause_ms=round(settings.risk_stop_guard_pause_seconds * 1000),
        stop_guard_of_account=settings.risk_stop_guard_scope is LockScope.ACCOUNT,
        low_profit_orders=settings.risk_low_profit_orders,
        low_profit_least=settings.risk_low_profit_least,
        low_profit_window_ms=round(settings.risk_low_profit_window_seconds * 1000),
        low_profit_pause_ms=round(settings.risk_low_profit_pause_seconds * 1000),
        drawdown=settings.risk_drawdown_lock,
        drawdown_window_ms=round(settings.risk_drawdown_lock_window_seconds * 1000),
        drawdown_pause_ms=round(settings.risk_drawdown_lock_pause_seconds * 1000),
    )
