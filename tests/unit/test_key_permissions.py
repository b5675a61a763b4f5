"""A live start asks what the key may do: too much ends it, no answer ends a first start and lets an opened book go on."""

from typing import Any

import httpx
import pytest
from golden import GOLDEN
from scripted_venue import Handler, always, one_after_another, opened, refusal
from virtual_time import virtual

from binance_trade_agent.domain.errors import ConfigurationError, ExchangeError, FateUnknownError, RateLimitedError
from binance_trade_agent.wiring.key_permissions import require_safe_key

SAFE = GOLDEN["api_restrictions"][0] | {"enableSpotAndMarginTrading": True, "ipRestrict": True}


class Log:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def warning(self, event: str, **more: Any) -> None:
        self.lines.append((event, more))


async def asked(handle: Handler, *, is_first_start: bool = True) -> tuple[Log, int]:
    """What was logged, and how often the exchange was asked."""
    log = Log()
    async with opened(handle, read_deadline_s=0.05) as (client, venue):
        try:
            await require_safe_key(client, log, is_first_start=is_first_start)
        finally:
            log.lines = [line for line in log.lines if "has to wait" not in line[0]]
        return log, len(venue.requests)


@virtual
async def test_a_key_that_trades_from_listed_addresses_is_welcome() -> None:
    log, requests = await asked(always(200, SAFE))
    assert log.lines == []
    assert requests == 1


@virtual
async def test_a_key_for_any_address_is_warned_of() -> None:
    log, _ = await asked(always(200, SAFE | {"ipRestrict": False}))
    assert [event for event, _ in log.lines] == [
        "the API key works from any address; restrict it to this server's address in Binance's API management"
    ]


@pytest.mark.parametrize("is_first_start", [True, False])
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (always(200, SAFE | {"enableWithdrawals": True}), "BINANCE_API_KEY may withdraw.*Enable Withdrawals"),
        (always(200, SAFE | {"enableSpotAndMarginTrading": False}), "BINANCE_API_KEY may not trade Spot.*Enable Spot"),
        (refusal(401, -2015), "what BINANCE_API_KEY may do cannot be asked.*-2015"),
        (always(404, b"<html>nothing here</html>"), "BINANCE_BASE_URL"),
        (always(403, b"<html>"), "cannot be asked"),
    ],
)
@virtual
async def test_a_definite_answer_ends_the_start(answer: Handler, says: str, is_first_start: bool) -> None:
    with pytest.raises(ConfigurationError, match=says):
        await asked(answer, is_first_start=is_first_start)


NO_ANSWER = [
    (always(503), FateUnknownError),
    (lambda _: httpx.ReadTimeout("late"), FateUnknownError),
    (refusal(429, -1003, **{"Retry-After": "1"}), RateLimitedError),
    (always(200, {"ipRestrict": True}), ExchangeError),
    (always(200, SAFE | {"enableWithdrawals": "no"}), ExchangeError),
]


@pytest.mark.parametrize(("answer", "error"), NO_ANSWER)
@virtual
async def test_without_an_answer_a_first_start_ends(answer: Handler, error: type[ExchangeError]) -> None:
    with pytest.raises(error):
        await asked(answer, is_first_start=True)


@pytest.mark.parametrize(("answer", "error"), NO_ANSWER)
@virtual
async def test_without_an_answer_a_book_that_was_opened_goes_on_with_a_warning(answer: Handler, error: type[ExchangeError]) -> None:
    log, requests = await asked(answer, is_first_start=False)
    ((event, more),) = log.lines
    assert event == "what the API key may do could not be asked; it is used unchecked until the next start"
    assert more["error"]
    assert requests >= 5


@virtual
async def test_an_outage_that_ends_in_time_is_waited_for() -> None:
    unsafe = always(200, SAFE | {"enableWithdrawals": True})
    with pytest.raises(ConfigurationError, match="may withdraw"):
        await asked(one_after_another(always(503), always(503), unsafe), is_first_start=False)
