"""Two clients with an account each trade with one another, and both are told the same."""

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from ccxt_exchange import SYMBOL as PAIR
from ccxt_exchange import ccxt_binance, inside_price
from exchange_program import RunningExchange, running_exchange
from features import Client, Feature, covers
from python_binance import SYMBOL, python_binance
from waiting import eventually

D = Decimal
AMOUNT = 0.002
HOLDERS = ("holder-of-the-first-account", "holder-of-the-second-account")


@pytest.fixture(scope="module")
def two_accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningExchange, ...]]:
    """One exchange as each of its two account holders sees it."""
    folder = tmp_path_factory.mktemp("exchange")
    accounts = folder / "accounts.json"
    balances = {"USDT": "10000", "BTC": "1"}
    accounts.write_text(json.dumps([{"key": key, "secret": f"secret-of-the-{key}", "balances": balances} for key in HOLDERS]))
    with running_exchange(folder, "--accounts", str(accounts)) as running:
        yield tuple(replace(running, key=key, secret=f"secret-of-the-{key}") for key in HOLDERS)


@covers(Feature.TRADE_TOGETHER, client=Client.CCXT)
@covers(Feature.TRADE_TOGETHER, client=Client.PYTHON_BINANCE)
async def test_two_clients_trade_with_each_other(two_accounts: tuple[RunningExchange, ...]) -> None:
    async with ccxt_binance(two_accounts[0]) as maker, python_binance(two_accounts[1]) as taker:

        async def meet() -> tuple[Any, Any]:
            """A bid better than all others, and who sells to it: to somebody else, if the market came in between."""
            bid = await maker.create_order(PAIR, "limit", "buy", AMOUNT, await inside_price(maker))
            order = {"symbol": SYMBOL, "quantity": str(AMOUNT), "price": str(bid["price"]), "timeInForce": "IOC"}
            sold = await taker.order_limit_sell(**order)
            (trade,) = await maker.fetch_my_trades(PAIR, params={"orderId": bid["id"]}) or [None]
            return trade, sold["fills"]

        def is_between_them(met: tuple[Any, Any]) -> bool:
            trade, fills = met
            return trade is not None and [str(fill["tradeId"]) for fill in fills] == [trade["id"]]

        trade, (fill,) = await eventually(meet, is_between_them)
        assert (trade["takerOrMaker"], trade["side"], trade["amount"], trade["price"]) == ("maker", "buy", AMOUNT, float(fill["price"]))
        (theirs,) = await taker.get_my_trades(symbol=SYMBOL, fromId=fill["tradeId"], limit=1)
        assert (theirs["isMaker"], theirs["isBuyer"], D(theirs["qty"])) == (False, False, D(str(AMOUNT)))
        (public,) = await taker.get_historical_trades(symbol=SYMBOL, fromId=fill["tradeId"], limit=1)
        assert (public["id"], public["isBuyerMaker"], public["price"]) == (fill["tradeId"], True, fill["price"])
