"""Resets: an exchange that has forgotten the account's trades and orders, as a test network does, is no exchange that this book is of."""

from binance_trade_agent.domain.errors import ExchangeResetError
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, ModeChange, RiskRule, TradingMode
from binance_trade_agent.reconciler.case import Case
from binance_trade_agent.reconciler.trade_lists import MOST_LOOKED_AT_AGAIN, TradeLists

LOOKS = 3
LOOKS_APART_MS = 20_000
"""Answers of the past can look like this for a while, so the looks stretch over most of a minute."""


class Resets:
    """Tells a trade list that lags from one that is gone."""

    def __init__(self, case: Case, trades: TradeLists) -> None:
        self._case = case
        self._trades = trades
        self._is_reset = False

    async def stands_against(self, differences: list[str]) -> bool:
        """Whether the trade lists cannot be relied on, so that no difference of balances may be explained by them now.

        When nothing at all is left of what they had shown, the account is halted, and ExchangeResetError raised where the rules say so.
        """
        if self._trades.are_whole:
            self._is_reset = False
            return False
        if not await self._is_gone(1 if self._is_reset else LOOKS):
            differences.append("the last trades that were seen are not listed; balances are not explained while the lists lag")
            return True
        self._is_reset = True
        text = "the exchange was reset: none of the trades and orders that this book ended with is there any more"
        differences.append(text)
        await self._halt(text)
        if self._case.rules.resets_end_book:
            raise ExchangeResetError(text)
        return True

    async def _halt(self, text: str) -> None:
        """Halt the account, and have the book say why, also where it is halted for another reason already."""
        await self._case.halt(ACCOUNT_SCOPE, RiskRule.EXCHANGE_RESET, text)
        standing = self._case.journal.modes.get(ACCOUNT_SCOPE)
        if standing is None or standing.rule != RiskRule.EXCHANGE_RESET:
            change = ModeChange(self._case.clock.now_ms(), ACCOUNT_SCOPE, TradingMode.HALTED, RiskRule.EXCHANGE_RESET, text)
            await self._case.record_mode(change)

    async def _is_gone(self, looks: int) -> bool:
        """Trades that lists had shown are missing from them, and the orders of ours that made them are unknown, look after look.

        Where none of them was ours, all that was known of every list must be missing. What was sent since the last comparison proves
        nothing: it may have gone to the exchange after its reset.
        """
        clock = self._case.clock
        for look in range(looks):
            if look:
                await clock.sleep_until(clock.now_ms() + LOOKS_APART_MS)
                await self._trades.look_again()
            ours = [await self._is_order_there(*lost) for lost in list(self._trades.lost.items())[:MOST_LOOKED_AT_AGAIN]]
            if True in ours or not (False in ours or self._trades.are_gone):
                return False
        return True

    async def _is_order_there(self, symbol: str, trade_id: int) -> bool | None:
        """Whether the exchange knows the order that made a trade; None when it was none of ours."""
        order = await self._case.journal.order_of_trade(symbol, trade_id)
        if order is None:
            return None
        return await self._case.exchange.get_order(symbol, order.intent.client_order_id) is not None
