"""JSON shapes of the simulated exchange's answers, written from the response samples of rest-api.md.

Decimals are strings with eight places, ids and times are integers.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.account_terms import AccountTerms
from binance_trade_agent.simulation.engine.commissions import DISCOUNT_ASSET, CommissionTerms, Rates
from binance_trade_agent.simulation.engine.records import NO_TRADE_GROUP, ExchangeTrade
from binance_trade_agent.simulation.markets.market import Ladder, MarketCandle

Json = dict[str, Any]

_BASIS_POINTS = 10_000
_NONE_YET = ("0.00000000", "0.00000000")


def digits(value: Decimal) -> str:
    """A decimal with eight places."""
    return format(value, ".8f")


def depth(ladder: Ladder, limit: int, update_id: int) -> Json:
    """Answer of "Order book"."""
    return {
        "lastUpdateId": update_id,
        "bids": [(digits(price), digits(quantity)) for price, quantity in ladder.bids[:limit]],
        "asks": [(digits(price), digits(quantity)) for price, quantity in ladder.asks[:limit]],
    }


def book_ticker(symbol: str, ladder: Ladder) -> Json:
    """One entry of "Symbol order book ticker"; zeros for an empty side."""
    bid = tuple(map(digits, ladder.bids[0])) if ladder.bids else _NONE_YET
    ask = tuple(map(digits, ladder.asks[0])) if ladder.asks else _NONE_YET
    return {"symbol": symbol, "bidPrice": bid[0], "bidQty": bid[1], "askPrice": ask[0], "askQty": ask[1]}


def candle(row: MarketCandle) -> list[int | str]:
    """One row of "Kline/Candlestick data"."""
    return [
        row.open_time_ms,
        digits(row.open),
        digits(row.high),
        digits(row.low),
        digits(row.close),
        digits(row.volume),
        row.close_time_ms,
        digits(row.quote_volume),
        row.trades,
        digits(row.taker_buy_volume),
        digits(row.taker_buy_quote_volume),
        "0",
    ]


def my_trade(trade: ExchangeTrade) -> Json:
    """One entry of "Account trade list"."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": trade.order_list_id,
        "price": digits(trade.price),
        "qty": digits(trade.quantity),
        "quoteQty": digits(trade.quote_quantity),
        "commission": digits(trade.commission),
        "commissionAsset": trade.commission_asset,
        "time": trade.time_ms,
        "isBuyer": trade.side.value == "BUY",
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


def account(
    account_id: int, balances: Mapping[str, Balance], assets: Sequence[str], rates: Rates, terms: AccountTerms, time_ms: int
) -> Json:
    """Answer of "Account information", with a row for each of `assets`."""
    nothing = Balance("", ZERO, ZERO)
    rows = []
    for asset in assets:
        balance = balances.get(asset, nothing)
        rows.append({"asset": asset, "free": digits(balance.free), "locked": digits(balance.locked)})
    return {
        "makerCommission": int(rates.maker * _BASIS_POINTS),
        "takerCommission": int(rates.taker * _BASIS_POINTS),
        "buyerCommission": int(rates.buyer * _BASIS_POINTS),
        "sellerCommission": int(rates.seller * _BASIS_POINTS),
        "commissionRates": _rates(rates),
        "canTrade": terms.may_trade,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": time_ms,
        "accountType": "SPOT",
        "balances": rows,
        "permissions": sorted(terms.permissions),
        "uid": account_id,
        **({} if terms.trade_group == NO_TRADE_GROUP else {"tradeGroupId": terms.trade_group}),
    }


def commission(symbol: str, terms: CommissionTerms, *, pays_discounted: bool) -> Json:
    """Answer of "Query Commission Rates"."""
    return {
        "symbol": symbol,
        "standardCommission": _rates(terms.standard),
        "specialCommission": _rates(terms.special),
        "taxCommission": _rates(terms.tax),
        "discount": _discount(terms, pays_discounted),
    }


def commission_for_order(side: Side, terms: CommissionTerms, *, pays_discounted: bool) -> Json:
    """Answer of "Test new order" with computeCommissionRates: the rates of the order's side are in those of makers and takers."""
    shape: Json = {}
    for name, rates in (("standard", terms.standard), ("special", terms.special), ("tax", terms.tax)):
        both = {"maker": rates.of(side, is_maker=True), "taker": rates.of(side, is_maker=False)}
        shape[f"{name}CommissionForOrder"] = {role: digits(rate) for role, rate in both.items()}
    return {**shape, "discount": _discount(terms, pays_discounted)}


def _discount(terms: CommissionTerms, pays_discounted: bool) -> Json:
    return {
        "enabledForAccount": pays_discounted,
        "enabledForSymbol": terms.is_discounted,
        "discountAsset": DISCOUNT_ASSET,
        "discount": digits(terms.discount),
    }


def _rates(rates: Rates) -> Json:
    return {"maker": digits(rates.maker), "taker": digits(rates.taker), "buyer": digits(rates.buyer), "seller": digits(rates.seller)}
