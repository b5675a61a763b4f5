"""A symbol that the exchange has stopped is asked for again after a minute, not after the hour that rules are kept."""

import asyncio
from dataclasses import replace

from scripted_market import Market, opened
from virtual_time import virtual

from binance_trade_agent.async_market_data_agent.rules_reader import STOPPED_TTL_MS
from binance_trade_agent.domain.symbol_rules import SymbolStatus


@virtual
async def test_a_stopped_symbol_is_traded_again_soon_after_the_exchange_does():
    market = Market()
    real, stopped = market.get_exchange_info, True

    async def get_exchange_info(symbols=None):
        rules = await real(symbols)
        return {
            symbol: replace(each, status=SymbolStatus.HALT) if stopped and symbol == "BTCUSDT" else each for symbol, each in rules.items()
        }

    market.get_exchange_info = get_exchange_info
    async with opened(market) as agent:
        assert (await agent.fetch_rules(["BTCUSDT", "ETHUSDT"]))["BTCUSDT"].status is SymbolStatus.HALT
        stopped = False
        market.calls.clear()
        assert (await agent.fetch_rules(["BTCUSDT", "ETHUSDT"]))["BTCUSDT"].status is SymbolStatus.HALT
        assert market.calls == []
        await asyncio.sleep(STOPPED_TTL_MS / 1_000)
        assert (await agent.fetch_rules(["BTCUSDT", "ETHUSDT"]))["BTCUSDT"].status is SymbolStatus.TRADING
        await asyncio.sleep(STOPPED_TTL_MS / 1_000)
        await agent.fetch_rules(["BTCUSDT", "ETHUSDT"])
        assert market.calls == ["info"]
