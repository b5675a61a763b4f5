"""The HTTP face answers what is asked, tells the truth, and changes nothing for those who may not."""

import asyncio
import base64
import hashlib
import json
import re
import socket
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import aiohttp
import pytest
from operator_desk import Desk
from structlog.testing import capture_logs

from binance_trade_agent.domain.decision import TradeDecision, Verdict
from binance_trade_agent.domain.errors import BookError, ConfigurationError, ModeUnwrittenError, ServiceError
from binance_trade_agent.domain.facts import PassFinished, Reconciled
from binance_trade_agent.domain.order import JournaledOrder, OrderIntent, OrderState, OrderType, Purpose, Side
from binance_trade_agent.domain.portfolio import PortfolioSnapshot, PositionSnapshot
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, Approved, ModeChange, Reservation, TradingMode
from binance_trade_agent.domain.signal import Action, Signal
from binance_trade_agent.ports.observer import NullObserver
from binance_trade_agent.service.control import MAX_REASON_CHARS, MOST_CALLS, Control
from binance_trade_agent.service.daemon import Daemon, DaemonParts
from binance_trade_agent.service.health_probe import probe
from binance_trade_agent.service.http_face import MAX_BODY_BYTES, HttpFace, Sources
from binance_trade_agent.service.operator_verbs import Verb
from binance_trade_agent.service.status_page import StatusPage
from binance_trade_agent.service.status_report import SHOWN_OPEN_ORDERS, service_status, trading_status
from binance_trade_agent.service.stop_stages import StopStage
from binance_trade_agent.service.vitals import RECENT_ACTIONS, Rhythm, Vitals
from binance_trade_agent.settings import load_settings
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.virtual_loop import run_virtual

TOKEN = "correct-horse-battery"
RHYTHM = Rhythm(interval_ms=60_000, pass_deadline_s=30, reconcile_interval_ms=300_000, clock_sync_interval_ms=300_000)


class HandClock:
    """Time as the test sets it."""

    def __init__(self) -> None:
        self.ms = 1_700_000_000_000

    def now_ms(self) -> int:
        return self.ms

    def monotonic_ms(self) -> float:
        return float(self.ms)

    async def sleep_until(self, time_ms: int) -> None:
        self.ms = max(self.ms, time_ms)


def decision(symbol: str = "BTCUSDT", verdict: Verdict = Verdict.HELD, reason: str = "RSI 51 is neutral") -> TradeDecision:
    signal = Signal(symbol, 1, "rsi", Action.HOLD, 0.5, reason)
    return TradeDecision(symbol, "c1", 1, verdict, 12.5, price=Decimal("0.10"), signal=signal)


def finished_pass(*decisions: TradeDecision) -> PassFinished:
    return PassFinished(1, "c1", 1, 20.0, decisions)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def vitals(clock: HandClock) -> Vitals:
    return Vitals(clock, RHYTHM)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def sources(vitals: Vitals, desk: Desk | None) -> Sources:
    return Sources(
        health=vitals.health,
        readiness=vitals.readiness,
        status=lambda: {**trading_status(None, {}, {"mode": "demo"}), "service": service_status(vitals, 5, None, 0)},
        metrics=lambda: b"trade_agent_passes_total 3\n",
        control=None if desk is None else Control(TOKEN, desk.verbs),
    )


@pytest.fixture
async def face(vitals: Vitals, desk: Desk) -> AsyncIterator[HttpFace]:
    async with HttpFace("127.0.0.1", 0, sources(vitals, desk)) as running:
        yield running


@pytest.fixture
async def http(face: HttpFace) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(face.address) as session:
        yield session


async def read(http: aiohttp.ClientSession, path: str) -> tuple[int, dict]:
    async with http.get(path) as answer:
        return answer.status, await answer.json()


class TestHealth:
    async def test_alive_from_the_start_and_stuck_after_three_intervals_without_a_pass(
        self, http: aiohttp.ClientSession, clock: HandClock, vitals: Vitals
    ) -> None:
        clock.ms += 180_000
        assert (await read(http, "healthz"))[0] == 200
        clock.ms += 1
        status, body = await read(http, "healthz")
        assert (status, body["ok"]) == (503, False)
        vitals.pass_failed("NotSentError: no route")
        assert (await read(http, "healthz"))[0] == 200

    async def test_a_pass_longer_than_its_interval_is_not_stuck(self, clock: HandClock) -> None:
        quick = Vitals(clock, Rhythm(1_000, 30, 300_000, 300_000))
        clock.ms += 80_000
        assert quick.health().ok
        clock.ms += 11_000
        assert not quick.health().ok

    async def test_ready_only_when_every_named_check_is(self, http: aiohttp.ClientSession, vitals: Vitals, clock: HandClock) -> None:
        clock.ms += 60_000 + 30_001
        steps = {
            "reconciled": lambda: vitals.book_reconciled(Reconciled(0, 0, (), 1.0)),
            "clock_synced": vitals.clock_synced,
            "first_pass": lambda: vitals.pass_finished(finished_pass()),
        }
        missing = set(steps)
        for name, step in steps.items():
            status, body = await read(http, "readyz")
            assert status == 503
            assert {name for name, check in body["checks"].items() if not check["ok"]} == missing
            step()
            missing.remove(name)
        assert (await read(http, "readyz"))[0] == 200
        vitals.stopping = "SIGTERM"
        status, body = await read(http, "readyz")
        assert status == 503
        assert body["checks"]["not_stopping"] == {"ok": False, "detail": "SIGTERM"}

    async def test_a_failed_pass_does_not_count_as_the_first(self, vitals: Vitals) -> None:
        vitals.pass_failed("NotSentError: no route")
        assert not vitals.readiness().checks["first_pass"].ok

    async def test_a_first_pass_that_is_not_due_yet_keeps_nobody_from_being_ready(self, vitals: Vitals, clock: HandClock) -> None:
        assert vitals.readiness().checks["first_pass"].ok
        clock.ms += 60_000 + 30_000
        assert vitals.readiness().checks["first_pass"].ok
        clock.ms += 1
        assert not vitals.readiness().checks["first_pass"].ok

    async def test_what_was_true_long_ago_does_not_count(self, clock: HandClock, vitals: Vitals) -> None:
        vitals.clock_synced()
        vitals.book_reconciled(Reconciled(0, 0, (), 1.0))
        clock.ms += 900_001
        checks = vitals.readiness().checks
        assert not checks["clock_synced"].ok
        assert not checks["reconciled"].ok

    async def test_the_probe_tells_alive_stuck_and_absent(self, face: HttpFace, clock: HandClock) -> None:
        port = int(face.address.rsplit(":", 1)[1].strip("/"))
        assert (await asyncio.to_thread(probe, "0.0.0.0", port))[0]
        clock.ms += 10_000_000
        alive, text = await asyncio.to_thread(probe, "127.0.0.1", port)
        assert not alive
        assert "passes" in text
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        assert not (await asyncio.to_thread(probe, "127.0.0.1", port))[0]


class TestAnswers:
    async def test_metrics_are_passed_on_as_prometheus_text(self, http: aiohttp.ClientSession) -> None:
        async with http.get("metrics") as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=")
            assert await answer.read() == b"trade_agent_passes_total 3\n"

    async def test_status_tells_what_the_last_pass_decided_and_why(self, http: aiohttp.ClientSession, vitals: Vitals) -> None:
        refused = decision("SOLUSDT", Verdict.REFUSED, "no SOL is held")
        vitals.pass_finished(finished_pass(decision(), refused, decision("ETHUSDT", Verdict.FILLED, "RSI 22 is oversold")))
        _, body = await read(http, "status")
        assert body["facts"] == {"mode": "demo"}
        first = body["service"]["last_pass"]["decisions"][0]
        assert (first["symbol"], first["price"], first["explanation"]) == ("BTCUSDT", "0.1", "held: RSI 51 is neutral")
        assert [row["symbol"] for row in body["service"]["recent_actions"]] == ["ETHUSDT"]

    async def test_of_a_protective_exit_it_tells_what_was_sold_and_why_and_not_what_the_strategy_said(
        self, http: aiohttp.ClientSession, vitals: Vitals
    ) -> None:
        reason = "stop-loss: price 95 is 5 % or more below the average price 100"
        intent = OrderIntent(
            "bta-a-1", "BTCUSDT", Side.SELL, OrderType.MARKET, Decimal(1), None, Purpose.EXIT, 1, "c1", reason, Decimal(95)
        )
        approved = Approved(intent, Reservation("bta-a-1", "BTCUSDT", Decimal(0)))
        vitals.pass_finished(finished_pass(replace(decision(verdict=Verdict.FILLED), risk=approved)))
        _, body = await read(http, "status")
        (row,) = body["service"]["recent_actions"]
        assert (row["action"], row["side"], row["explanation"]) == ("HOLD", "SELL", f"filled: {reason}")

    def test_open_orders_are_the_newest_first_and_so_many_at_most(self) -> None:
        def order(number: int) -> JournaledOrder:
            intent = OrderIntent(
                f"bta-a-{number}",
                "BTCUSDT",
                Side.BUY,
                OrderType.LIMIT,
                Decimal("0.5"),
                Decimal(3),
                Purpose.ENTRY,
                1,
                "c1",
                "why",
                Decimal(2),
            )
            return JournaledOrder(intent, OrderState.NEW, 1, 5, Decimal("0.2"), 7)

        told = trading_status(None, {}, {}, open_orders=[order(number) for number in range(SHOWN_OPEN_ORDERS + 3)])["open_orders"]
        assert [each["client_order_id"] for each in told] == [f"bta-a-{number}" for number in range(SHOWN_OPEN_ORDERS + 2, 2, -1)]
        assert (told[0]["quantity"], told[0]["executed"], told[0]["price"], told[0]["stop_price"]) == ("0.5", "0.2", "2", None)

    async def test_recent_actions_are_bounded_newest_first(self, http: aiohttp.ClientSession, vitals: Vitals) -> None:
        for number in range(RECENT_ACTIONS + 5):
            vitals.pass_finished(finished_pass(decision(f"S{number}", Verdict.FILLED)))
        _, body = await read(http, "status")
        names = [row["symbol"] for row in body["service"]["recent_actions"]]
        assert names == [f"S{number}" for number in range(RECENT_ACTIONS + 4, 4, -1)]

    async def test_an_error_is_shown_until_a_pass_succeeds(self, http: aiohttp.ClientSession, vitals: Vitals) -> None:
        vitals.pass_failed("NotSentError: no route")
        assert (await read(http, "status"))[1]["service"]["last_error"] == "NotSentError: no route"
        vitals.pass_finished(finished_pass())
        assert (await read(http, "status"))[1]["service"]["last_error"] is None

    def test_money_keeps_every_digit(self) -> None:
        big = Decimal("12345678901234567890.123456789012345678")
        position = PositionSnapshot("BTCUSDT", big, big, big, big, big, big)
        snapshot = PortfolioSnapshot(1, "USDT", big, big, big, big, big, {"USDT": big}, {}, (position,), 1, 1, 0)
        halt = ModeChange(1, "BTCUSDT", TradingMode.HALTED, "manual", "x")
        text = json.dumps(trading_status(snapshot, {"BTCUSDT": halt}, {}))
        assert text.count(str(big)) == 13 - 1
        assert '"mode": "HALTED"' in text

    async def test_nothing_else_is_there(self, http: aiohttp.ClientSession) -> None:
        for method, path, expected in [("GET", "nothing", 404), ("GET", "control/halt", 405), ("POST", "status", 405)]:
            async with http.request(method, path) as answer:
                assert answer.status == expected


class TestStatusPage:
    async def test_the_policy_allows_exactly_the_script_and_style_of_the_page(self, http: aiohttp.ClientSession) -> None:
        async with http.get("") as answer:
            policy, html = answer.headers["Content-Security-Policy"], await answer.text()
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        for element, directive in [("script", "script-src"), ("style", "style-src")]:
            content = html.split(f"<{element}>")[1].split(f"</{element}>")[0]
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert f"{directive} 'sha256-{digest}'" in policy

    def test_nothing_comes_from_elsewhere_and_no_text_is_read_as_markup(self) -> None:
        html = StatusPage().html
        assert not re.search(r"https?://|//[a-z]+\.", html)
        for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "style=", "onclick", "onload"):
            assert forbidden not in html
        assert "width=device-width" in html

    def test_every_place_the_script_fills_is_on_the_page(self) -> None:
        html = StatusPage().html
        filled = set(re.findall(r'\b(?:place|pairs|table)\("(\w+)"', html))
        assert filled
        assert filled <= set(re.findall(r'id="(\w+)"', html))


class TestControl:
    async def ask(self, http: aiohttp.ClientSession, action: str, body: object, **headers: str) -> tuple[int, dict]:
        headers = {"Authorization": f"Bearer {TOKEN}", **headers}
        async with http.post(f"control/{action}", json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    @pytest.mark.parametrize(
        ("action", "mode"), [("halt", TradingMode.HALTED), ("resume", TradingMode.ACTIVE), ("reduce", TradingMode.REDUCING)]
    )
    async def test_the_holder_of_the_token_sets_the_mode(
        self, http: aiohttp.ClientSession, desk: Desk, action: str, mode: TradingMode
    ) -> None:
        assert (await self.ask(http, action, {"reason": " news "}))[1]["mode"] == mode
        assert (await self.ask(http, action, {"reason": "news", "symbol": "BTCUSDT"}))[0] == 200
        assert desk.set == [(ACCOUNT_SCOPE, mode, "news"), ("BTCUSDT", mode, "news")]

    async def test_symbols_are_chosen_anew_for_all_together_where_they_are_chosen(self, http: aiohttp.ClientSession, desk: Desk) -> None:
        told = {"chosen": ["BTCUSDT", "ETHUSDT"], "exits_only": ["SOLUSDT"], "stranded": [], "joined": ["ETHUSDT"], "left": ["SOLUSDT"]}
        assert await self.ask(http, "refresh", {"reason": "listed"}) == (200, {"reason": "listed", **told})
        assert (await self.ask(http, "refresh", {"reason": "listed", "symbol": "BTCUSDT"}))[0] == 400
        desk.error = ServiceError("only 0 symbols pass the filters now")
        status, answer = await self.ask(http, "refresh", {"reason": "again"})
        assert (status, answer["error"]) == (503, "refresh was not carried out: only 0 symbols pass the filters now")
        assert desk.refreshed == 1

    @pytest.mark.parametrize(
        ("action", "error", "told"),
        [
            ("halt", ModeUnwrittenError, "halt is in force, and not in the book yet; it is written as soon as the book takes it: full"),
            (
                "flatten",
                ModeUnwrittenError,
                "flatten is in force, and not in the book yet; it is written and what is held sold as soon as the book takes it: full",
            ),
            ("flatten", BookError, "flatten was not carried out: full"),
            ("resume", BookError, "resume was not carried out: full"),
            ("cancel", BookError, "cancel was not carried out in full: full"),
        ],
    )
    async def test_what_the_book_did_not_take_is_told_as_it_stands(
        self, http: aiohttp.ClientSession, desk: Desk, action: str, error: type[BookError], told: str
    ) -> None:
        desk.error = error("full")
        assert await self.ask(http, action, {"reason": "news"}) == (503, {"error": told})

    async def test_one_order_is_settled(self, http: aiohttp.ClientSession, desk: Desk) -> None:
        told = {"order": "bta-a-7", "reason": "gone", "state": "EXPIRED", "executed": "0.5"}
        assert await self.ask(http, "settle", {"reason": "gone", "order": "bta-a-7"}) == (200, told)
        assert desk.settled == [("bta-a-7", "gone")]

    @pytest.mark.parametrize(
        ("action", "about"),
        [
            ("settle", {}),
            ("settle", {"symbol": "BTCUSDT"}),
            ("settle", {"symbol": "BTCUSDT", "order": "bta-a-7"}),
            ("settle", {"order": "two\nlines"}),
            ("settle", {"order": ""}),
            ("cancel", {"order": "bta-a-7"}),
            ("halt", {"order": "bta-a-7"}),
        ],
    )
    async def test_an_order_is_named_for_settling_and_for_nothing_else(
        self, http: aiohttp.ClientSession, desk: Desk, action: str, about: dict[str, str]
    ) -> None:
        status, told = await self.ask(http, action, {"reason": "x", **about})
        assert status == 400
        assert "named by its client order id alone" in told["error"]
        assert (desk.settled, desk.canceled, desk.set) == ([], [], [])

    @pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xff"])
    async def test_nobody_else_does(self, http: aiohttp.ClientSession, desk: Desk, given: str) -> None:
        with capture_logs() as lines:
            status, _ = await self.ask(http, "halt", {"reason": "x"}, Authorization=given)
        assert status == 401
        assert desk.set == []
        assert TOKEN not in str(lines)

    @pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
    async def test_pages_of_another_origin_are_refused_even_with_the_token(
        self, http: aiohttp.ClientSession, desk: Desk, origin: str
    ) -> None:
        assert (await self.ask(http, "halt", {"reason": "x"}, Origin=origin))[0] == 403
        assert desk.set == []

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "anything else"])
    async def test_what_a_browser_calls_another_site_is_refused_even_with_the_token(
        self, http: aiohttp.ClientSession, desk: Desk, site: str
    ) -> None:
        status, _ = await self.ask(http, "halt", {"reason": "x"}, **{"Sec-Fetch-Site": site})
        assert (status, desk.set) == (403, [])

    @pytest.mark.parametrize("site", ["same-origin", "none"])
    async def test_what_a_browser_calls_the_same_origin_is_fine(self, http: aiohttp.ClientSession, site: str) -> None:
        assert (await self.ask(http, "halt", {"reason": "x"}, **{"Sec-Fetch-Site": site}))[0] == 200

    async def test_a_page_of_our_own_origin_is_fine(self, http: aiohttp.ClientSession, face: HttpFace) -> None:
        assert (await self.ask(http, "halt", {"reason": "x"}, Origin=face.address.rstrip("/")))[0] == 200

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"reason": ""},
            {"reason": "  "},
            {"reason": "two\nlines"},
            {"reason": "x" * (MAX_REASON_CHARS + 1)},
            {"reason": 5},
            {"reason": "x", "symbol": "btc usdt"},
            {"reason": "x", "symbol": ""},
            {"reason": "x", "symbol": "*"},
            {"reason": "x", "sybmol": "BTCUSDT"},
            [],
            "halt",
        ],
    )
    async def test_an_order_that_is_not_clear_changes_nothing(self, http: aiohttp.ClientSession, desk: Desk, body: object) -> None:
        status, answer = await self.ask(http, "halt", body)
        assert status == 400
        assert answer["error"]
        assert desk.set == []

    async def test_an_unknown_action_and_an_endless_body_change_nothing(self, http: aiohttp.ClientSession, desk: Desk) -> None:
        assert (await self.ask(http, "sell", {"reason": "x"}))[0] == 404
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with http.post("control/halt", data=b" " * (MAX_BODY_BYTES + 1), headers=headers) as answer:
            assert answer.status == 413
        assert desk.set == []

    async def test_a_mode_that_could_not_be_written_is_not_reported_as_set(self, http: aiohttp.ClientSession, desk: Desk) -> None:
        desk.error = BookError("disk full")
        status, answer = await self.ask(http, "halt", {"reason": "x"})
        assert status == 503
        assert "disk full" in answer["error"]

    @pytest.mark.parametrize(
        ("mode", "rule", "rearms", "until"),
        [
            (TradingMode.REDUCING, "daily_drawdown", False, "somebody resumes"),
            (TradingMode.REDUCING, "daily_drawdown", True, "the next UTC day, or somebody resumes"),
            (TradingMode.HALTED, "total_drawdown", True, "somebody resumes"),
            (TradingMode.REDUCING, "book_failed", False, "a start that finds the book sound, or somebody resumes"),
            (TradingMode.ACTIVE, "operator", False, None),
        ],
    )
    def test_the_status_says_what_ends_a_mode(self, mode: TradingMode, rule: str, rearms: bool, until: str | None) -> None:
        (told,) = trading_status(None, {"*": ModeChange(1, "*", mode, rule, "why")}, {}, daily_rearms=rearms)["modes"]
        assert (told["mode"], told["rule"], told["reason"], told["until"]) == (mode.value, rule, "why", until)

    async def test_a_name_that_nobody_trades_is_refused_and_told(self, http: aiohttp.ClientSession, desk: Desk) -> None:
        for verb in set(Verb) - {Verb.SETTLE, Verb.REFRESH}:
            status, answer = await self.ask(http, verb.value, {"reason": "x", "symbol": "BTCUSDTT"})
            assert status == 400
            assert "BTCUSDTT is neither traded nor held" in answer["error"]
            assert "BTCUSDT, ETHUSDT" in answer["error"]
        assert desk.set + desk.flattened + desk.canceled == []

    async def test_a_verb_that_does_not_exist_names_those_that_do(self, http: aiohttp.ClientSession) -> None:
        status, answer = await self.ask(http, "stop", {"reason": "x"})
        assert (status, answer["error"]) == (404, "actions are halt, reduce, resume, flatten, cancel, settle, refresh")

    async def test_flatten_says_what_goes_and_what_a_halt_keeps(self, http: aiohttp.ClientSession, desk: Desk) -> None:
        status, answer = await self.ask(http, "flatten", {"reason": "enough"})
        assert (status, desk.flattened) == (200, [("*", "enough")])
        assert (answer["mode"], answer["rule"]) == ("REDUCING", "flatten")
        assert (answer["selling"], answer["halted"]) == (["BTCUSDT"], ["ETHUSDT"])

    async def test_one_symbol_of_a_halted_account_cannot_be_sold(self, http: aiohttp.ClientSession, desk: Desk) -> None:
        desk.account_mode = TradingMode.HALTED
        status, answer = await self.ask(http, "flatten", {"reason": "enough", "symbol": "BTCUSDT"})
        assert (status, desk.flattened) == (409, [])
        assert "the account is halted" in answer["error"]

    async def test_cancel_says_what_is_over_and_what_is_not_known(self, http: aiohttp.ClientSession, desk: Desk) -> None:
        status, answer = await self.ask(http, "cancel", {"reason": "tidy up", "symbol": "ETHUSDT"})
        assert (status, desk.canceled) == (200, [("ETHUSDT", "tidy up")])
        assert (answer["ended"], answer["still_open"]) == (["bta-a-1"], ["bta-a-2"])

    async def test_a_flood_of_calls_is_refused_but_never_a_halt(self, http: aiohttp.ClientSession, desk: Desk) -> None:
        for _ in range(MOST_CALLS):
            assert (await self.ask(http, "reduce", {"reason": "x"}))[0] == 200
            await self.ask(http, "resume", {"reason": "x"}, Authorization="Bearer wrong")
        assert (await self.ask(http, "resume", {"reason": "x"}, Authorization="Bearer wrong"))[0] == 429
        assert (await self.ask(http, "resume", {"reason": "x"}))[0] == 429
        assert (await self.ask(http, "halt", {"reason": "x"}))[0] == 200
        assert [mode for _, mode, _ in desk.set].count(TradingMode.ACTIVE) == 0

    async def test_without_a_token_there_is_no_control_for_anyone(self, vitals: Vitals) -> None:
        async with HttpFace("127.0.0.1", 0, sources(vitals, None)) as off, aiohttp.ClientSession(off.address) as http:
            assert (await self.ask(http, "halt", {"reason": "x"}))[0] == 404


class TestListening:
    async def test_a_port_in_use_is_named(self, face: HttpFace, vitals: Vitals) -> None:
        port = int(face.address.rsplit(":", 1)[1].strip("/"))
        with pytest.raises(ConfigurationError, match=f"HTTP_PORT={port} is already in use"):
            await HttpFace("127.0.0.1", port, sources(vitals, None)).__aenter__()

    @pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
    async def test_an_address_that_is_not_ours_is_named(self, vitals: Vitals, host: str) -> None:
        with pytest.raises(ConfigurationError, match=f"HTTP_HOST={host}"):
            await HttpFace(host, 0, sources(vitals, None)).__aenter__()

    async def test_the_port_is_free_again_at_once(self, vitals: Vitals) -> None:
        async with HttpFace("127.0.0.1", 0, sources(vitals, None)) as first, aiohttp.ClientSession(first.address) as http:
            assert (await read(http, "healthz"))[0] == 200
            port = int(first.address.rsplit(":", 1)[1].strip("/"))
        async with HttpFace("127.0.0.1", port, sources(vitals, None)) as again:
            assert again.address == first.address


def test_the_face_answers_while_virtual_time_races() -> None:
    answers: list[tuple[bool, str]] = []

    def look(port: int, loop: asyncio.AbstractEventLoop, daemon: Daemon) -> None:
        try:
            answers.extend(probe("127.0.0.1", port, path) for path in ("/healthz", "/status", "/"))
        finally:
            loop.call_soon_threadsafe(daemon.request_stop, "seen enough")

    async def main() -> int:
        clock = VirtualClock(1_700_000_000_000)
        passes = 0

        async def run_pass() -> PassFinished:
            nonlocal passes
            passes += 1
            if passes == 10:
                assert daemon.face is not None
                port = int(daemon.face.address.rsplit(":", 1)[1].strip("/"))
                watcher.append(threading.Thread(target=look, args=(port, asyncio.get_running_loop(), daemon)))
                watcher[0].start()
            return finished_pass()

        async def reconcile() -> Reconciled:
            return Reconciled(0, 0, (), 1.0)

        async def nothing() -> None:
            pass

        desk = Desk()
        daemon = Daemon(
            DaemonParts(
                clock=clock,
                observer=NullObserver(),
                interval_ms=60_000,
                pass_deadline_s=30,
                run_pass=run_pass,
                reconcile=reconcile,
                reconcile_interval_ms=300_000,
                sync_clock=nothing,
                clock_sync_interval_ms=300_000,
                status=dict,
                metrics=bytes,
                verbs=desk.verbs,
                http_host="127.0.0.1",
                http_port=0,
                stop_bounds=dict.fromkeys(StopStage, 10.0),
                virtual_time=True,
            )
        )
        return await daemon.run()

    watcher: list[threading.Thread] = []
    with capture_logs():
        assert run_virtual(main()) == 0
    watcher[0].join()
    assert [alive for alive, _ in answers] == [True, True, True]
    assert '"finished":' in answers[1][1]


class TestNames:
    """A page of an attacker's name, which his DNS lets point to this machine, reads nothing."""

    @pytest.mark.parametrize("path", ["/", "/status", "/metrics", "/events", "/healthz", "/nowhere"])
    async def test_what_is_meant_for_another_name_is_refused_with_a_way_out(self, http: aiohttp.ClientSession, path: str) -> None:
        async with http.get(path, headers={"Host": "rebound.attacker.example:8080"}) as answer:
            assert answer.status == 421
            assert "HTTP_NAMES" in (await answer.json())["error"]

    async def test_a_control_call_is_refused_even_with_the_token(self, http: aiohttp.ClientSession, desk: Desk) -> None:
        headers = {"Host": "rebound.attacker.example", "Origin": "http://rebound.attacker.example", "Authorization": f"Bearer {TOKEN}"}
        async with http.post("/control/halt", json={"reason": "r"}, headers=headers) as answer:
            assert answer.status == 421

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8080", "[::1]:8080", "192.168.1.20:8080", "me.localhost", "LOCALHOST"])
    async def test_addresses_and_localhost_are_taken(self, http: aiohttp.ClientSession, host: str) -> None:
        async with http.get("/metrics", headers={"Host": host}) as answer:
            assert answer.status == 200

    @pytest.mark.parametrize(
        "host", ["localhost.attacker.example", "127.0.0.1.attacker.example", "notlocalhost", "", "[::1", "a@localhost@b"]
    )
    async def test_names_that_only_look_like_ours_are_not(self, http: aiohttp.ClientSession, host: str) -> None:
        async with http.get("/metrics", headers={"Host": host}) as answer:
            assert answer.status in {400, 421}

    async def test_a_name_of_the_settings_is_taken(self, vitals: Vitals) -> None:
        named = replace(sources(vitals, None), names=load_settings(http_names="desk.lan, Trading-Agent").http_names)
        async with HttpFace("127.0.0.1", 0, named) as face, aiohttp.ClientSession(face.address) as http:
            for host, status in (("desk.lan:8080", 200), ("trading-agent:8080", 200), ("other.lan", 421)):
                async with http.get("/metrics", headers={"Host": host}) as answer:
                    assert answer.status == status

    def test_a_name_with_a_port_is_refused_by_its_setting(self) -> None:
        with pytest.raises(ConfigurationError, match="HTTP_NAMES"):
            load_settings(http_names="desk.lan:8080")
