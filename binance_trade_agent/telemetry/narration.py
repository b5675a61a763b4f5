"""LogObserver: tells in plain sentences what happens, one line for each fact that a person would want to know."""

import logging
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from structlog.typing import FilteringBoundLogger

from binance_trade_agent.domain import facts, limit_facts, risk_facts, service_facts, stream_facts, symbol_facts
from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.decision import TradeDecision, Verdict
from binance_trade_agent.domain.money import plain
from binance_trade_agent.domain.order import OrderIntent, OrderState
from binance_trade_agent.domain.outcome import Accepted, NotSent, Rejected, Unknown
from binance_trade_agent.domain.portfolio import PortfolioSnapshot
from binance_trade_agent.domain.risk import Refused, RiskRule, TradingMode
from binance_trade_agent.domain.stream_facts import BookLoss, StreamEnd
from binance_trade_agent.ports.observer import Listener
from binance_trade_agent.telemetry import sentences

SUMMARY_EVERY_PASSES = 60
SHOWN_STREAMS = 5
SLOW_TIMER_MS = 1_000.0
FAR_CLOCK_MS = 1_000
MAX_REMEMBERED_SYMBOLS = 1_000
_RATE_LIMITED_STATUSES = frozenset({418, 429})
_QUIET_VERDICTS = frozenset({Verdict.HELD, Verdict.REFUSED})
_EXPECTED_LOSSES = frozenset({BookLoss.TOO_FEW_LEVELS, BookLoss.STREAM_INTERRUPTED})
_MODE_LEVELS = {TradingMode.ACTIVE: logging.INFO, TradingMode.REDUCING: logging.WARNING, TradingMode.HALTED: logging.ERROR}


class LogObserver:
    """Observer that writes the log.

    `quote_asset` is the accounting asset, shown with amounts. A pass in which nothing happened is told every `summary_every` passes,
    and a refusal that repeats for the same symbol and rule only once, so that the log of a quiet day stays short.
    """

    def __init__(
        self, logger: FilteringBoundLogger | None = None, *, quote_asset: str = "", summary_every: int = SUMMARY_EVERY_PASSES
    ) -> None:
        self._log: FilteringBoundLogger = logger if logger is not None else structlog.get_logger().bind()
        self._tells_all = self._log.is_enabled_for(logging.DEBUG)
        self._quote_asset = quote_asset
        self._summary_every = summary_every
        self._snapshot: PortfolioSnapshot | None = None
        self._last_stream_failure: str | None = None
        self._last_refusals: dict[str, RiskRule] = {}
        self._last_gaps: dict[tuple[str, str], int] = {}
        self._last_session_failures: dict[str, str] = {}
        self._most_streams_live: bool | None = None
        self._tellers = self._table()

    def observe(self, fact: facts.Fact) -> None:
        """Tell one fact, if it is worth telling."""
        teller = self._tellers.get(type(fact))
        if teller is None:
            return
        try:
            teller(fact)
        except Exception as error:  # the Observer port promises never to raise: trading must not end because a line cannot be written
            self._log.error(f"A fact of kind {type(fact).__name__} could not be told", error_class=type(error).__name__)

    def listener(self, kind: type[facts.Fact]) -> Listener | None:
        """See ChoosyObserver. Of what comes with every request only failures are handed on, and what nobody reads is not worded."""
        if kind is facts.RequestDone:
            return self._request_if_failed
        if kind is facts.DatabaseDone:
            return self._database_if_failed
        if kind is facts.OrderSent and not self._tells_all:
            return None
        return self.observe if kind in self._tellers else None

    def _request_if_failed(self, fact: facts.RequestDone) -> None:
        if fact.error_code is not None:
            self.observe(fact)

    def _database_if_failed(self, fact: facts.DatabaseDone) -> None:
        if fact.failed:
            self.observe(fact)

    def _table(self) -> Mapping[type[facts.Fact], Callable[[Any], None]]:
        return {
            facts.RequestDone: self._request_done,
            facts.PoolTimedOut: self._pool_timed_out,
            limit_facts.SilenceAsked: self._silence_asked,
            limit_facts.CircuitChanged: self._circuit_changed,
            facts.ClockSynced: self._clock_synced,
            facts.ClockJumped: self._clock_jumped,
            facts.PassFinished: self._pass_finished,
            facts.PassOverrun: self._pass_overrun,
            facts.ModeChanged: self._mode_changed,
            risk_facts.EntriesLocked: self._entries_locked,
            facts.OrderSent: self._order_sent,
            facts.OrderAnswered: self._order_answered,
            facts.OrderSettled: self._order_settled,
            facts.FillBooked: self._fill_booked,
            facts.ExternalBooked: self._external_booked,
            facts.PositionWrittenDown: self._position_written_down,
            facts.BookMarked: self._book_marked,
            facts.Reconciled: self._reconciled,
            facts.CandleGapFound: self._candle_gap_found,
            facts.ApiSessionChanged: self._api_session_changed,
            facts.ApiSessionFailed: self._api_session_failed,
            facts.AccountEventsMissed: self._account_events_missed,
            facts.MarketDataMeasured: self._market_data_measured,
            symbol_facts.SymbolsTraded: self._symbols_traded,
            symbol_facts.SymbolRefreshEnded: self._symbol_refresh_ended,
            facts.CacheFailed: self._cache_failed,
            facts.CacheRecovered: self._cache_recovered,
            stream_facts.StreamsConnected: self._streams_connected,
            stream_facts.StreamsInterrupted: self._streams_interrupted,
            stream_facts.StreamsRotated: self._streams_rotated,
            stream_facts.StreamRefused: self._stream_refused,
            stream_facts.StreamsSilent: self._streams_silent,
            stream_facts.StreamTraffic: self._stream_traffic,
            stream_facts.OrderBookLost: self._order_book_lost,
            facts.DatabaseDone: self._database_done,
            service_facts.BackupDone: self._backup_done,
            facts.LoopLagged: self._loop_lagged,
        }

    def _request_done(self, fact: facts.RequestDone) -> None:
        if fact.error_code is None:
            return
        level = logging.WARNING if fact.status in _RATE_LIMITED_STATUSES else logging.DEBUG
        status = f", HTTP {fact.status}" if fact.status is not None else ""
        self._log.log(level, f"Request {fact.endpoint} failed after {fact.duration_ms:.0f} ms: {fact.error_code}{status}")

    def _pool_timed_out(self, fact: facts.PoolTimedOut) -> None:
        self._log.warning(f"A request gave up after waiting {fact.wait_ms:.0f} ms for a free connection of its lane ({fact.lane})")

    def _silence_asked(self, fact: limit_facts.SilenceAsked) -> None:
        text = sentences.silence(fact)
        if not fact.remembered:
            text += "; this could not be written down, so do not start the daemon anew before that is over"
        self._log.log(logging.ERROR if fact.is_ban else logging.WARNING, text)

    def _circuit_changed(self, fact: limit_facts.CircuitChanged) -> None:
        group = fact.group.replace("_", " ")
        match fact.state:
            case limit_facts.CircuitState.OPEN:
                self._log.warning(f"The exchange does not answer requests for {group}; none is sent for {fact.pause_s:.0f} s")
            case limit_facts.CircuitState.HALF_OPEN:
                self._log.debug(f"One request for {group} tries whether the exchange answers again")
            case limit_facts.CircuitState.CLOSED:
                self._log.info(f"The exchange answers requests for {group} again")

    def _clock_synced(self, fact: facts.ClockSynced) -> None:
        level = logging.WARNING if abs(fact.offset_ms) > FAR_CLOCK_MS else logging.DEBUG
        self._log.log(level, f"The exchange's clock is {fact.offset_ms} ms ahead of ours, read in {fact.round_trip_ms:.1f} ms")

    def _clock_jumped(self, fact: facts.ClockJumped) -> None:
        way = "forward" if fact.jump_ms > 0 else "back"
        self._log.warning(f"This machine's clock was set {way} by {abs(fact.jump_ms)} ms; the exchange's is looked at anew before signing")

    def _pass_finished(self, fact: facts.PassFinished) -> None:
        for decision in fact.decisions:
            if decision.verdict is not Verdict.HELD or self._tells_all:
                self._tell_decision(decision)
            elif self._last_refusals:
                self._last_refusals.pop(decision.symbol, None)
        counts = Counter([decision.verdict for decision in fact.decisions])
        if counts.keys() <= _QUIET_VERDICTS and (fact.number - 1) % self._summary_every:
            return
        verdicts = ", ".join([f"{count} {_spoken(verdict)}" for verdict, count in sorted(counts.items())]) or "nothing decided"
        snapshot = self._snapshot
        equity = f"; equity {plain(round(snapshot.equity, sentences.SHOWN_DECIMALS))} {snapshot.quote_asset}" if snapshot else ""
        self._log.info(
            f"Pass {fact.number}: {counted(len(fact.decisions), 'symbol')} in {fact.duration_ms:.1f} ms, {verdicts}{equity}",
            correlation_id=fact.correlation_id,
        )

    def _tell_decision(self, decision: TradeDecision) -> None:
        level = self._level_of(decision)
        if self._log.is_enabled_for(level):
            at = f" at {plain(decision.price)}" if decision.price is not None else ""
            self._log.log(
                level, f"{decision.symbol}{at}: {decision.explanation}", symbol=decision.symbol, correlation_id=decision.correlation_id
            )

    def _level_of(self, decision: TradeDecision) -> int:
        if decision.verdict is Verdict.FAILED:
            return logging.WARNING
        if isinstance(decision.risk, Refused) and decision.verdict is Verdict.REFUSED:
            repeated = self._last_refusals.get(decision.symbol) is decision.risk.rule
            _remember(self._last_refusals, decision.symbol, decision.risk.rule)
            return logging.DEBUG if repeated else logging.INFO
        self._last_refusals.pop(decision.symbol, None)
        return logging.DEBUG if decision.verdict is Verdict.HELD else logging.INFO

    def _pass_overrun(self, fact: facts.PassOverrun) -> None:
        self._log.warning(f"A pass took longer than its interval; {counted(fact.missed, 'slot')} skipped")

    def _mode_changed(self, fact: facts.ModeChanged) -> None:
        self._log.log(_MODE_LEVELS[fact.change.mode], sentences.mode_change(fact.change))

    def _entries_locked(self, fact: risk_facts.EntriesLocked) -> None:
        self._log.warning(sentences.entries_locked(fact.lock))

    def _order_sent(self, fact: facts.OrderSent) -> None:
        self._tell_order(logging.DEBUG, fact.intent, f"Sent the order to {sentences.wish(fact.intent)}: {fact.intent.reason}")

    def _order_answered(self, fact: facts.OrderAnswered) -> None:
        if isinstance(fact.outcome, Accepted) and not self._tells_all:
            return
        wish = sentences.wish(fact.intent)
        match fact.outcome:
            case Accepted(report):
                self._tell_order(
                    logging.DEBUG, fact.intent, f"The order to {wish} was accepted in {fact.duration_ms:.1f} ms: {report.status}"
                )
            case Rejected(code, message):
                self._tell_order(
                    logging.WARNING, fact.intent, f"The order to {wish} was rejected by the exchange with code {code}: {message}"
                )
            case NotSent(why):
                self._tell_order(logging.WARNING, fact.intent, f"The order to {wish} was not sent: {why}")
            case Unknown(why):
                text = f"The fate of the order to {wish} is unknown: {why}; it is looked for and never sent again"
                self._tell_order(logging.ERROR, fact.intent, text)

    def _order_settled(self, fact: facts.OrderSettled) -> None:
        order = fact.order
        filled = f", {plain(order.executed_quantity)} filled" if order.executed_quantity else ""
        level = logging.WARNING if order.state is OrderState.UNKNOWN else logging.INFO
        state = str(order.state).replace("_", " ").lower()
        self._tell_order(level, order.intent, f"The order to {sentences.wish(order.intent)} was found to be {state}{filled}")

    def _tell_order(self, level: int, intent: OrderIntent, text: str) -> None:
        self._log.log(level, text, symbol=intent.symbol, client_order_id=intent.client_order_id, correlation_id=intent.correlation_id)

    def _fill_booked(self, fact: facts.FillBooked) -> None:
        fill = fact.fill
        self._log.info(
            sentences.fill(fill, fact.realized, self._quote_asset),
            symbol=fill.symbol,
            client_order_id=fill.client_order_id,
            trade_id=fill.trade_id,
        )

    def _external_booked(self, fact: facts.ExternalBooked) -> None:
        kind = "a deposit" if fact.amount > 0 else "a withdrawal"
        self._log.info(f"Booked {plain(abs(fact.amount))} {fact.asset} as {kind} or what the account held at the start", asset=fact.asset)

    def _position_written_down(self, fact: facts.PositionWrittenDown) -> None:
        text = f"{plain(fact.quantity)} of the position in {fact.symbol} left the account without a trade; what is there is held"
        self._log.warning(text, symbol=fact.symbol, value=plain(fact.value))

    def _book_marked(self, fact: facts.BookMarked) -> None:
        self._snapshot = fact.snapshot

    def _reconciled(self, fact: facts.Reconciled) -> None:
        found = f"{counted(fact.orders_settled, 'order')} settled, {counted(fact.fills_found, 'fill')} found"
        if fact.differences:
            text = f"The book and the exchange differ ({found}): {'; '.join(fact.differences)}"
            self._log.warning(text, differences=len(fact.differences))
        else:
            self._log.info(f"The book agrees with the exchange ({found})")

    def _candle_gap_found(self, fact: facts.CandleGapFound) -> None:
        candles = (fact.symbol, fact.interval)
        if self._last_gaps.get(candles) == fact.after_open_time_ms:
            return
        _remember(self._last_gaps, candles, fact.after_open_time_ms)
        after = datetime.fromtimestamp(fact.after_open_time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        missing = counted(fact.missing, f"{fact.interval} candle")
        self._log.warning(f"{fact.symbol} lacks {missing} after the one of {after} UTC", symbol=fact.symbol)

    def _api_session_changed(self, fact: facts.ApiSessionChanged) -> None:
        self._last_session_failures.pop(fact.session, None)
        if fact.is_live:
            self._log.info(f"The {_spoken(fact.session)} session of the WebSocket API is live", session=fact.session)
        else:
            self._log.warning(f"The {_spoken(fact.session)} session of the WebSocket API was lost: {fact.reason}", session=fact.session)

    def _api_session_failed(self, fact: facts.ApiSessionFailed) -> None:
        repeated = self._last_session_failures.get(fact.session) == fact.error
        _remember(self._last_session_failures, fact.session, fact.error)
        level = logging.DEBUG if repeated else logging.WARNING
        text = f"No {_spoken(fact.session)} session of the WebSocket API came up; it is tried again: {fact.error}"
        self._log.log(level, text, session=fact.session)

    def _account_events_missed(self, fact: facts.AccountEventsMissed) -> None:
        self._log.info(f"Account events may have been missed ({fact.reason}); the exchange is asked by REST")

    def _market_data_measured(self, fact: facts.MarketDataMeasured) -> None:
        """Told when most streams come or go; those of single symbols fall silent and wake with their trades."""
        most_live = 2 * fact.live >= fact.followed
        if fact.followed and most_live is not self._most_streams_live:
            self._most_streams_live = most_live
            text = f"Market streams are live for {fact.live} of {counted(fact.followed, 'symbol')}"
            if most_live:
                self._log.info(text)
            else:
                self._log.warning(f"{text}; the others are asked for by REST")

    def _symbols_traded(self, fact: symbol_facts.SymbolsTraded) -> None:
        text = sentences.symbols_traded(fact)
        if text:
            self._log.info(text, symbols=[*fact.chosen, *fact.exits_only], new=list(fact.joined), gone=list(fact.left))
        lost = sentences.symbols_lost(fact)
        if lost:
            self._log.warning(f"{lost}; what the book holds in it is watched")

    def _symbol_refresh_ended(self, fact: symbol_facts.SymbolRefreshEnded) -> None:
        if fact.error:
            self._log.warning(f"Symbols could not be chosen anew, so the present choice stays: {fact.error}")
        else:
            self._log.info(f"Symbols were chosen anew: {fact.result}")

    def _cache_failed(self, fact: facts.CacheFailed) -> None:
        self._log.warning(f"The cache failed at {fact.operation} ({fact.error}); for {fact.pause_s:g} s the exchange is asked instead")

    def _cache_recovered(self, _: facts.CacheRecovered) -> None:
        self._log.info("The cache answers again")

    def _streams_connected(self, fact: stream_facts.StreamsConnected) -> None:
        self._last_stream_failure = None
        again = "" if fact.is_first else " again"
        self._log.info(f"{counted(fact.streams, 'market stream')} live{again} on a connection, after {fact.duration_ms:.0f} ms")

    def _streams_interrupted(self, fact: stream_facts.StreamsInterrupted) -> None:
        repeated = self._last_stream_failure == fact.detail
        self._last_stream_failure = fact.detail if fact.end is StreamEnd.NOT_OPENED else None
        text = f"{counted(fact.streams, 'market stream')} interrupted: {fact.detail}; the next try is in {fact.pause_ms:.0f} ms"
        self._log.log(logging.DEBUG if repeated else logging.WARNING, text, reason=fact.end)

    def _streams_rotated(self, fact: stream_facts.StreamsRotated) -> None:
        level = logging.WARNING if fact.gaps else logging.INFO
        gaps = f"; {fact.gaps} of them may have missed events" if fact.gaps else " without a gap"
        text = f"The connection of {counted(fact.streams, 'market stream')} was replaced in {fact.overlap_ms:.0f} ms{gaps}"
        self._log.log(level, text, reason=fact.reason)

    def _stream_refused(self, fact: stream_facts.StreamRefused) -> None:
        self._log.warning(f"The exchange refused the market stream {fact.stream} with code {fact.code}: {fact.message}")

    def _streams_silent(self, fact: stream_facts.StreamsSilent) -> None:
        shown = ", ".join(fact.streams[:SHOWN_STREAMS])
        more = f" and {len(fact.streams) - SHOWN_STREAMS} more" if len(fact.streams) > SHOWN_STREAMS else ""
        self._log.info(f"Nothing came for {fact.silent_s:g} s on {shown}{more}; held for not live until something does")

    def _stream_traffic(self, fact: stream_facts.StreamTraffic) -> None:
        if fact.faults or fact.listener_failures:
            messages = counted(fact.faults, "stream message")
            self._log.warning(f"{messages} could not be understood, and for {fact.listener_failures} the listener failed")

    def _order_book_lost(self, fact: stream_facts.OrderBookLost) -> None:
        level = logging.INFO if fact.loss in _EXPECTED_LOSSES else logging.WARNING
        self._log.log(level, f"The local order book of {fact.symbol} is made anew: {_spoken(fact.loss)}", symbol=fact.symbol)

    def _database_done(self, fact: facts.DatabaseDone) -> None:
        if fact.failed:
            self._log.error(f"The database failed at {fact.operation} after {fact.duration_ms:.1f} ms")

    def _backup_done(self, fact: service_facts.BackupDone) -> None:
        if fact.error:
            self._log.error(f"No backup of the book was made: {fact.error}")
        else:
            self._log.info(f"The book was backed up and checked in {fact.duration_ms / 1000:.1f} s: {fact.path}")

    def _loop_lagged(self, fact: facts.LoopLagged) -> None:
        if fact.lag_ms >= SLOW_TIMER_MS:
            self._log.warning(f"The event loop was held up for {fact.lag_ms:.0f} ms")


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _remember(memory: dict[Any, Any], symbol: Hashable, value: object) -> None:
    if symbol not in memory and len(memory) >= MAX_REMEMBERED_SYMBOLS:
        memory.clear()
    memory[symbol] = value
