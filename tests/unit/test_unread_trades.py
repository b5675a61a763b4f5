"""Trades that cannot be read: until they can, a difference of balances is told, and taken for no deposit."""

from unittest.mock import patch

from reconciler_desk import open_desk

from binance_trade_agent.domain.errors import ExchangeRefusedError


async def test_a_difference_of_balances_is_no_deposit_while_the_trades_of_a_symbol_cannot_be_read():
    async with open_desk(external_entries=True) as desk:
        desk.exchange.place("by-hand", "AAAUSDT")
        before = dict(desk.portfolio.balances)
        with patch.object(desk.exchange, "get_my_trades", side_effect=ExchangeRefusedError(0, "no reason given", 403)):
            result = await desk.reconciler.reconcile()
        assert dict(desk.portfolio.balances) == before
        assert any("while trades of AAAUSDT, BBBUSDT cannot be read" in difference for difference in result.differences)
        await desk.reconciler.reconcile()
        await desk.check_agreement()
