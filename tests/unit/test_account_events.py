"""Account events are read exactly as documented, and mean the same as what REST says of the same order and trade."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from binance_trade_agent.binance import wire
from binance_trade_agent.binance.websocket_api import account_events as events
from binance_trade_agent.binance.websocket_api.account_events import ExecutionReport, decode_account_event
from binance_trade_agent.binance.websocket_api.order_reports import fill_of, report_of
from binance_trade_agent.domain.errors import BadAnswerError
from binance_trade_agent.domain.order import ExchangeStatus, Side

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden_websocket_api.json").read_text())["events"]
D = Decimal

TRADE = {
    "c": "bta-a1-7",
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "l": "0.40000000",
    "z": "0.40000000",
    "L": "0.10264410",
    "n": "0.00040000",
    "N": "ETH",
    "T": 1499405658700,
    "t": 77,
    "m": True,
    "Z": "0.04105764",
    "Y": "0.04105764",
}


def decoded(name: str, **changes: Any) -> Any:
    return decode_account_event(json.dumps(GOLDEN[name]["event"] | changes).encode())


def report(**changes: Any) -> ExecutionReport:
    event = decoded("executionReport", **changes)
    assert isinstance(event, ExecutionReport)
    return event


def test_every_documented_event_has_its_shape() -> None:
    shapes = {name: type(decoded(name)) for name in GOLDEN if name != "serverShutdown"}
    assert shapes == {
        "executionReport": events.ExecutionReport,
        "outboundAccountPosition": events.AccountPosition,
        "balanceUpdate": events.BalanceUpdate,
        "listStatus": events.ListStatus,
        "eventStreamTerminated": events.StreamTerminated,
        "externalLockUpdate": events.LockUpdate,
    }


def test_no_documented_field_is_passed_over() -> None:
    known = {shape: set(shape.__struct_encode_fields__) for shape in vars(events).values() if isinstance(shape, msgspec.StructMeta)}
    for name, message in GOLDEN.items():
        if name != "serverShutdown":
            # "e" chose the shape; the documents say of "M" that it is to be ignored.
            assert set(message["event"]) - {"e", "M"} <= known[type(decoded(name))], name


def test_conditional_fields_of_an_execution_report() -> None:
    """user-data-stream.md, "Conditional Fields in Execution Report", with its examples."""
    documented = {
        "d": 4, "D": 1668680518494, "j": 1, "J": 1000000, "v": 3, "A": "3.000000", "B": "3.000000", "u": 1, "U": 37, "Cs": "BTCUSDT",
        "pl": "2.123456", "pL": "0.10000001", "pY": "0.21234562", "W": 1668683798379, "b": "ONE_PARTY_TRADE_REPORT", "a": 1234,
        "k": "SOR", "uS": True, "gP": "PRIMARY_PEG", "gOT": "PRICE_LEVEL", "gOV": 5, "gp": "1.00000000", "eR": "INSUFFICIENT_LIQUIDITY",
    }  # fmt: skip
    event = report(**documented)
    read = dict(zip(ExecutionReport.__struct_encode_fields__, msgspec.structs.astuple(event), strict=True))
    assert {name: str(read[name]) for name in documented} == {name: str(value) for name, value in documented.items()}
    assert isinstance(event.prevented_quantity, Decimal)
    bare = report(v=None, W=None)
    assert (bare.prevented_match_id, bare.working_time_ms, bare.expiry_reason, bare.pegged_price) == (None, None, None, None)


def test_amounts_are_exact() -> None:
    event = decoded("outboundAccountPosition", B=[{"a": "ETH", "f": "12345678901.123456789012345678", "l": "0.1"}])
    assert event.balances[0].free == D("12345678901.123456789012345678")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-1e-900", "ten", "", None, True])
def test_a_number_that_is_none_is_a_bad_answer(number: Any) -> None:
    with pytest.raises(BadAnswerError, match="executionReport"):
        report(q=number)


@pytest.mark.parametrize("missing", ["i", "c", "X", "z", "t", "T"])
def test_a_missing_field_is_a_bad_answer(missing: str) -> None:
    event = {name: value for name, value in GOLDEN["executionReport"]["event"].items() if name != missing}
    with pytest.raises(BadAnswerError, match=f"executionReport.*`{missing}`"):
        decode_account_event(json.dumps(event).encode())


def test_a_trade_without_the_asset_of_its_commission_cannot_be_read() -> None:
    with pytest.raises(BadAnswerError, match=r"\$\.N"):
        report(**TRADE | {"N": None})


def test_unknown_events_are_told_from_broken_ones() -> None:
    assert decode_account_event(b'{"e":"eventOfTomorrow","x":1}') is None
    with pytest.raises(BadAnswerError):
        decode_account_event(b'{"E":1}')


def test_an_execution_report_says_what_the_order_query_says() -> None:
    queried = wire.decode_queried_order(
        json.dumps(
            {
                "symbol": "ETHBTC",
                "orderId": 4293153,
                "clientOrderId": "bta-a1-7",
                "side": "BUY",
                "type": "LIMIT",
                "status": "PARTIALLY_FILLED",
                "price": "0.10264410",
                "origQty": "1.00000000",
                "executedQty": "0.40000000",
                "cummulativeQuoteQty": "0.04105764",
                "updateTime": 1499405658700,
            }
        ).encode()
    )
    told = report_of(report(**TRADE))
    assert structs.replace(told, fills=()) == queried


def test_a_fill_is_the_one_of_the_trade_list() -> None:
    (listed,) = wire.decode_trades(
        json.dumps(
            [
                {
                    "symbol": "ETHBTC",
                    "id": 77,
                    "orderId": 4293153,
                    "price": "0.10264410",
                    "qty": "0.40000000",
                    "quoteQty": "0.04105764",
                    "commission": "0.00040000",
                    "commissionAsset": "ETH",
                    "time": 1499405658700,
                    "isBuyer": True,
                    "isMaker": True,
                }
            ]
        ).encode()
    )
    told = fill_of(report(**TRADE))
    assert told is not None
    assert structs.replace(told, client_order_id="") == listed
    assert told.client_order_id == "bta-a1-7"


def test_a_cancellation_names_the_order_and_not_the_request() -> None:
    told = report_of(report(x="CANCELED", X="CANCELED", c="cancel-1", C="bta-a1-7"))
    assert (told.client_order_id, told.status, told.fills, told.side) == ("bta-a1-7", ExchangeStatus.CANCELED, (), Side.BUY)


@pytest.mark.parametrize(
    "changes", [{}, {"x": "CANCELED"}, {"x": "TRADE_PREVENTION"}, TRADE | {"t": -1, "b": "ONE_PARTY_TRADE_REPORT", "a": 5}]
)
def test_what_is_no_trade_of_the_trade_list_brings_no_fill(changes: dict[str, Any]) -> None:
    assert fill_of(report(**changes)) is None


def test_two_copies_of_an_event_have_one_identity_and_two_events_do_not() -> None:
    assert report(**TRADE).identity == report(**TRADE | {"E": 1499405659000}).identity
    assert report(**TRADE).identity != report(**TRADE | {"I": 8641985}).identity
    first = decoded("outboundAccountPosition")
    assert first.identity == decoded("outboundAccountPosition", E=1).identity
    assert first.identity != decoded("outboundAccountPosition", B=[{"a": "ETH", "f": "1", "l": "0"}]).identity
    identities = [decoded(name).identity for name in GOLDEN if name != "serverShutdown"]
    assert len(set(identities)) == len(identities)
