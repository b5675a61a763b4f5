"""Incidents: what happens to the exchange, its symbols and its accounts, when, and how it ends."""

import asyncio

import pytest
from one_quote_exchange import KEY, LIMIT, START_MS, Client, D, code_of
from virtual_time import virtual

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.errors import UpgradeRefusedError
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults.incident import LEAST_EVERY_MS, MOST_INCIDENTS, Incident
from binance_trade_agent.simulation.faults.incident import IncidentKind as Kind
from binance_trade_agent.simulation.in_process_sockets import InProcessSockets
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket

MINUTE_MS = 60_000


@pytest.fixture
def client():
    made = Client()
    yield made
    made.exchange.close()


def happen(client: Client, kind: Kind, **how) -> None:
    assert client.exchange.let_happen(Incident(kind, **how)) is None


def test_a_clock_that_is_set_forward_refuses_who_does_not_follow(client):
    happen(client, Kind.SHIFT_CLOCK, value="30000", lasts_ms=MINUTE_MS)
    assert client.get("time") == {"serverTime": START_MS + 30_000}
    assert code_of(client.signed_raw("GET", "account")) == (400, -1021)
    client.clock.time_ms += 30_000  # a minute by the exchange's own clock
    assert client.get("time") == {"serverTime": client.clock.time_ms}
    assert client.signed_raw("GET", "account").status == 200


def test_a_clock_that_is_set_back_goes_on_from_there(client):
    assert client.order(quantity="0.1")["status"] == "FILLED"
    happen(client, Kind.SHIFT_CLOCK, value="-2000")
    assert client.get("time") == {"serverTime": START_MS - 2_000}
    assert code_of(client.signed_raw("GET", "account")) == (400, -1021)  # ahead of the server's time
    client.clock.time_ms += 1_000
    assert client.get("time") == {"serverTime": START_MS - 1_000}
    assert client.signed("GET", "account", timestamp=START_MS - 1_000)["canTrade"] is True


def test_a_maintenance_answers_nothing_and_ends(client):
    happen(client, Kind.MAINTENANCE, lasts_ms=MINUTE_MS)
    from_client = client.exchange.faults
    assert len(from_client) == 2
    client.clock.time_ms += MINUTE_MS
    client.exchange.advance()
    assert len(from_client) == 0


def test_a_maintenance_whose_faults_were_lifted_by_hand_is_over_and_ends_in_peace(client):
    happen(client, Kind.MAINTENANCE, lasts_ms=MINUTE_MS)
    client.exchange.faults.clear()
    client.clock.time_ms += MINUTE_MS
    assert client.order(quantity="0.1")["status"] == "FILLED"


@pytest.mark.parametrize(("status", "code"), [("HALT", -1013), ("BREAK", -1013), ("CANCEL_ONLY", -1013)])
def test_a_symbol_stops_and_takes_cancels_only(client, status, code):
    resting = client.order(**LIMIT)
    happen(client, Kind.SYMBOL_STATUS, target="BTCUSDT", value=status, lasts_ms=MINUTE_MS)
    assert client.get("exchangeInfo", symbol="BTCUSDT")["symbols"][0]["status"] == status
    assert client.order(quantity="1")["code"] == code
    assert client.signed("DELETE", "order", symbol="BTCUSDT", orderId=resting["orderId"])["status"] == "CANCELED"
    client.clock.time_ms += MINUTE_MS
    assert client.order(quantity="0.1")["status"] == "FILLED"


def test_a_changed_filter_is_shown_and_enforced_until_it_ends(client):
    happen(client, Kind.CHANGE_FILTER, target="BTCUSDT", value="LOT_SIZE", lasts_ms=MINUTE_MS)
    filters = client.get("exchangeInfo", symbol="BTCUSDT")["symbols"][0]["filters"]
    assert next(entry for entry in filters if entry["filterType"] == "LOT_SIZE")["stepSize"] == "0.01000000"
    assert client.order(quantity="0.105") == {"code": -1013, "msg": "Filter failure: LOT_SIZE"}
    with pytest.raises(ValueError, match="until something ends"):
        happen(client, Kind.CHANGE_FILTER, target="BTCUSDT", value="LOT_SIZE")
    client.clock.time_ms += MINUTE_MS
    assert client.order(quantity="0.105")["status"] == "FILLED"


def test_somebody_else_moves_funds_trades_and_cancels_on_the_account(client):
    happen(client, Kind.MOVE_FUNDS, target="1", value="-100 USDT")
    assert client.exchange.balances(KEY)["USDT"] == Balance("USDT", D(9_900), D(0))
    happen(client, Kind.FOREIGN_ORDER, target="1", value="SELL 0.5 BTCUSDT")
    assert [trade.quantity for trade in client.exchange.trades(KEY)] == [D("0.5")]
    client.order(**LIMIT)
    happen(client, Kind.FOREIGN_CANCEL, target="1")
    assert client.signed("GET", "openOrders") == []


@pytest.mark.parametrize(
    ("kind", "how", "message"),
    [
        (Kind.SHIFT_CLOCK, {"value": "soon"}, "no whole number"),
        (Kind.SHIFT_CLOCK, {"value": "60001"}, "-60000 to 60000"),
        (Kind.SYMBOL_STATUS, {"target": "NOSUCH"}, "Invalid symbol"),
        (Kind.SYMBOL_STATUS, {"target": "BTCUSDT", "value": "ASLEEP"}, "none of TRADING"),
        (Kind.SYMBOL_STATUS, {"target": "BTCUSDT", "value": "TRADING"}, "as they should become"),
        (Kind.CHANGE_FILTER, {"target": "BTCUSDT", "value": "MOOD"}, "no filter MOOD; it has LOT_SIZE"),
        (Kind.MOVE_FUNDS, {"value": "5"}, "AMOUNT ASSET"),
        (Kind.MOVE_FUNDS, {"value": "many USDT"}, "no amount"),
        (Kind.MOVE_FUNDS, {"value": "-10001 USDT"}, "no more is taken than is free"),
        (Kind.MOVE_FUNDS, {"target": "7"}, "there is no account 7"),
        (Kind.FOREIGN_ORDER, {"value": "BUY"}, "no amount"),
        (Kind.FOREIGN_ORDER, {"value": "BUY 1000 BTCUSDT"}, "MARKET_LOT_SIZE"),
        (Kind.FOREIGN_CANCEL, {}, "no open order"),
    ],
)
def test_what_makes_no_sense_is_said_and_does_not_happen(client, kind, how, message):
    with pytest.raises(ValueError, match=message):
        happen(client, kind, **how)
    assert client.exchange.incidents.struck == {}


@pytest.mark.parametrize("wrong", [{"every_ms": LEAST_EVERY_MS - 1}, {"lasts_ms": -1}])
def test_times_that_cannot_be_are_said(wrong):
    with pytest.raises(ValueError, match=r"every_ms|lasts_ms"):
        Incident(Kind.SHIFT_CLOCK, **wrong)


def test_incidents_are_bounded_and_lifted_by_number(client):
    numbers = [client.exchange.let_happen(Incident(Kind.SHIFT_CLOCK, every_ms=MINUTE_MS)) for _ in range(MOST_INCIDENTS)]
    with pytest.raises(ValueError, match="at most"):
        client.exchange.let_happen(Incident(Kind.SHIFT_CLOCK, every_ms=MINUTE_MS))
    client.exchange.incidents.lift(numbers[0])
    with pytest.raises(LookupError):
        client.exchange.incidents.lift(numbers[0])
    client.exchange.incidents.clear()
    client.clock.time_ms += 100 * MINUTE_MS
    client.exchange.advance()
    assert client.exchange.incidents.struck == {}


EVERYTHING = {kind: Incident(kind, every_ms=10 * MINUTE_MS, lasts_ms=MINUTE_MS) for kind in Kind}


def history_of_a_troubled_morning(seed: int) -> tuple:
    client = Client()
    exchange = client.exchange = SimulatedExchange(SyntheticMarket(["BTCUSDT", "ETHUSDT"], 7), client.clock, seed=seed)
    exchange.open_account(KEY, "s" * 64, {"USDT": D(10_000), "BTC": D(10)})
    for incident in EVERYTHING.values():
        exchange.let_happen(incident)
    for _ in range(10 * 60):
        client.clock.time_ms += MINUTE_MS
        client.order(quantity="0.01")
    struck = dict(exchange.incidents.struck)
    history = (exchange.orders(KEY), exchange.trades(KEY), exchange.balances(KEY), struck)
    exchange.close()
    return history


def test_a_morning_of_incidents_repeats_by_its_seed_and_holds_all_that_can_happen():
    first = history_of_a_troubled_morning(1)
    assert first == history_of_a_troubled_morning(1)
    assert first != history_of_a_troubled_morning(2)
    assert set(first[-1]) == set(Kind) - {Kind.FOREIGN_CANCEL}  # nothing rests there
    assert all(count > 10 for count in first[-1].values())


@virtual
async def test_connections_are_told_and_cut_in_a_maintenance_and_come_back_after_it():
    class Ear:
        def __init__(self) -> None:
            self.texts, self.ends = [], []

        def on_text(self, message: bytes) -> None:
            self.texts.append(message)

        def on_close(self, reason: str) -> None:
            self.ends.append(reason)

    exchange = SimulatedExchange(SyntheticMarket(["BTCUSDT"], 7), VirtualClock(START_MS))
    sockets = InProcessSockets(exchange)
    ear = Ear()

    async def connect() -> None:
        await sockets.open("ws://x/stream?streams=btcusdt@trade", ear, connect_timeout_s=1, max_message_bytes=10_000)

    await connect()
    await asyncio.sleep(1)
    exchange.let_happen(Incident(Kind.MAINTENANCE, lasts_ms=MINUTE_MS))
    await asyncio.sleep(1)
    assert b"serverShutdown" in ear.texts[-1]
    assert ear.ends == ["the connection was lost"]
    with pytest.raises(UpgradeRefusedError, match="503"):
        await connect()
    await asyncio.sleep(60)
    exchange.advance()
    await connect()
    await sockets.aclose()
    exchange.close()
