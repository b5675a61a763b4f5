"""Notices: which facts are worth a message, and in which words."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from binance_trade_agent.domain import facts, limit_facts, risk_facts, symbol_facts
from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.money import plain
from binance_trade_agent.domain.notice import Notice, NoticeKind
from binance_trade_agent.domain.outcome import NotSent, Rejected, Unknown
from binance_trade_agent.domain.portfolio import PortfolioSnapshot
from binance_trade_agent.telemetry import sentences

_SHOWN_DIFFERENCES = 3
_SHOWN_CENTS = Decimal("0.01")
_HOUR_MS = 3_600_000
_DAY_HOURS = 24


class NoticeWriter:
    """Makes notices of facts. A day's summary comes with the first mark of the book after `summary_hour` (UTC, by market time)."""

    def __init__(self, quote_asset: str, summary_hour: int) -> None:
        self._quote_asset = quote_asset
        self._summary_hour = summary_hour
        self._marked: PortfolioSnapshot | None = None
        self._since: PortfolioSnapshot | None = None
        self._unprotected: frozenset[str] = frozenset()
        self._writers: Mapping[type[facts.Fact], Callable[[Any], Iterator[Notice]]] = {
            facts.FillBooked: self._fill,
            facts.ModeChanged: self._mode,
            risk_facts.EntriesLocked: self._lock,
            facts.OrderAnswered: self._answer,
            facts.PassFailed: self._failed_pass,
            facts.Reconciled: self._differences,
            facts.PositionsProtected: self._protection,
            facts.DatabaseDone: self._database,
            limit_facts.SilenceAsked: self._silence,
            facts.ExternalBooked: self._transfer,
            facts.BookMarked: self._summary,
            symbol_facts.SymbolsTraded: self._symbols,
            symbol_facts.SymbolRefreshEnded: self._symbol_refresh,
        }

    def tells_of(self, kind: type[facts.Fact]) -> bool:
        """Whether any fact of this kind can be worth telling."""
        return kind in self._writers

    def notices(self, fact: facts.Fact) -> Iterator[Notice]:
        """What to tell of `fact`, mostly nothing."""
        writer = self._writers.get(type(fact))
        return iter(()) if writer is None else writer(fact)

    def _fill(self, fact: facts.FillBooked) -> Iterator[Notice]:
        yield Notice(NoticeKind.FILLS, sentences.fill(fact.fill, fact.realized, self._quote_asset))

    def _mode(self, fact: facts.ModeChanged) -> Iterator[Notice]:
        yield Notice(NoticeKind.MODES, sentences.mode_change(fact.change))

    def _lock(self, fact: risk_facts.EntriesLocked) -> Iterator[Notice]:
        yield Notice(NoticeKind.MODES, sentences.entries_locked(fact.lock))

    def _answer(self, fact: facts.OrderAnswered) -> Iterator[Notice]:
        wish = sentences.wish(fact.intent)
        match fact.outcome:
            case Rejected(code, message):
                text = f"The exchange refused to {wish}, with code {code}: {message}"
                yield Notice(NoticeKind.ERRORS, text, f"refused {fact.intent.symbol} {code}")
            case NotSent(why):
                yield Notice(NoticeKind.ERRORS, f"The order to {wish} was not sent: {why}", f"not sent {fact.intent.symbol}")
            case Unknown(why):
                yield Notice(NoticeKind.ERRORS, f"No answer to the order to {wish}: {why}; it is looked for and never sent again")

    def _failed_pass(self, fact: facts.PassFailed) -> Iterator[Notice]:
        yield Notice(NoticeKind.ERRORS, f"A pass failed: {fact.error}", "pass")

    def _differences(self, fact: facts.Reconciled) -> Iterator[Notice]:
        if fact.differences:
            shown = "; ".join(fact.differences[:_SHOWN_DIFFERENCES])
            more = f"; and {len(fact.differences) - _SHOWN_DIFFERENCES} more" if len(fact.differences) > _SHOWN_DIFFERENCES else ""
            yield Notice(NoticeKind.ERRORS, f"The book and the exchange differed: {shown}{more}", "differences")

    def _protection(self, fact: facts.PositionsProtected) -> Iterator[Notice]:
        added = sorted(set(fact.unprotected) - self._unprotected)
        self._unprotected = frozenset(fact.unprotected)
        if added:
            yield Notice(NoticeKind.ERRORS, f"Without protection on the exchange: {', '.join(added)}")

    def _database(self, fact: facts.DatabaseDone) -> Iterator[Notice]:
        if fact.failed:
            yield Notice(NoticeKind.ERRORS, f"The database failed at {fact.operation}", "database")

    def _silence(self, fact: limit_facts.SilenceAsked) -> Iterator[Notice]:
        yield Notice(NoticeKind.ERRORS, sentences.silence(fact), "ban" if fact.is_ban else "silence")

    def _transfer(self, fact: facts.ExternalBooked) -> Iterator[Notice]:
        way = "came in from outside" if fact.amount > 0 else "went out"
        yield Notice(NoticeKind.TRANSFERS, f"{plain(abs(fact.amount))} {fact.asset} {way}")

    def _symbols(self, fact: symbol_facts.SymbolsTraded) -> Iterator[Notice]:
        text = sentences.symbols_traded(fact)
        if text:
            yield Notice(NoticeKind.SERVICE, text)
        lost = sentences.symbols_lost(fact)
        if lost:
            yield Notice(NoticeKind.ERRORS, lost)

    def _symbol_refresh(self, fact: symbol_facts.SymbolRefreshEnded) -> Iterator[Notice]:
        if fact.error:
            yield Notice(NoticeKind.ERRORS, f"Symbols could not be chosen anew, so the present choice stays: {fact.error}", "symbols")

    def _summary(self, fact: facts.BookMarked) -> Iterator[Notice]:
        before, self._marked = self._marked, fact.snapshot
        if before is None or self._since is None:
            self._since = fact.snapshot
        elif self._day(before) != self._day(fact.snapshot):
            yield Notice(NoticeKind.SUMMARY, _summary(self._since, fact.snapshot))
            self._since = fact.snapshot

    def _day(self, snapshot: PortfolioSnapshot) -> int:
        return (snapshot.time_ms - self._summary_hour * _HOUR_MS) // (_DAY_HOURS * _HOUR_MS)


def _summary(since: PortfolioSnapshot, now: PortfolioSnapshot) -> str:
    """What has become of the book since the last summary, or since the start."""
    start = datetime.fromtimestamp(since.time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    positions = ", ".join(position.symbol for position in now.positions) or "none"
    paid = {asset: fees - since.fees.get(asset, Decimal(0)) for asset, fees in now.fees.items()}
    fees = ", ".join(f"{plain(amount)} {asset}" for asset, amount in sorted(paid.items()) if amount) or "none"
    return (
        f"Since {start} UTC: equity {_cents(now.equity)} {now.quote_asset} ({_signed(now.equity - since.equity)}), "
        f"realised {_signed(now.realized - since.realized)}, {counted(now.fills - since.fills, 'fill')}, fees {fees}; "
        f"positions: {positions}; open orders: {now.open_orders}"
    )


def _cents(amount: Decimal) -> str:
    return f"{amount.quantize(_SHOWN_CENTS):,f}"


def _signed(amount: Decimal) -> str:
    return f"{amount.quantize(_SHOWN_CENTS):+,f}"
