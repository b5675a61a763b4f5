"""Opening a book: what the account holds before our first order, and what an earlier run has left in other symbols."""

from collections.abc import Sequence

import structlog

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.async_market_data_agent.rules_reader import BAD_SYMBOL_CODES
from binance_trade_agent.domain.account import AccountInfo
from binance_trade_agent.domain.errors import ExchangeError, ExchangeRefusedError
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.reconciler import newest_trade_ids

ATTEMPTS = 5


async def book_opening_balances(portfolio: PortfolioManager, client: AsyncBinanceClient, symbols: Sequence[str]) -> None:
    """What the account holds is booked as put in; positions begin at zero, so only what we buy is ever sold.

    The newest trades are remembered with it: they are in the balances already, and only later ones are looked for. The initial value is
    written last, because it marks the book as opened. Raises ExchangeError when somebody trades on without a pause.
    """
    account, newest = await _balances_and_trades(client, symbols)
    now_ms = client.server_time_ms()
    for asset, balance in account.balances.items():
        await portfolio.record_external(asset, balance.total, f"opening:{asset}", now_ms)
    for symbol, trade_id in newest.items():
        await portfolio.record_trades_seen(symbol, trade_id)
    await portfolio.set_initial(account.total(portfolio.quote_asset), now_ms)


async def _balances_and_trades(client: AsyncBinanceClient, symbols: Sequence[str]) -> tuple[AccountInfo, dict[str, int]]:
    """Balances and newest trades of one moment: no trade fell between the two."""
    newest = await newest_trade_ids(client, symbols)
    for _ in range(ATTEMPTS):
        account = await client.get_account()
        before, newest = newest, await newest_trade_ids(client, symbols)
        if newest == before:
            return account, newest
    raise ExchangeError("the account trades without a pause, so its balances cannot be told apart from its trades; stop what trades on it")


async def learn_symbols_left_behind(portfolio: PortfolioManager, client: AsyncBinanceClient, symbols: Sequence[str]) -> tuple[str, ...]:
    """Symbols beside `symbols` that the book has an open order or a position in, with their trading rules learned.

    They are not traded any more, but what happens to them there belongs into the book. One that is no longer listed has no rules.
    Raises ExchangeError for every other refusal: then nobody knows whether it is listed.
    """
    ours = {*portfolio.held_symbols, *(order.intent.symbol for order in portfolio.open_orders())}
    left = tuple(sorted(ours - set(symbols)))
    for symbol in left:
        try:
            portfolio.set_rules(await client.get_exchange_info((symbol,)))
        except ExchangeRefusedError as error:
            if error.code not in BAD_SYMBOL_CODES:
                raise
            structlog.get_logger().warning("the book has something left in a symbol without rules", symbol=symbol, error=str(error))
    return left
