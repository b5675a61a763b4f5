"""What the live world with its Prometheus does not bring about, the real parts do here: holes in candles, withdrawals, lost books."""

import asyncio
import re
from random import Random

from account_of_others import KEY, SharedAccount
from dashboarding.live_queries import NEVER_HERE
from far_side import far_side
from made_up_candles import candle_rows, write_candles
from virtual_pilot import Pilot

from binance_trade_agent.binance.streams.market_streams import MarketStreams
from binance_trade_agent.binance.streams.order_book_keeper import OrderBookKeeper
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.telemetry.metrics import MetricsObserver

PATIENCE_S = 30.0
HOLE = slice(30, 40)
COVERED = {
    "trade_agent_candle_gaps_total",
    "trade_agent_candles_missing_total",
    "trade_agent_position_write_downs_total",
    "trade_agent_order_book_losses_total",
    "trade_agent_order_book_sync_seconds_bucket",
}


def figure(metrics: MetricsObserver, series: str) -> float:
    """The highest figure of a series; 0 when it is not shown."""
    found = re.findall(rf"^{series}(?:{{[^}}]*}})? ([0-9.e+]+)$", metrics.render().decode(), re.MULTILINE)
    return max(map(float, found), default=0.0)


def test_each_excuse_of_the_live_world_is_made_up_for_here():
    assert set(NEVER_HERE) == COVERED


def test_a_hole_in_candles_is_counted_with_what_is_missing(open_agent, tmp_path):
    metrics, rows = MetricsObserver(), candle_rows(1, 180)
    del rows[HOLE]
    write_candles(tmp_path / "holes", "AAAUSDT", rows)

    async def story():
        async with open_agent(candles_dir=tmp_path / "holes", observer=metrics, candle_window=20) as components:
            await Pilot(components).passes(60)

    run_virtual(story())
    assert figure(metrics, "trade_agent_candle_gaps_total") >= 1
    assert figure(metrics, "trade_agent_candles_missing_total") >= 10


def test_a_withdrawal_of_what_was_bought_is_counted(tmp_path):
    metrics = MetricsObserver()

    async def story():
        account = SharedAccount(tmp_path / "data")
        async with account.opened(observer=metrics) as pilot:
            await pilot.passes(1)
            held = pilot.components.portfolio.view().positions["BTCUSDT"].quantity
            account.exchange.deposit(KEY, "BTC", -(held / 4).quantize(held))
            for _ in range(2):
                await pilot.components.clock.sleep_until(pilot.components.clock.now_ms() + 60_000)
                await pilot.orchestrator.reconcile()

    run_virtual(story())
    assert figure(metrics, "trade_agent_position_write_downs_total") == 1


async def test_a_local_order_book_that_is_lost_is_counted_and_so_is_the_time_until_it_is_back():
    metrics = MetricsObserver()
    async with far_side() as side, side.by_hand() as client:
        keeper = OrderBookKeeper(client.get_order_book, random=Random(2), observer=metrics)
        streams = MarketStreams(
            side.url.replace("http://", "ws://"), keeper, server_ms=side.exchange.clock.now_ms, random=Random(1), observer=metrics
        )
        keeper.follow_on(streams)
        await keeper.keep(["BTCUSDT"])
        await _until(lambda: keeper.is_live("BTCUSDT"))
        assert figure(metrics, "trade_agent_order_book_sync_seconds_count") == 1
        side.server.sockets.cut()
        await _until(lambda: figure(metrics, "trade_agent_order_book_sync_seconds_count") == 2)
        assert figure(metrics, "trade_agent_order_book_losses_total") == 1
        await keeper.close()
        await streams.close()


async def _until(condition) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in a server that offers no event
            await asyncio.sleep(0.02)
