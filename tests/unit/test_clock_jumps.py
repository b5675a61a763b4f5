"""A machine whose clock is set while the daemon runs signs nothing by it until the exchange's has been looked at again."""

import asyncio
import math
from contextlib import suppress
from dataclasses import replace

import pytest
from recorder import Recorder
from scripted_venue import FAR_DEADLINE_MS, START_MS, Venue, accept, always, connection, intent, one_after_another, query_of
from virtual_time import virtual

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.binance.rest_transport import RestRequest, RestResponse
from binance_trade_agent.binance.server_clock import ClockSample, ServerClock
from binance_trade_agent.domain.errors import FateUnknownError, NotSentError
from binance_trade_agent.domain.facts import ClockJumped, ClockSynced
from binance_trade_agent.service.vitals import Rhythm, Vitals
from binance_trade_agent.simulation.clocks import VirtualClock

ACCOUNT = always(200, {"canTrade": True, "updateTime": 1, "commissionRates": {"maker": "0", "taker": "0"}, "balances": []})


class SteppedClock(VirtualClock):
    """Virtual time whose wall clock somebody sets: it reads `ahead_ms` more than passed, and gains `gained_share` besides."""

    def __init__(self, start_ms: int) -> None:
        super().__init__(start_ms)
        self.ahead_ms = 0
        self.gained_share = 0.0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms + round(self.monotonic_ms() * self.gained_share)


def client_of(venue: Venue, clock: SteppedClock, observer: Recorder) -> AsyncBinanceClient:
    return AsyncBinanceClient(replace(connection(venue, observer), clock=clock))


@pytest.mark.parametrize("jump_ms", [3_000, -3_000, 86_400_000, 400])
@virtual
async def test_after_a_jump_no_order_leaves_and_the_next_signed_read_looks_at_the_clock_first(jump_ms: int) -> None:
    clock, observer, venue = SteppedClock(START_MS), Recorder(), Venue(one_after_another(ACCOUNT, accept))
    async with client_of(venue, clock, observer) as client:
        await client.sync_clock()
        clock.ahead_ms = jump_ms
        with pytest.raises(NotSentError, match="sync_clock"):
            await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
        assert (venue.requests, venue.time_requests) == ([], 5)
        assert math.isinf(client.clock_error_ms())
        await client.get_account()
        assert venue.time_requests == 10
        assert abs(int(query_of(venue.requests[0])["timestamp"]) - VirtualClock(START_MS).now_ms()) <= 50
        await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
    assert observer.of(ClockJumped) == [ClockJumped(jump_ms)]


@pytest.mark.parametrize("jump_ms", [3_000, -3_000])
@pytest.mark.parametrize("after_s", [0.03, 0.05, 0.09])
@virtual
async def test_a_jump_while_the_clock_is_measured_spoils_no_timestamp(jump_ms: int, after_s: float) -> None:
    clock, venue = SteppedClock(START_MS), Venue(one_after_another(ACCOUNT, accept))
    async with client_of(venue, clock, Recorder()) as client:
        asyncio.get_running_loop().call_later(after_s, setattr, clock, "ahead_ms", jump_ms)
        with suppress(FateUnknownError):  # the jump may leave nothing to go by
            await client.sync_clock()
        await client.get_account()
        assert abs(int(query_of(venue.requests[0])["timestamp"]) - VirtualClock(START_MS).now_ms()) <= 50


@virtual
async def test_many_that_need_the_clock_do_not_wait_for_one_failed_attempt_each() -> None:
    class Silent(Venue):
        async def fetch(self, request: RestRequest) -> RestResponse:
            self.time_requests += 1
            await asyncio.sleep(request.timeout_s)
            raise NotSentError("no connection came up in time")

    venue = Silent(ACCOUNT)
    async with AsyncBinanceClient(connection(venue, request_timeout_s=10.0)) as client:
        cancels = [asyncio.ensure_future(client.cancel_order("BTCUSDT", f"bta-a1-{number}")) for number in range(50)]
        done, waiting = await asyncio.wait(cancels, timeout=11)
        assert (len(done), len(waiting)) == (50, 0)
        assert all(isinstance(cancel.exception(), NotSentError) for cancel in done)
        assert venue.time_requests == 1
        with pytest.raises(NotSentError):  # who comes later tries anew
            await client.cancel_order("BTCUSDT", "bta-a1-1")
        assert venue.time_requests == 2


@virtual
async def test_a_clock_that_a_time_service_bends_slowly_has_not_jumped_and_its_drift_is_told() -> None:
    clock, observer, venue = SteppedClock(START_MS), Recorder(), Venue(ACCOUNT)
    async with client_of(venue, clock, observer) as client:
        await client.sync_clock()
        clock.gained_share = 50e-6
        await asyncio.sleep(3_600)
        assert client.clock_error_ms() == pytest.approx(11 + 360, abs=2)  # what 100 millionths make of an hour
        await client.sync_clock()
    assert observer.of(ClockJumped) == []
    first, second = observer.of(ClockSynced)
    assert isinstance(first, ClockSynced)
    assert isinstance(second, ClockSynced)
    assert first.drift_ppm is None
    assert first.error_bound_ms == pytest.approx(11, abs=1)
    assert second.drift_ppm == pytest.approx(-50, abs=3)


@virtual
async def test_looks_that_follow_each_other_closely_tell_no_drift() -> None:
    clock, observer, venue = SteppedClock(START_MS), Recorder(), Venue(ACCOUNT)
    async with client_of(venue, clock, observer) as client:
        await client.sync_clock()
        await client.sync_clock()
    assert [fact.drift_ppm for fact in observer.of(ClockSynced)] == [None, None]


def test_without_a_time_that_never_jumps_none_is_noticed() -> None:
    times = iter([0, 10**9])
    clock = ServerClock(lambda: next(times))
    clock.adopt(ClockSample(0, 10, 5, 10.0))
    assert clock.jump_ms() == 0


@pytest.mark.parametrize(
    ("error_ms", "ready", "told"),
    [
        (12.4, True, "0 s of market time ago, known to 12 ms; orders need 1000 ms"),
        (1_000.5, False, "0 s of market time ago, known to 1000 ms; orders need 1000 ms"),
        (math.inf, False, "0 s of market time ago, not known any more; orders need 1000 ms"),
    ],
)
@virtual
async def test_readiness_names_how_well_the_clock_is_known_and_what_is_needed(error_ms: float, ready: bool, told: str) -> None:
    vitals = Vitals(VirtualClock(START_MS), Rhythm(60_000, 30, 300_000, 300_000), clock_error_ms=lambda: error_ms, most_ms=1_000)
    assert not vitals.readiness().checks["clock_synced"].ok
    vitals.clock_synced()
    check = vitals.readiness().checks["clock_synced"]
    assert (check.ok, check.detail) == (ready, told)
