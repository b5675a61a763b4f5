"""Whoever reads exchangeInfo and reckons by filters.md knows what the exchange will say of an order."""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from one_quote_exchange import START_MS, Client

from binance_trade_agent.simulation.engine import symbol_filters as filters
from binance_trade_agent.simulation.engine.listing import External, TradingStatus

D = Decimal

HUNDREDTHS = st.integers(1, 40_000).map(lambda number: D(number) / 100)
BOUND = st.one_of(st.just(D(0)), HUNDREDTHS)
STEP = st.sampled_from([D(0), D("0.01"), D("0.02"), D("0.25"), D(1)])
MULTIPLIER = st.integers(0, 300).map(lambda number: D(number) / 100)
MINUTES = st.sampled_from([0, 1, 5])

FILTERS = st.tuples(
    st.builds(filters.PriceFilter, BOUND, BOUND, STEP),
    st.builds(filters.LotSize, BOUND, BOUND, STEP),
    st.builds(filters.MarketLotSize, BOUND, BOUND, STEP),
    st.builds(filters.PercentPrice, MULTIPLIER, MULTIPLIER, MINUTES),
    st.builds(filters.PercentPriceBySide, MULTIPLIER, MULTIPLIER, MULTIPLIER, MULTIPLIER, MINUTES),
    st.builds(filters.MinNotional, BOUND, st.booleans(), MINUTES),
    st.builds(filters.Notional, BOUND, st.booleans(), BOUND, st.booleans(), MINUTES),
    st.builds(filters.IcebergParts, st.integers(1, 20)),
)


def is_multiple(value: Decimal, step: Decimal) -> bool:
    return not step or int(value * 100) % int(step * 100) == 0


def is_within(value: Decimal, least: str, most: str, step: str) -> bool:
    return value >= D(least) and (not D(most) or value <= D(most)) and is_multiple(value, D(step))


def passes(shown: dict[str, Any], order: dict[str, str], average: Decimal) -> bool:
    """One filter as exchangeInfo shows it, by the inequalities of filters.md."""
    is_market, is_buy = order["type"] == "MARKET", order["side"] == "BUY"
    quantity, price = D(order["quantity"]), D(order["price"]) if "price" in order else average
    match shown["filterType"]:
        case "PRICE_FILTER":
            return is_market or is_within(price, shown["minPrice"], shown["maxPrice"], shown["tickSize"])
        case "LOT_SIZE":
            values = [quantity, *([D(order["icebergQty"])] if "icebergQty" in order else [])]
            return all(is_within(value, shown["minQty"], shown["maxQty"], shown["stepSize"]) for value in values)
        case "MARKET_LOT_SIZE":
            return not is_market or is_within(quantity, shown["minQty"], shown["maxQty"], shown["stepSize"])
        case "PERCENT_PRICE":
            return is_market or average * D(shown["multiplierDown"]) <= price <= average * D(shown["multiplierUp"])
        case "PERCENT_PRICE_BY_SIDE":
            side = "bid" if is_buy else "ask"
            return is_market or average * D(shown[f"{side}MultiplierDown"]) <= price <= average * D(shown[f"{side}MultiplierUp"])
        case "MIN_NOTIONAL":
            return (is_market and not shown["applyToMarket"]) or price * quantity >= D(shown["minNotional"])
        case "NOTIONAL":
            least = D(shown["minNotional"]) if not is_market or shown["applyMinToMarket"] else D(0)
            most = D(shown["maxNotional"]) if not is_market or shown["applyMaxToMarket"] else D(0)
            return price * quantity >= least and (not most or price * quantity <= most)
        case "ICEBERG_PARTS":
            part = D(order.get("icebergQty", order["quantity"]))
            return -(-int(quantity * 100) // int(part * 100)) <= shown["limit"]
    return True


@st.composite
def orders(draw: st.DrawFn) -> dict[str, str]:
    order = {"symbol": "BTCUSDT", "side": draw(st.sampled_from(["BUY", "SELL"])), "quantity": str(draw(HUNDREDTHS))}
    if draw(st.booleans()):
        return order | {"type": "MARKET"}
    order |= {"type": "LIMIT", "timeInForce": "GTC", "price": str(draw(HUNDREDTHS))}
    part = draw(HUNDREDTHS)
    return order | ({"icebergQty": str(part)} if part < D(order["quantity"]) and draw(st.booleans()) else {})


@settings(max_examples=300)
@given(entries=FILTERS, kept=st.sets(st.integers(0, 7), max_size=2), order=orders(), reference=st.one_of(st.none(), HUNDREDTHS))
def test_an_order_is_refused_exactly_when_a_shown_filter_forbids_it(entries, kept, order, reference):
    client = Client()
    exchange = client.exchange
    chosen = tuple(entry for number, entry in enumerate(entries) if number in kept)
    listed = exchange.listings.listing("BTCUSDT")
    assert listed.status is TradingStatus.TRADING
    for entry in listed.filters:
        listed = listed.without_filter(type(entry))
    for entry in chosen:
        listed = listed.with_filter(entry)
    exchange.list_as(listed)
    exchange.listings.set_reference("BTCUSDT", External(0, reference, START_MS))
    shown = client.get("exchangeInfo", symbol="BTCUSDT")["symbols"][0]["filters"]
    assert len(shown) == len(chosen)
    average = D(100) if reference is None else reference  # candles and last price agree on this market
    forbidding = {entry["filterType"] for entry in shown if not passes(entry, order, average)}
    answer = client.signed("POST", "order/test", **order)
    if forbidding:
        assert answer["code"] == -1013
        assert answer["msg"].removeprefix("Filter failure: ") in forbidding
    else:
        assert answer == {}
    exchange.close()
