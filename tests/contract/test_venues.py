"""The venues that talk to a server, against our own exchange over real sockets: testnet, live and paper, from start to restart."""

import asyncio
import time
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from far_side import HOUR_MS, KEY, SECRET, SYMBOLS, D, Facts, FarSide, agent, book, far_side, passes, until, verdicts

from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.binance.http.transport import PooledTransport
from binance_trade_agent.domain.decision import Verdict
from binance_trade_agent.domain.errors import ConfigurationError, ExitCode
from binance_trade_agent.domain.facts import PassFailed, PassFinished
from binance_trade_agent.domain.risk import RiskRule
from binance_trade_agent.service.agent_parts import daemon_parts
from binance_trade_agent.service.daemon import Daemon
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.simulation.rest.face import FaceAnswer
from binance_trade_agent.wiring import Components


@pytest.fixture
async def far():
    async with far_side() as side:
        yield side


# -- a server that keeps our account -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["testnet", "binance-demo", "live"])
async def test_the_agent_trades_over_sockets_and_its_book_is_the_exchanges(far, tmp_path, mode):
    confirmation = "I accept that real money is traded" if mode == "live" else ""
    async with agent(far, tmp_path, trading_mode=mode, live_trading_confirmation=confirmation) as components:
        reconciled = await AsyncTradingOrchestrator(components).start()
        assert reconciled.differences == ()
        bought, sold = await passes(components, 2)
        assert verdicts(bought) == verdicts(sold) == {Verdict.FILLED}
        trades = far.exchange.trades(KEY)
        fills = await components.store.all_fills()
        assert [(fill.symbol, fill.trade_id, fill.quantity) for fill in fills] == [(t.symbol, t.trade_id, t.quantity) for t in trades]
        assert len(fills) >= 4
        assert book(components) == far.held
        assert isinstance(components.venue.connection.transport, PooledTransport)
        assert components.venue.connection.transport.reused > 0
        assert components.settings.book_path.parent.name == mode
        assert await components.store.verify() == ()
    assert {request.method for request in far.face.received if request.path == "/api/v3/order"} == {"POST"}


async def test_a_restart_goes_on_with_the_same_book_and_new_order_ids(far, tmp_path):
    async with agent(far, tmp_path) as components:
        await AsyncTradingOrchestrator(components).start()
        await passes(components, 1)
        before, epoch = book(components), components.portfolio.epoch
        held = components.portfolio.held_symbols
        assert held == SYMBOLS
    async with agent(far, tmp_path, strategy="Selling") as components:
        reconciled = await AsyncTradingOrchestrator(components).start()
        assert (reconciled.differences, reconciled.fills_found) == ((), 0)
        assert (book(components), components.portfolio.epoch) == (before, epoch)
        (sold,) = await passes(components, 1)
        assert verdicts(sold) == {Verdict.FILLED}
        assert book(components) == far.held
        assert far.held["BTC"] == pytest.approx(D(1), abs=D("0.0001"))
    ids = [order.client_order_id for order in far.exchange.orders(KEY)]
    assert len(set(ids)) == len(ids) == 4


@pytest.mark.parametrize("offset_ms", [0, HOUR_MS, -HOUR_MS])
async def test_what_was_there_before_is_booked_as_put_in_and_never_sold(tmp_path, offset_ms):
    async with far_side(offset_ms) as far:
        async with far.by_hand() as owner:
            await owner.create_order("ETHUSDT", "BUY", "MARKET", "0.5")
            await owner.create_order("BTCUSDT", "SELL", "MARKET", "0.25")
            await owner.create_order("BTCUSDT", "SELL", "LIMIT", "0.1", price="200000")
        theirs = far.held
        async with agent(far, tmp_path, strategy="Selling") as components:
            reconciled = await AsyncTradingOrchestrator(components).start()
            assert reconciled.fills_found == 0
            assert [text for text in reconciled.differences if "is not ours" not in text] == []
            assert book(components) == theirs == far.held
            assert components.portfolio.held_symbols == ()
            for finished in await passes(components, 2):
                assert {decision.risk.rule for decision in finished.decisions} == {RiskRule.NO_POSITION}
        assert await owned_orders(far) == []
        async with agent(far, tmp_path, strategy="Turns") as components:
            assert (await AsyncTradingOrchestrator(components).start()).fills_found == 0
            await passes(components, 2)
            assert book(components) == far.held
            for symbol in SYMBOLS:
                bought = sum(order.executed_quantity for order in await owned_orders(far) if (order.symbol, order.side) == (symbol, "BUY"))
                sold = sum(order.executed_quantity for order in await owned_orders(far) if (order.symbol, order.side) == (symbol, "SELL"))
                assert 0 < sold <= bought


async def owned_orders(far: FarSide) -> list:
    """The orders that the agent placed; those by hand have ids of another form."""
    return [order for order in far.exchange.orders(KEY) if not order.client_order_id.startswith("manual-")]


async def test_deposits_and_trades_by_hand_are_found_by_the_next_comparison(far, tmp_path):
    async with agent(far, tmp_path) as components:
        orchestrator = AsyncTradingOrchestrator(components)
        await orchestrator.start()
        await passes(components, 1)
        profit = (await orchestrator.get_portfolio_snapshot()).realized
        far.exchange.deposit(KEY, "USDT", D(500))
        far.exchange.deposit(KEY, "BNB", D("-0.5"))
        assert book(components) != far.held
        moved = await orchestrator.reconcile()
        assert len(moved.differences) == 2
        assert all("without a trade" in text for text in moved.differences)
        assert book(components) == far.held
        async with far.by_hand() as owner:
            await owner.create_order("ETHUSDT", "BUY", "MARKET", "0.05")
        found = await orchestrator.reconcile()
        assert found.fills_found >= 1
        assert all("somebody else" in text for text in found.differences)
        assert book(components) == far.held
        assert (await orchestrator.reconcile()).differences == ()
        assert (await orchestrator.get_portfolio_snapshot()).realized == profit
        assert await components.store.verify() == ()


@pytest.mark.parametrize("amount", ["-10000.00000001", "0.000000001", "1e16"])
async def test_an_amount_that_no_deposit_or_withdrawal_can_have_moves_nothing(far, amount):
    before = far.held
    with pytest.raises(ConfigurationError, match="USDT"):
        far.exchange.deposit(KEY, "USDT", D(amount))
    assert far.held == before


async def test_another_accounts_key_does_not_open_the_book_but_a_new_key_of_the_same_account_does(far, tmp_path):
    far.exchange.open_account("key-of-another", SECRET, {"USDT": D(50), "BTC": D(3)})
    far.exchange.keys.add("new-key-of-ours", "new-secret-of-ours", 1)
    async with agent(far, tmp_path) as components:
        await AsyncTradingOrchestrator(components).start()
        await passes(components, 1)
        before = book(components)
    with pytest.raises(ConfigurationError, match="belongs to account 2, but the book was made with account 1"):
        async with agent(far, tmp_path, binance_api_key="key-of-another"):
            pytest.fail("the book of another account was opened")
    assert not far.exchange.orders("key-of-another")
    async with agent(far, tmp_path, binance_api_key="new-key-of-ours", binance_api_secret="new-secret-of-ours") as components:
        assert (await AsyncTradingOrchestrator(components).start()).differences == ()
        assert book(components) == before == far.held


async def test_the_daemon_stands_a_rate_limit_and_sends_nothing_until_it_is_over(far, tmp_path):
    quiet_s = 2.0
    limited: list[float] = []

    def script(method: str, path: str) -> FaceAnswer | None:
        if path != "/api/v3/ticker/price" or limited:
            return None
        limited.append(time.monotonic())
        return FaceAnswer(429, {"Retry-After": "2"}, b'{"code":-1003,"msg":"Too much request weight used."}')

    facts = Facts()
    async with agent(far, tmp_path, observer=facts, market_data="rest") as components:
        daemon = Daemon(daemon_parts(components, metrics=lambda: b""))
        running = asyncio.create_task(daemon.run())
        await until(lambda: facts.count(PassFinished))
        far.face.script = script
        await until(lambda: limited)
        done = facts.count(PassFinished)
        await until(lambda: facts.count(PassFinished) > done)
        daemon.request_stop("the test is over")
        assert await running is ExitCode.OK
        assert book(components) == far.held
    # Requests that had left together with the limited one arrive with it; after them it is quiet.
    early = [request.path for request in far.face.received if limited[0] + 0.5 < request.time_s < limited[0] + quiet_s]
    assert early == []
    assert [request for request in far.face.received if request.time_s >= limited[0] + quiet_s]


# -- paper: the market of a server, an account of our own -----------------------------------------------------------------------------


def paper(far: FarSide, folder: Path, **overrides: object):
    return agent(far, folder, trading_mode="paper", **overrides)


def local(components: Components) -> dict[str, Decimal]:
    embedded = components.venue.embedded
    assert embedded is not None
    return {asset: balance.total for asset, balance in embedded.exchange.balances(embedded.api_key).items() if balance.total}


async def test_paper_trades_here_on_the_servers_market_and_shows_it_no_key(far, tmp_path):
    theirs = far.held
    async with paper(far, tmp_path) as components:
        await AsyncTradingOrchestrator(components).start()
        bought, sold = await passes(components, 2)
        assert verdicts(bought) == verdicts(sold) == {Verdict.FILLED}
        assert book(components) == local(components)
        fills = await components.store.all_fills()
        offered = depths(far)
        assert {fill.price for fill in fills} <= {price for symbol in SYMBOLS for price in offered[symbol]}
        before = book(components)
    async with paper(far, tmp_path, strategy="Selling") as components:
        assert (await AsyncTradingOrchestrator(components).start()).differences == ()
        assert book(components) == before == local(components)
    assert far.held == theirs
    assert far.exchange.orders(KEY) == []
    assert {request.method for request in far.face.received} == {"GET"}
    for request in far.face.received:
        assert request.path not in {"/api/v3/account", "/api/v3/order", "/api/v3/openOrders", "/api/v3/myTrades"}
        assert "x-mbx-apikey" not in request.headers
        assert not {"signature", "timestamp", "recvWindow"} & {pair.partition("=")[0] for pair in request.query.split("&")}
        assert not any(word in text for word in (KEY, SECRET, "embedded-exchange") for text in (request.query, *request.headers.values()))


def depths(far: FarSide) -> dict[str, set[Decimal]]:
    """Every price that the server offered, by symbol."""
    prices: dict[str, set[Decimal]] = {symbol: set() for symbol in SYMBOLS}
    for request in far.face.received:
        if request.path == "/api/v3/depth":
            symbol = next(symbol for symbol in SYMBOLS if f"symbol={symbol}" in request.query)
            answer = orjson.loads(request.answer.body)
            prices[symbol] |= {D(price) for price, _ in (*answer["bids"], *answer["asks"])}
    return prices


async def test_paper_keeps_silence_when_the_server_asks_for_it_while_an_order_is_placed(far, tmp_path):
    limited: list[float] = []

    def script(method: str, path: str) -> FaceAnswer | None:
        if path != "/api/v3/depth" or limited:
            return None
        limited.append(time.monotonic())
        return FaceAnswer(429, {"Retry-After": "2"}, b"{}")

    async with paper(far, tmp_path, trading_symbols="BTCUSDT", market_data="rest", cache_price_ttl_seconds=0) as components:
        await AsyncTradingOrchestrator(components).start()
        far.face.script = script
        first, second = await passes(components, 2)
        assert verdicts(first) == {Verdict.NOT_SENT}
        assert verdicts(second) == {Verdict.REFUSED}  # its turn to sell, and nothing was bought
        assert book(components) == local(components)
    assert len([*tmp_path.rglob("bans/*")]) == 1  # the next process keeps it, too
    (at,) = limited
    answered = [request for request in far.face.received if request.answer.status == 200]
    assert [request.path for request in answered if at < request.time_s < at + 2] == []
    assert [request.path for request in answered if request.time_s >= at + 2]


async def test_paper_lives_by_the_servers_clock(tmp_path):
    async with far_side(HOUR_MS) as far, paper(far, tmp_path) as components:
        ahead_ms = components.clock.now_ms() - WallClock().now_ms()
        assert ahead_ms == pytest.approx(HOUR_MS, abs=60_000)
        await AsyncTradingOrchestrator(components).start()
        (bought,) = await passes(components, 1)
        assert verdicts(bought) == {Verdict.FILLED}


def _brought_nothing(fact: object) -> bool:
    """Whether a pass failed as a whole, or in every symbol."""
    return isinstance(fact, PassFailed) or (isinstance(fact, PassFinished) and verdicts(fact) == {Verdict.FAILED})


@pytest.mark.parametrize("mode", ["paper", "testnet"])
async def test_a_server_that_goes_away_fails_passes_and_trading_goes_on_when_it_is_back(far, tmp_path, mode):
    facts = Facts()
    async with agent(far, tmp_path, trading_mode=mode, observer=facts, pass_deadline_seconds=0.5) as components:
        running = asyncio.create_task(Daemon(daemon_parts(components, metrics=lambda: b"")).run())
        await until(lambda: facts.count(PassFinished))
        await far.stop()
        await until(lambda: any(map(_brought_nothing, facts.seen)))
        await far.start()
        before = len(facts.seen)
        await until(lambda: any(isinstance(fact, PassFinished) and not _brought_nothing(fact) for fact in facts.seen[before:]))
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])
        await AsyncTradingOrchestrator(components).reconcile()
        assert book(components) == (local(components) if mode == "paper" else far.held)
