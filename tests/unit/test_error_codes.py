"""An order counts as refused only where Binance's documents promise it; everything else is of unknown fate."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from binance_trade_agent.binance.error_codes import ERROR_CODES, NO_CODE, Fate, error_for, fate_of
from binance_trade_agent.domain.errors import ExchangeRefusedError, FateUnknownError, RateLimitedError

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


def test_the_table_holds_every_code_that_rest_orders_are_answered_with() -> None:
    documented = {-1000, -1001, -1002, -1003, -1006, -1007, -1008, -1013, -1014, -1015, -1016, -1020, -1021, -1022}
    documented |= {-1100, -1101, -1102, -1103, -1104, -1105, -1106, -1108, -1111, -1112, -1114, -1115, -1116, -1117, -1118, -1119}
    documented |= {-1120, -1121, -1127, -1128, -1130, -2010, -2011, -2013, -2014, -2015, -2021, -2022, -2026}
    assert documented <= set(ERROR_CODES)
