"""A start asks again while the exchange is away or this machine is slow, and takes a definite no at once."""

import pytest
import structlog

from binance_trade_agent.domain.errors import AgentError, BookError, ExchangeRefusedError, FateUnknownError
from binance_trade_agent.wiring import patience


class Venue:
    """Fails with each of `errors` in turn, and then answers."""

    def __init__(self, *errors: AgentError) -> None:
        self._errors = list(errors)
        self.asked = 0

    async def answer(self) -> str:
        self.asked += 1
        if self._errors:
            raise self._errors.pop(0)
        return "an answer"


@pytest.fixture(autouse=True)
def _without_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "START_RETRY_S", 0.0)


def refused(code: int) -> ExchangeRefusedError:
    return ExchangeRefusedError(code, "no", 400)


async def test_what_came_too_late_for_its_timestamp_is_asked_again() -> None:
    venue = Venue(refused(-1021), FateUnknownError("no answer"), refused(-1021))
    assert await patience.patiently("the account", venue.answer, structlog.get_logger()) == "an answer"
    assert venue.asked == 4


@pytest.mark.parametrize("error", [refused(-2015), BookError("no room")])
async def test_a_definite_no_is_taken_at_once(error: AgentError) -> None:
    venue = Venue(error)
    with pytest.raises(type(error)):
        await patience.patiently("the account", venue.answer, structlog.get_logger())
    assert venue.asked == 1


async def test_a_machine_that_never_gets_there_in_time_ends_with_the_exchanges_word() -> None:
    venue = Venue(*(refused(-1021) for _ in range(patience.START_ATTEMPTS)))
    with pytest.raises(ExchangeRefusedError):
        await patience.patiently("the account", venue.answer, structlog.get_logger())
    assert venue.asked == patience.START_ATTEMPTS
