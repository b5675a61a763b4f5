"""What the simulated exchange charges: the documents' own example, in the asset received and in BNB, by account and by symbol."""

from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from one_quote_exchange import KEY, SECRET, START_MS, Client, OneQuoteMarket, sign

from binance_trade_agent.domain.order import Side
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.simulation.engine.account_terms import AccountTerms
from binance_trade_agent.simulation.engine.commissions import CommissionTerms, Rates
from binance_trade_agent.simulation.markets.market import Ladder, Quote

D = Decimal
OTHER = "other"

DOCUMENTED = CommissionTerms(
    standard=Rates(D("0.0000001"), D("0.0000002"), D("0.0000003"), D("0.0000004")),
    special=Rates(D("0.01"), D("0.02"), D("0.03"), D("0.04")),
    tax=Rates(D("0.00000112"), D("0.00000114"), D("0.00000118"), D("0.00000116")),
    discount=D("0.25"),
)
"""The configuration of faqs/commission_faq.md, "How is the commission calculated?"."""

PRICES = {"BTCUSDT": D(35_000), "BNBUSDT": D(260), "ETHBNB": D(8), "ETHUSDT": D(2_000), "XRPEUR": D("0.5")}
QUOTES = {"ETHBNB": "BNB", "XRPEUR": "EUR"}


class FairMarket(OneQuoteMarket):
    """Everything can be had and sold at one price."""

    rules: Mapping[str, SymbolRules] = {
        symbol: SymbolRules(
            symbol, symbol[:3], QUOTES.get(symbol, "USDT"), SymbolStatus.TRADING, D("0.01"), D(0), D(0), D("0.00001"), D(0), D(0)
        )
        for symbol in PRICES
    }

    def quote(self, symbol, time_ms):
        level = (PRICES[symbol], D(1_000))
        return Quote(START_MS, PRICES[symbol], Ladder((level,), (level,)))

    def candles(self, symbol, interval_ms, *, start_ms, end_ms, limit, now_ms):
        return []


@pytest.fixture
def client():
    client = Client(market=FairMarket(), balances={"USDT": D(100_000), "BTC": D(10), "ETH": D(10), "XRP": D(100), "BNB": D(10)})
    yield client
    client.exchange.close()


def fee(client, **params) -> tuple[str, str]:
    (fill,) = client.order(**params)["fills"]
    return fill["commission"], fill["commissionAsset"]


def balance(client, asset: str) -> Decimal:
    return client.exchange.balances(KEY)[asset].total


SELL = {"side": "SELL", "quantity": "0.49975"}


def test_the_documents_example_in_the_asset_received(client):
    client.exchange.set_commission(DOCUMENTED)
    assert fee(client, **SELL) == ("1049.52572463", "USDT")  # 0.01049475 + 0.04022988 + 1049.475
    assert balance(client, "USDT") == D(100_000) + D("17491.25") - D("1049.52572463")


def test_the_documents_example_in_bnb(client):
    client.exchange.set_commission(DOCUMENTED)
    client.exchange.set_account_terms(KEY, AccountTerms(pays_discounted=True))
    # The document shows 4.036607129; commissions are booked with eight decimals.
    assert fee(client, **SELL) == ("4.03660713", "BNB")
    assert balance(client, "BNB") == D(10) - D("4.03660713")
    assert balance(client, "USDT") == D(100_000) + D("17491.25")


def test_without_enough_bnb_the_whole_commission_is_taken_from_what_is_received(client):
    client.exchange.set_commission(DOCUMENTED)
    client.exchange.set_account_terms(KEY, AccountTerms(pays_discounted=True))
    client.exchange.deposit(KEY, "BNB", D(-6))
    assert fee(client, **SELL) == ("1049.52572463", "USDT")


def test_commissions_are_converted_by_whatever_market_there_is(client):
    client.exchange.set_account_terms(KEY, AccountTerms(pays_discounted=True))
    # A tenth of a percent, three quarters of it: of 0.1 BTC by way of USDT, of 1 ETH on ETHBNB, of BNB itself.
    assert fee(client, symbol="BTCUSDT", quantity="0.1") == ("0.01009615", "BNB")
    assert fee(client, symbol="ETHUSDT", quantity="1") == ("0.00600000", "BNB")
    assert fee(client, symbol="BNBUSDT", quantity="2") == ("0.00150000", "BNB")
    assert fee(client, symbol="ETHBNB", side="SELL", quantity="1") == ("0.00600000", "BNB")
    # Nothing says what a euro is worth in BNB.
    assert fee(client, symbol="XRPEUR", side="SELL", quantity="10") == ("0.00500000", "EUR")


def test_the_closest_terms_hold(client):
    exchange = client.exchange
    client.exchange.set_commission(CommissionTerms(Rates(D("0.001"), D("0.002"))))
    exchange.set_commission(CommissionTerms(Rates(D(0), D(0))), symbol="ETHUSDT")
    exchange.set_commission(CommissionTerms(Rates(D("0.003"), D("0.004"))), api_key=KEY, symbol="BTCUSDT")
    assert fee(client, symbol="BTCUSDT", quantity="1") == ("0.00400000", "BTC")
    assert fee(client, symbol="ETHUSDT", quantity="1") == ("0.00000000", "ETH")
    assert fee(client, symbol="BNBUSDT", quantity="1") == ("0.00200000", "BNB")
    exchange.set_commission(CommissionTerms(Rates(D("0.005"), D("0.006"))), api_key=KEY)
    assert fee(client, symbol="ETHUSDT", quantity="1") == ("0.00600000", "ETH")
    account = client.signed("GET", "account")
    assert (account["makerCommission"], account["takerCommission"]) == (50, 60)


def test_rates_are_told_by_account_and_for_an_order(client):
    client.exchange.set_commission(DOCUMENTED, symbol="BTCUSDT")
    client.exchange.set_account_terms(KEY, AccountTerms(pays_discounted=True))
    discount = {"enabledForAccount": True, "enabledForSymbol": True, "discountAsset": "BNB", "discount": "0.25000000"}
    assert client.signed("GET", "account/commission", symbol="BTCUSDT") == {
        "symbol": "BTCUSDT",
        "standardCommission": {"maker": "0.00000010", "taker": "0.00000020", "buyer": "0.00000030", "seller": "0.00000040"},
        "specialCommission": {"maker": "0.01000000", "taker": "0.02000000", "buyer": "0.03000000", "seller": "0.04000000"},
        "taxCommission": {"maker": "0.00000112", "taker": "0.00000114", "buyer": "0.00000118", "seller": "0.00000116"},
        "discount": discount,
    }
    params = {"symbol": "BTCUSDT", "type": "MARKET", "computeCommissionRates": "true", **SELL}
    assert client.signed("POST", "order/test", **params) == {
        "standardCommissionForOrder": {"maker": "0.00000050", "taker": "0.00000060"},
        "specialCommissionForOrder": {"maker": "0.05000000", "taker": "0.06000000"},
        "taxCommissionForOrder": {"maker": "0.00000228", "taker": "0.00000230"},
        "discount": discount,
    }


@given(quantity=st.integers(1, 100_000).map(lambda steps: D(steps) / 100_000), side=st.sampled_from(["BUY", "SELL"]), in_bnb=st.booleans())
def test_what_is_charged_leaves_the_account_and_nothing_else_does(quantity, side, in_bnb):
    client = Client(market=FairMarket(), balances={"USDT": D(100_000), "BTC": D(10), "BNB": D(10)})
    client.exchange.set_commission(DOCUMENTED)
    client.exchange.set_account_terms(KEY, AccountTerms(pays_discounted=in_bnb))
    before = {asset: balance(client, asset) for asset in ("USDT", "BTC", "BNB")}
    amount, asset = fee(client, side=side, quantity=quantity)
    sign_of_base = 1 if side == "BUY" else -1
    moved = {"BTC": sign_of_base * quantity, "USDT": -sign_of_base * quantity * PRICES["BTCUSDT"], "BNB": D(0)}
    moved[asset] -= D(amount)
    assert {name: balance(client, name) - before[name] for name in before} == moved
    client.exchange.close()


class WideMarket(FairMarket):
    """Far bids and asks, between which accounts trade with each other."""

    def quote(self, symbol, time_ms):
        price = PRICES[symbol]
        return Quote(START_MS, price, Ladder(((price * D("0.9"), D(1)),), ((price * D("1.1"), D(1)),)))


LIMITS = st.sampled_from([None, "34990", "35000", "35010"])
STEP = st.tuples(st.sampled_from([KEY, OTHER]), st.sampled_from(["BUY", "SELL"]), st.integers(1, 40), LIMITS)


@given(steps=st.lists(STEP, max_size=12), bnb=st.integers(0, 30).map(lambda hundredths: D(hundredths) / 100), at_last=st.booleans())
def test_every_account_holds_its_deposits_its_trades_and_nothing_more(steps, bnb, at_last):
    client = Client(market=WideMarket(), balances={"USDT": D(100_000), "BTC": D(10), "BNB": bnb})
    exchange = client.exchange
    exchange.open_account(OTHER, SECRET, {"USDT": D(100_000), "BTC": D(10)})
    exchange.set_commission(DOCUMENTED)
    exchange.set_account_terms(KEY, AccountTerms(pays_discounted=True))  # as long as there is BNB
    for key, side, hundredths, price in steps:
        params = {"symbol": "BTCUSDT", "side": side, "quantity": D(hundredths) / 100, "timestamp": client.clock.time_ms}
        params |= {"type": "MARKET"} if price is None else {"type": "LIMIT", "timeInForce": "GTC", "price": price}
        query = urlencode(params)
        assert client.raw("POST", "order", f"{query}&signature={sign(query)}", key=key).status in {200, 400}
    if at_last:
        client.signed("DELETE", "openOrders", symbol="BTCUSDT")
    for key, given_bnb in ((KEY, bnb), (OTHER, D(0))):
        expected = {"USDT": D(100_000), "BTC": D(10), "BNB": given_bnb}
        for trade in exchange.trades(key):
            sign_of_base = 1 if trade.side is Side.BUY else -1
            expected["BTC"] += sign_of_base * trade.quantity
            expected["USDT"] -= sign_of_base * trade.quote_quantity
            expected[trade.commission_asset] -= trade.commission
        assert {asset: held.total for asset, held in exchange.balances(key).items() if held.total} == {
            asset: amount for asset, amount in expected.items() if amount
        }
    exchange.close()


class SteepMarket(FairMarket):
    """What is there at one price is less than what somebody with ten BNB can take."""

    def quote(self, symbol, time_ms):
        price = PRICES[symbol]
        bids, asks = (((price * (100 + sign * step) / 100, D("0.4")) for step in range(1, 40)) for sign in (-1, 1))
        return Quote(START_MS, price, Ladder(tuple(bids), tuple(asks)))


@pytest.mark.parametrize(
    "order",
    [
        {"symbol": "BNBUSDT", "side": "SELL", "quantity": "10"},
        {"symbol": "ETHBNB", "side": "BUY", "quoteOrderQty": "10"},
    ],
)
def test_what_a_market_order_still_has_to_pay_no_commission_takes(order):
    """The first trade could pay its commission in BNB, which the next ones need."""
    client = Client(market=SteepMarket(), balances={"BNB": D(10)})
    try:
        client.exchange.set_account_terms(KEY, AccountTerms(pays_discounted=True))
        placed = client.order(type="MARKET", **order)
        paid_in_bnb = sum((D(fill["commission"]) for fill in placed["fills"] if fill["commissionAsset"] == "BNB"), D(0))
        spent = D(placed["executedQty"] if order["side"] == "SELL" else placed["cummulativeQuoteQty"])
        assert placed["status"] == "FILLED"
        assert len(placed["fills"]) > 2
        assert balance(client, "BNB") == 10 - spent - paid_in_bnb
    finally:
        client.exchange.close()
