"""An order counts as refused only where Binance's documents promise it; everything else is of unknown fate."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from binance_trade_agent.binance import error_codes
from binance_trade_agent.binance.error_codes import NO_CODE, error_for, fate_of, limit_of
from binance_trade_agent.binance.error_table import ALL_CODES, ERROR_CODES, HTTP_STATUSES, ErrorCode, Fate, Shown
from binance_trade_agent.binance.read_retry import is_retryable
from binance_trade_agent.binance.refusal_reasons import REASON_CODES, RefusalReason, reason_of
from binance_trade_agent.domain.errors import ExchangeRefusedError, FateUnknownError, RateLimitedError

DOCUMENTED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "documented_errors.json").read_text())
"""Codes, messages and filters of errors.md, as Binance documented them in July 2026."""

STATUSES = st.integers(300, 599)
CODES = st.one_of(st.sampled_from(sorted(ERROR_CODES)), st.integers(-9999, 0))


@pytest.mark.parametrize(
    ("status", "code", "fate"),
    [
        (400, -2010, Fate.REFUSED),  # the matching engine said no
        (400, -1013, Fate.REFUSED),  # a filter
        (400, -1021, Fate.REFUSED),  # timestamp outside of the window
        (401, -2015, Fate.REFUSED),
        (403, NO_CODE, Fate.REFUSED),  # the firewall
        (400, -1007, Fate.UNKNOWN),
        (400, -1006, Fate.UNKNOWN),
        (400, -1000, Fate.UNKNOWN),
        (500, -2010, Fate.UNKNOWN),  # 5xx outweighs any code
        (503, NO_CODE, Fate.UNKNOWN),
        (504, -1007, Fate.UNKNOWN),
        (409, -2021, Fate.UNKNOWN),
        (409, -2010, Fate.UNKNOWN),
        (400, -4999, Fate.UNKNOWN),  # a code that the table lacks
        (400, NO_CODE, Fate.UNKNOWN),
        (404, NO_CODE, Fate.UNKNOWN),
        (302, NO_CODE, Fate.UNKNOWN),
        (429, -1003, Fate.RATE_LIMITED),
        (429, -1015, Fate.RATE_LIMITED),
        (418, NO_CODE, Fate.RATE_LIMITED),
    ],
)
def test_what_an_answer_says_of_an_order(status: int, code: int, fate: Fate) -> None:
    assert fate_of(status, code) is fate


@given(STATUSES, CODES)
@example(300, -1015)
def test_a_refusal_is_never_guessed(status: int, code: int) -> None:
    error = error_for(status, code, "text", None, changes_orders=True)
    if not isinstance(error, FateUnknownError):
        assert isinstance(error, ExchangeRefusedError)
        assert 400 <= status < 500
        assert status in {403, 418, 429} or ERROR_CODES[code].fate is not Fate.UNKNOWN


@pytest.mark.parametrize(
    ("status", "header", "wait_s"),
    [(429, "7", 7.0), (418, "300", 300.0), (429, None, 60.0), (418, None, 120.0), (429, "soon", 60.0), (418, "9" * 400, 259_200.0)],
)
def test_how_long_a_limit_silences(status: int, header: str | None, wait_s: float) -> None:
    error = error_for(status, -1003, "Too many requests", header, changes_orders=False)
    assert isinstance(error, RateLimitedError)
    assert error.retry_after_s == wait_s


def test_a_refusal_tells_people_what_to_do() -> None:
    error = error_for(400, -1121, "Invalid symbol.", None, changes_orders=False)
    assert isinstance(error, ExchangeRefusedError)
    assert (error.code, error.status) == (-1121, 400)
    assert "Invalid symbol." in str(error)
    assert "BAD_SYMBOL" in str(error)


def test_hostile_messages_are_tamed() -> None:
    error = error_for(400, -1121, "evil\n\x1b[31m" + "x" * 10_000, None, changes_orders=False)
    assert str(error).isprintable()
    assert len(str(error)) < 600


@pytest.mark.parametrize("status", [400, 404, 409, 410])
def test_a_read_refused_without_a_code_is_a_refusal(status: int) -> None:
    error = error_for(status, NO_CODE, "", None, changes_orders=False)
    assert isinstance(error, ExchangeRefusedError)
    assert error.status == status


def test_the_table_is_the_documented_one_code_by_code() -> None:
    assert {str(row.code): row.name for row in ALL_CODES} == DOCUMENTED["codes"]
    assert [row.code for row in ALL_CODES] == sorted((row.code for row in ALL_CODES), reverse=True)
    assert all(row.meaning.endswith(".") and row.advice for row in ALL_CODES)


@pytest.mark.parametrize("row", ALL_CODES, ids=lambda row: str(row.code))
def test_a_4xx_with_a_code_is_what_the_table_says(row: ErrorCode) -> None:
    """The table's own fate, for an order and for a read; a code of another interface leaves an order's fate unknown."""
    order = error_for(400, row.code, "text", None, changes_orders=True)
    assert (
        type(order)
        is {
            Fate.REFUSED: ExchangeRefusedError,
            Fate.RATE_LIMITED: RateLimitedError,
            Fate.UNKNOWN: FateUnknownError,
        }[row.fate]
    )
    read = error_for(400, row.code, "text", None, changes_orders=False)
    if row.shown in {Shown.FIX, Shown.SBE}:
        assert type(order) is FateUnknownError
        assert type(read) is ExchangeRefusedError
    assert is_retryable(read) is row.retry_read


@pytest.mark.parametrize("status", [401, 403, 404, 409, 418, 429, 500, 502, 503, 504, 599])
def test_a_status_without_a_code_is_what_the_table_says(status: int) -> None:
    by_name = {row.status: row for row in HTTP_STATUSES}
    assert set(by_name) == {"4xx", "403", "409", "418", "429", "5xx"}  # rest-api.md, "HTTP Return Codes"
    row = by_name.get(str(status)) or by_name[f"{status // 100}xx"]
    assert fate_of(status, NO_CODE) is row.fate
    assert is_retryable(error_for(status, NO_CODE, "", None, changes_orders=False)) is row.retry_read


def test_every_constant_is_a_code_of_the_table() -> None:
    named = {name: value for name, value in vars(error_codes).items() if isinstance(value, int) and value < 0}
    assert len(named) == 7
    assert {name: ERROR_CODES[value].name for name, value in named.items()} == {name: name for name in named}
    assert {ERROR_CODES[code].name for code in error_codes.CANCEL_REPLACE_FAILURES} == {
        "CANCEL_REPLACE_PARTIALLY_FAILED",
        "CANCEL_REPLACE_FAILED",
    }


@pytest.mark.parametrize(
    ("status", "code", "wait_s"), [(429, -2021, 7.0), (418, NO_CODE, 7.0), (400, -1003, 7.0), (400, -1015, 7.0), (400, -2010, None)]
)
def test_a_limit_is_heeded_whatever_became_of_the_request(status: int, code: int, wait_s: float | None) -> None:
    limit = limit_of(status, code, "text", "7")
    assert (limit.retry_after_s if limit else None) == wait_s


# -- why the matching engine or a filter said no ----------------------------------------------------------------------------------


def test_every_documented_message_is_a_reason() -> None:
    found = [reason_of(-2010, message) for message in DOCUMENTED["messages"]]
    assert None not in found
    filters = [reason_of(-1013, message) for message in DOCUMENTED["filters"]]
    assert None not in filters
    # Two more filters are documented in filters.md alone.
    assert set(RefusalReason) - {*found, *filters} == {RefusalReason.PERCENT_PRICE_BY_SIDE, RefusalReason.MAX_ASSET}


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        (-2010, "Account has insufficient balance for requested action.", RefusalReason.INSUFFICIENT_BALANCE),
        (-2010, "Account has insufficient balance for requested action", RefusalReason.INSUFFICIENT_BALANCE),
        (-2011, "Unknown order sent.", RefusalReason.UNKNOWN_ORDER),
        (-1013, "Filter failure: LOT_SIZE", RefusalReason.LOT_SIZE),
        (-2010, "Order book liquidity is less than `LOT_SIZE` filter minimum quantity.", RefusalReason.THIN_FOR_LOT_SIZE),
        (-1013, "Filter failure: NEW_FILTER", None),
        (-2010, "", None),
        (-1121, "Unknown order sent.", None),
    ],
)
def test_a_reason_is_told_by_code_and_message(code: int, message: str, reason: RefusalReason | None) -> None:
    assert reason_of(code, message) is reason


def test_a_refusal_with_a_reason_says_what_to_do_about_that() -> None:
    error = error_for(400, -2010, "Account has insufficient balance for requested action.", None, changes_orders=True)
    assert isinstance(error, ExchangeRefusedError)
    assert "not enough free" in error.message
    assert -2010 in REASON_CODES
    other = error_for(400, -2010, "Something new.", None, changes_orders=True)
    assert isinstance(other, ExchangeRefusedError)
    assert (
        other.message == "Something new. [NEW_ORDER_REJECTED: compare the order with the symbol's filters and the account's free balance]"
    )
