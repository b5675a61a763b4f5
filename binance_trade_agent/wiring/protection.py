"""Protection on the exchange, connected to the stations that it asks, when the settings want it."""

from collections.abc import Awaitable, Callable

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.domain.risk import RiskRule, TradingMode
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.protection_agent import ProtectionAgent, ProtectionRules
from binance_trade_agent.reconciler import Reconciler
from binance_trade_agent.risk_management_agent import RiskManagementAgent
from binance_trade_agent.sending_desk import SendingDesk
from binance_trade_agent.settings.choices import Protection


def protection_agent(
    choice: Protection,
    client: AsyncBinanceClient,
    portfolio: PortfolioManager,
    risk: RiskManagementAgent,
    reconciler: Reconciler,
    *,
    desk: SendingDesk,
    tighten: Callable[[str, TradingMode, RiskRule, str], Awaitable[None]],
    observer: Observer,
) -> ProtectionAgent | None:
    """The agent, or None with PROTECTION=off."""
    if choice is Protection.OFF:
        return None

    async def give_up(symbol: str, reason: str) -> None:
        if choice is Protection.EXCHANGE_OR_HALT:
            await tighten(symbol, TradingMode.HALTED, RiskRule.UNPROTECTED, reason)
        else:
            # Sold and not bought again, or buying and selling would go round for its fees.
            await tighten(symbol, TradingMode.REDUCING, RiskRule.UNPROTECTED, reason)
            risk.close_position(symbol, reason)

    rules = ProtectionRules(
        plan=risk.protection_for,
        mode_for=risk.mode_for,
        hold=risk.hold,
        follow=reconciler.follow,
        give_up=give_up,
        next_order_id=portfolio.next_client_order_id,
    )
    return ProtectionAgent(client, client.protective_orders, portfolio, desk, rules, clock=client.clock, observer=observer)
