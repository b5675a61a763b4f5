"""Messages: what is worth one, how they are gathered, spaced and bounded, and that nothing waits for a service that is down."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from virtual_time import virtual

from binance_trade_agent.domain import facts, limit_facts, risk_facts, symbol_facts
from binance_trade_agent.domain.notice import Notice, NoticeKind
from binance_trade_agent.domain.notice_facts import NoticesDropped, NoticesSent
from binance_trade_agent.domain.order import Fill, OrderIntent, OrderType, Purpose, Side
from binance_trade_agent.domain.outcome import NotSent, Rejected, Unknown
from binance_trade_agent.domain.portfolio import PortfolioSnapshot
from binance_trade_agent.domain.risk import EntryLock, ModeChange, RiskRule, TradingMode
from binance_trade_agent.telemetry.notice_lane import FIRST_PAUSE_S, GATHER_S, MOST_LINES, NoticeLane
from binance_trade_agent.telemetry.notices import NoticeWriter
from binance_trade_agent.telemetry.notifier import LAST_WORD_S, REPEAT_S, Notifier
from binance_trade_agent.telemetry.redaction import Redactor

D = Decimal
DAY_MS = 86_400_000
NOON_MS = 20_000 * DAY_MS + DAY_MS // 2
FILL = Fill("BTCUSDT", 7, 3, "id", Side.SELL, D(60_000), D("0.01"), D(600), D("0.6"), "USDT", NOON_MS, is_maker=False)
INTENT = OrderIntent("id", "BTCUSDT", Side.BUY, OrderType.MARKET, D("0.01"), D(60_000), Purpose.ENTRY, NOON_MS, "pass-1", "it rose")
SNAPSHOT = PortfolioSnapshot(NOON_MS, "USDT", D(10_000), D(9_000), D(10_000), D(0), D(0), {}, {}, (), 0, 0, 0)


def written(*seen: facts.Fact, summary_hour: int = 0) -> list[tuple[str, str]]:
    writer = NoticeWriter("USDT", summary_hour)
    return [(notice.kind.value, notice.text) for fact in seen for notice in writer.notices(fact)]


class Service:
    """Somebody who takes messages, or does not."""

    def __init__(self) -> None:
        self.got: list[tuple[float, str]] = []
        self.is_up = True
        self.takes_s = 0.0
        self.facts: list[facts.Fact] = []

    async def send(self, text: str) -> bool:
        await asyncio.sleep(self.takes_s)
        if self.is_up:
            self.got.append((asyncio.get_running_loop().time(), text))
        return self.is_up

    def observe(self, fact):
        self.facts.append(fact)


def notifier_to(service: Service, *, spacing_s: float = 10.0, kinds=frozenset(NoticeKind), masked=str) -> Notifier:
    return Notifier([NoticeLane("json-1", service.send, service, spacing_s)], NoticeWriter("USDT", 0), kinds, masked)


def error(text: str, topic: str = "") -> Notice:
    return Notice(NoticeKind.ERRORS, text, topic)


@pytest.mark.parametrize(
    ("fact", "kind", "text"),
    [
        (facts.FillBooked(FILL, D("-1.5"), 0.0), "fills", "Sold 0.01 BTCUSDT at 60000 for 600 USDT, fee 0.6 USDT, loss 1.5 USDT"),
        (
            facts.ModeChanged(ModeChange(NOON_MS, "*", TradingMode.HALTED, "operator", "holiday")),
            "modes",
            "Trading is now HALTED (operator): holiday",
        ),
        (
            risk_facts.EntriesLocked(EntryLock(RiskRule.STOP_GUARD, "*", NOON_MS, NOON_MS + 3_600_000, "3 stop-losses")),
            "modes",
            "Entries of all symbols rest for 1 h (stop_guard): 3 stop-losses",
        ),
        (
            facts.OrderAnswered(INTENT, Rejected(-2010, "no money"), 5.0),
            "errors",
            "The exchange refused to buy 0.01 BTCUSDT, with code -2010: no money",
        ),
        (facts.OrderAnswered(INTENT, NotSent("too old"), 5.0), "errors", "The order to buy 0.01 BTCUSDT was not sent: too old"),
        (
            facts.OrderAnswered(INTENT, Unknown("cut off"), 5.0),
            "errors",
            "No answer to the order to buy 0.01 BTCUSDT: cut off; it is looked for and never sent again",
        ),
        (facts.PassFailed("ServiceError: slow"), "errors", "A pass failed: ServiceError: slow"),
        (
            facts.Reconciled(0, 0, ("a", "b", "c", "d", "e"), 5.0),
            "errors",
            "The book and the exchange differed: a; b; c; and 2 more",
        ),
        (facts.DatabaseDone("write", 3.0, failed=True), "errors", "The database failed at write"),
        (facts.ExternalBooked("USDT", D("-5")), "transfers", "5 USDT went out"),
        (
            symbol_facts.SymbolsTraded(("AUSDT",), ("BUSDT",), joined=("AUSDT",), left=("BUSDT", "CUSDT"), closing=("BUSDT",)),
            "service",
            "Symbols also traded now: AUSDT; not chosen any more: BUSDT, CUSDT; only sold, until nothing is held: BUSDT",
        ),
        (
            symbol_facts.SymbolsTraded(("AUSDT",), (), stranded=("BUSDT", "CUSDT"), lost=("CUSDT",)),
            "errors",
            "Held, and not listed by the exchange any more, so that nothing of it can be sold: CUSDT",
        ),
        (
            symbol_facts.SymbolRefreshEnded(symbol_facts.RefreshResult.FAILED, "away"),
            "errors",
            "Symbols could not be chosen anew, so the present choice stays: away",
        ),
    ],
)
def test_what_a_person_wants_to_hear_is_told(fact, kind, text):
    assert written(fact) == [(kind, text)]


def test_a_ban_is_told():
    asked = limit_facts.SilenceAsked(120.0, NOON_MS, is_ban=True, orders_only=False, remembered=True)
    assert written(asked) == [("errors", "The exchange has banned this address: nothing at all is sent for 120 s")]


def test_a_quiet_day_says_nothing():
    quiet = (facts.Reconciled(2, 1, (), 5.0), facts.DatabaseDone("write", 3.0, failed=False), facts.PositionsProtected(3, ()))
    assert written(*quiet, facts.BookMarked(SNAPSHOT)) == []


def test_a_position_that_loses_its_protection_is_told_once():
    bare, covered = facts.PositionsProtected(1, ("ETHUSDT",)), facts.PositionsProtected(2, ())
    told = [("errors", "Without protection on the exchange: ETHUSDT")]
    assert written(bare, bare) == told
    assert written(bare, covered, bare) == told * 2


def test_the_summary_comes_once_a_day_at_its_hour_and_shows_what_came_of_the_day():
    hours = [
        replace(SNAPSHOT, time_ms=NOON_MS + hour * 3_600_000, equity=D(10_000) + hour, realized=D(hour) / 2, fills=hour)
        for hour in range(30)
    ]
    (told,) = written(*(facts.BookMarked(snapshot) for snapshot in hours), summary_hour=6)
    assert told[0] == "summary"
    assert "Since 2024-10-04 12:00 UTC: equity 10,018.00 USDT (+18.00), realised +9.00, 18 fills, fees none; positions: none" in told[1]
    assert len(written(*(facts.BookMarked(snapshot) for snapshot in hours), summary_hour=13)) == 2


@virtual
async def test_what_comes_together_is_one_message_and_the_next_one_keeps_its_distance():
    service = Service()
    notifier = notifier_to(service)
    async with notifier.running():
        for number in range(3):
            notifier.tell(error(f"first {number}"))
        await asyncio.sleep(GATHER_S + 0.1)
        notifier.tell(error("second"))
        await asyncio.sleep(60)
    (first_s, first), (second_s, second) = service.got
    assert (first, second) == ("first 0\nfirst 1\nfirst 2", "second")
    assert second_s - first_s >= 10
    assert service.facts == [NoticesSent("json-1", 3, was_sent=True), NoticesSent("json-1", 1, was_sent=True)]


@virtual
async def test_what_a_service_that_is_down_missed_comes_when_it_is_back():
    service = Service()
    service.is_up = False
    notifier = notifier_to(service)
    async with notifier.running():
        notifier.tell(error("while it was down"))
        await asyncio.sleep(GATHER_S + FIRST_PAUSE_S * 2)
        service.is_up = True
        notifier.tell(error("later"))
        await asyncio.sleep(600)
        assert [text for _, text in service.got] == ["while it was down\nlater"]


@virtual
async def test_more_than_can_be_sent_is_dropped_from_the_front_and_said():
    service = Service()
    notifier = notifier_to(service)
    async with notifier.running():
        for number in range(MOST_LINES + 5):
            notifier.tell(error(f"line {number}"))
        await asyncio.sleep(60)
    (text,) = (text for _, text in service.got)
    assert text.splitlines()[:2] == ["(5 earlier lines left out)", "line 5"]
    assert len(text.splitlines()) == MOST_LINES + 1
    assert service.facts.count(NoticesDropped("json-1", 1)) == 5


@virtual
async def test_lines_that_come_while_a_message_goes_out_are_sent_once_each():
    service = Service()
    service.takes_s = 5.0
    notifier = notifier_to(service)
    expected = [f"line {number}" for number in range(60)]
    async with notifier.running():
        for line in expected:
            notifier.tell(error(line))
            await asyncio.sleep(0.5)
        await asyncio.sleep(100)
    assert "\n".join(text for _, text in service.got).splitlines() == expected


@virtual
async def test_the_last_word_is_sent_and_not_waited_for_for_long():
    service = Service()
    notifier = notifier_to(service)
    async with notifier.running():
        notifier.tell(error("the end"))
    assert [text for _, text in service.got] == ["the end"]
    service.takes_s = 1_000.0
    async with notifier.running():
        notifier.tell(error("never"))
    assert asyncio.get_running_loop().time() <= LAST_WORD_S + 1


@virtual
async def test_a_message_under_way_at_the_end_is_not_sent_twice():
    service = Service()
    service.takes_s = 2.0
    notifier = notifier_to(service)
    async with notifier.running():
        notifier.tell(error("once"))
        await asyncio.sleep(GATHER_S + 1)
    assert [text for _, text in service.got] == ["once"]


@virtual
async def test_the_same_trouble_is_not_told_again_and_again(monkeypatch):
    now_s = [0.0]
    monkeypatch.setattr("binance_trade_agent.telemetry.notifier.time.monotonic", lambda: now_s[0])
    service = Service()
    notifier = notifier_to(service)
    async with notifier.running():
        for passed_s in (0.0, 60.0, REPEAT_S + 1):
            now_s[0] = passed_s
            notifier.tell(error("a pass failed", "pass"))
            await asyncio.sleep(30)
    assert len(service.got) == 2


@virtual
async def test_only_wanted_kinds_are_told_and_no_secret_is():
    service = Service()
    notifier = notifier_to(service, kinds=frozenset({NoticeKind.ERRORS}), masked=Redactor(["top-secret-key"]).text)
    async with notifier.running():
        notifier.observe(facts.FillBooked(FILL, D(0), 0.0))
        notifier.observe(facts.PassFailed("AgentError: top-secret-key is not good"))
        notifier.observe(facts.FillBooked(None, D(0), 0.0))
        await asyncio.sleep(30)
    assert [text for _, text in service.got] == ["A pass failed: AgentError: [hidden] is not good"]
