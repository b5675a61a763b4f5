"""The status page in a real browser: it shows what the daemon knows, follows what changes, and stops it for the holder of the token."""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from browser import Page, browser_page
from hand_clocks import StillClock
from operator_desk import Desk

from binance_trade_agent.domain.decision import TradeDecision, Verdict
from binance_trade_agent.domain.facts import PassFinished, Reconciled
from binance_trade_agent.domain.order import JournaledOrder, OrderIntent, OrderState, OrderType, Purpose, Side
from binance_trade_agent.domain.portfolio import EquityPoint, PortfolioSnapshot, PositionSnapshot
from binance_trade_agent.domain.risk import EntryLock, ModeChange, RiskRule, TradingMode
from binance_trade_agent.domain.signal import Action, Signal
from binance_trade_agent.service.control import Control
from binance_trade_agent.service.equity_answer import EquityAnswer
from binance_trade_agent.service.http_face import HttpFace, Sources
from binance_trade_agent.service.status_report import service_status, trading_status
from binance_trade_agent.service.vitals import Rhythm, Vitals

TOKEN = "correct-horse-battery"
MARKUP = "<img src=x onerror=alert(1)>"
ZERO = Decimal(0)
MINUTE_MS = 60_000

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class World:
    """What there is to show."""

    def __init__(self) -> None:
        self.clock = StillClock()
        self.vitals = Vitals(self.clock, Rhythm(MINUTE_MS, 30, 300_000, 300_000))
        self.desk = Desk()
        self.equity = Decimal("10025.50")
        self.modes: dict[str, ModeChange] = {}
        self.resting: tuple[EntryLock, ...] = ()
        self.has_control = True
        intent = OrderIntent(
            "bta-a-7", "ETHUSDT", Side.BUY, OrderType.LIMIT, Decimal("0.5"), Decimal(3000), Purpose.ENTRY, 1, "c1", MARKUP, Decimal(2990)
        )
        self.open_order = JournaledOrder(intent, OrderState.PARTIALLY_FILLED, 1, 5, Decimal("0.2"), 7)

    def pass_is_over(self, number: int, reason: str = "RSI(14) 28.8 is at or below 30") -> None:
        signal = Signal("BTCUSDT", 1, "rsi", Action.BUY, 0.5, reason)
        decision = TradeDecision("BTCUSDT", f"c{number}", 1, Verdict.FILLED, 12.5, price=Decimal(60000), signal=signal)
        self.vitals.pass_finished(PassFinished(number, f"c{number}", 1, 20.0, (decision,)))

    def status(self) -> dict[str, object]:
        position = PositionSnapshot("BTCUSDT", Decimal("0.1"), Decimal(60000), Decimal(60100), Decimal(6010), Decimal(10), Decimal("15.5"))
        snapshot = PortfolioSnapshot(
            time_ms=self.clock.now_ms(),
            quote_asset="USDT",
            initial_value=Decimal(10000),
            cash=Decimal("4015.50"),
            equity=self.equity,
            realized=Decimal("15.5"),
            unrealized=Decimal(10),
            balances={},
            fees={"BNB": Decimal("0.0125")},
            positions=(position,),
            orders=9,
            fills=12,
            open_orders=1,
        )
        trading = trading_status(snapshot, self.modes, {"mode": "demo"}, open_orders=(self.open_order,), resting=self.resting)
        return {**trading, "control": self.has_control, "service": service_status(self.vitals, self.clock.now_ms(), None, 0)}

    async def curve(self, since_ms: int, points: int) -> Sequence[EquityPoint]:
        begin_ms = self.clock.now_ms() - 120 * MINUTE_MS
        values = [Decimal(10000) + (number * 37 % 50) for number in range(120)]
        return [EquityPoint(begin_ms + number * MINUTE_MS, value, ZERO, ZERO, ZERO, ZERO) for number, value in enumerate(values)]


@pytest.fixture
def world() -> World:
    world = World()
    world.pass_is_over(1)
    return world


@pytest.fixture
async def face(world: World) -> AsyncIterator[HttpFace]:
    control = Control(TOKEN, world.desk.verbs)
    equity = EquityAnswer(world.curve, world.clock)
    sources = Sources(world.vitals.health, world.vitals.readiness, world.status, bytes, control, equity)
    async with HttpFace("127.0.0.1", 0, sources) as running:
        yield running


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with browser_page(tmp_path / "profile") as page:
        yield page


async def test_it_shows_everything_and_follows_what_changes(face: HttpFace, world: World, page: Page) -> None:
    await page.open(face.address)
    await page.wait_for("document.querySelectorAll('#curve .trace').length === 1 && document.getElementById('live').textContent === 'live'")
    shown = {
        name: await page.text(name) for name in ("money", "fees", "positions", "orders", "actions", "decisions", "modes", "health", "facts")
    }
    assert "10,025.50" in shown["money"]
    assert "Profit, USDT25.50" in shown["money"]
    assert shown["fees"] == "10,000.00 USDT put in, profit (0.26 %); fees paid: 0.0125 BNB"
    assert all(text in shown["positions"] for text in ("BTCUSDT", "0.1", "60,100.00", "6,010.00", "15.50"))
    assert all(text in shown["orders"] for text in ("ETHUSDT", "LIMIT", "0.2", "2,990.00", "PARTIALLY_FILLED", "bta-a-7", MARKUP))
    assert "RSI(14) 28.8 is at or below 30" in shown["actions"]
    assert shown["modes"] == "everything is active"
    assert "reconciled" in shown["health"]
    assert await page.text("range") == "10,000.00 to 10,049.00"

    assert await page.text("state") != "running, all entries rest"

    all_rest = EntryLock(RiskRule.DRAWDOWN_LOCK, "*", 2_000, 7_200_000, "lost 300")
    world.resting = (EntryLock(RiskRule.STOP_GUARD, "ETHUSDT", 1_000, 3_600_000, f"3 stop-losses {MARKUP}"), all_rest)
    world.vitals.clock_synced()
    world.vitals.book_reconciled(Reconciled(0, 0, (), 1.0))
    await page.wait_for("document.getElementById('state').textContent === 'running, all entries rest'")
    world.modes["*"] = ModeChange(1, "*", TradingMode.HALTED, "total_drawdown", "lost too much")
    world.equity = Decimal("9000.25")
    world.pass_is_over(2, "a second look")
    await page.wait_for("document.getElementById('money').textContent.includes('9,000.25')")
    modes, locks = await page.text("modes"), await page.text("locks")
    assert all(text in locks for text in ("ETHUSDT", "stop_guard", "01-01 00:00:01 to 01-01 01:00:00", f"3 stop-losses {MARKUP}"))
    assert locks.index("account") < locks.index("ETHUSDT"), "what is for all comes first"
    assert all(text in modes for text in ("account", "HALTED", "total_drawdown", "lost too much", "somebody resumes"))
    assert "a second look" in await page.text("decisions")

    assert page.problems == []
    assert {url.split("?")[0] for url in page.requests if not url.startswith("data:")} == {
        face.address, f"{face.address}events", f"{face.address}equity"
    }  # fmt: skip


async def test_on_a_phone_nothing_is_wider_than_the_screen(face: HttpFace, world: World, page: Page) -> None:
    world.pass_is_over(2, "score -0.33 reaches 0.2: " + "a_word_that_has_no_end_" * 10)
    await page.open(face.address, width=390, height=844, is_phone=True)
    await page.wait_for("document.getElementById('live').textContent === 'live'")
    assert await page.value("document.documentElement.scrollWidth") <= 390
    assert await page.value("document.getElementById('do-halt').getBoundingClientRect().height") >= 40
    assert page.problems == []


async def test_the_holder_of_the_token_halts_it_with_a_reason(face: HttpFace, world: World, page: Page) -> None:
    await page.open(face.address)
    await page.wait_for("!document.getElementById('control').hidden && document.getElementById('scope').options.length === 2")
    await page.value("document.getElementById('do-halt').click()")
    await page.wait_for("document.getElementById('told').textContent === 'the control token is needed'")
    await page.value(f"document.getElementById('token').value = '{TOKEN}x'; document.getElementById('reason').value = 'from my phone'")
    await page.value("document.getElementById('do-halt').click()")
    await page.wait_for("document.getElementById('told').textContent.startsWith('refused: the control token is required')")
    assert world.desk.set == []
    await page.value(f"document.getElementById('token').value = '{TOKEN}'")
    await page.value("document.getElementById('do-halt').click()")
    await page.wait_for("document.getElementById('told').textContent.startsWith('done: ')")
    assert world.desk.set == [("*", TradingMode.HALTED, "from my phone")]
    page.accepts_dialogs = False
    await page.call("Runtime.evaluate", expression="document.getElementById('do-flatten').click()")
    page.accepts_dialogs = True
    await page.call(
        "Runtime.evaluate", expression="document.getElementById('scope').value = 'BTCUSDT'; document.getElementById('do-flatten').click()"
    )
    await page.wait_for("document.getElementById('told').textContent.includes('selling BTCUSDT')")
    assert world.desk.flattened == [("BTCUSDT", "from my phone")]


async def test_without_a_token_there_is_nothing_to_press(face: HttpFace, world: World, page: Page) -> None:
    world.has_control = False
    await page.open(face.address)
    await page.wait_for("document.getElementById('live').textContent === 'live'")
    assert await page.value("document.getElementById('control').hidden") is True


async def test_a_daemon_that_is_gone_is_said_to_be_gone(face: HttpFace, page: Page) -> None:
    await page.open(face.address)
    await page.wait_for("document.getElementById('live').textContent === 'live'")
    await face.__aexit__(None, None, None)
    await page.wait_for("document.getElementById('state').textContent === 'no answer: the figures below are old'")
