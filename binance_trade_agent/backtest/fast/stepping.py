"""Stepping: the passes of a backtest, of which only those are walked in which something can happen.

A pass can be left out when no strategy speaks that could lead to an order, nothing held has reached a level, no day begins, and no breaker
can act. Everything else is walked as the orchestrator walks it: marks, breakers, reviews one symbol after the other, orders, bookings.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from binance_trade_agent.backtest.fast.equity import EquityRecord
from binance_trade_agent.backtest.fast.exchange_box import ExchangeBox
from binance_trade_agent.backtest.fast.hopeless_entries import UNDECIDED, WILD, HopelessEntries
from binance_trade_agent.backtest.fast.levels import Levels
from binance_trade_agent.backtest.fast.quiet_passes import QuietPasses
from binance_trade_agent.backtest.fast.running_book import RunningBook
from binance_trade_agent.backtest.fast.silent_refusals import silent_refusals
from binance_trade_agent.backtest.fast.tracks import Track
from binance_trade_agent.domain.candle_columns import IntColumn
from binance_trade_agent.domain.candle_intervals import DAY_MS
from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.market import CandleWindow, MarketSnapshot
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, Approved, Refused, RiskDecision, RiskRule, TradingMode
from binance_trade_agent.domain.signal import Action, Signal
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.domain.utc_text import utc_second
from binance_trade_agent.risk_management_agent import RiskLimits, RiskManagementAgent
from binance_trade_agent.risk_management_agent.sizing import Sizing
from binance_trade_agent.signal_agent import SignalAgent
from binance_trade_agent.strategies.over_history import BUY, CODES, HOLD, SELL

Progress = Callable[[int], None]
"""Told now and then, with the market time (ms UTC) that a backtest has reached."""


@dataclass(slots=True)
class _Lane:
    """One symbol while the passes are walked. `speaks` and `sells` number the passes at which its strategy does not hold, and sells.

    `buys` those at which it buys. `levels` is None while less than one step is held; `turns` are the passes from which that is otherwise.
    `next` is the first pass to come in which it could lead to an order. `is_whole` while its strategy has never meant less than all.
    `asked` are the passes in which risk was asked about it.
    """

    track: Track
    rules: SymbolRules
    limits: RiskLimits
    speaks: Sequence[int]
    sells: Sequence[int]
    buys: Sequence[int]
    entries: HopelessEntries
    levels: Levels | None = None
    is_whole: bool = True
    next: int = 0
    turns: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)

    @property
    def symbol(self) -> str:
        return self.track.symbol


@dataclass(frozen=True, slots=True)
class Stations:
    """Who decides, and who carries out."""

    signals: SignalAgent
    risk: RiskManagementAgent
    box: ExchangeBox
    book: RunningBook


class Stepping:
    """Walks the passes at `times_ms`. `refusals` counts what risk refused in reviews, `walked` how many passes were walked.

    `mode_line` are the account's modes, each with the first pass that it holds for.
    """

    def __init__(self, times_ms: IntColumn, tracks: Mapping[str, Track], limits: RiskLimits, stations: Stations) -> None:
        self.times_ms = times_ms
        self.tracks = tracks
        self.stations = stations
        self.refusals: Counter[RiskRule] = Counter()
        self.walked = 0
        self.mode_line: list[tuple[int, TradingMode]] = [(0, TradingMode.ACTIVE)]
        rules = stations.box.rules
        self._lanes = [_lane(track, rules[symbol], limits) for symbol, track in tracks.items()]
        self._quiet = QuietPasses(tracks, limits, stations.risk)
        self._quiet.take(stations.book)
        self._certain: list[tuple[int, _Lane, RiskRule]] = []
        self._view = stations.book.view(0, {})
        self.equity = EquityRecord(stations.book)
        self._day_starts = iter([*np.flatnonzero(np.diff(times_ms // DAY_MS, prepend=-1)).tolist(), len(times_ms)])
        self._day = next(self._day_starts)

    def all_refusals(self) -> Counter[RiskRule]:
        """What risk refused, also where it was not asked because that was certain."""
        found = Counter(self.refusals)
        for lane in self._lanes:
            found += silent_refusals(lane.track, lane.limits, self.stations.signals, lane.turns, lane.levels, self.mode_line, lane.asked)
        return found

    def walk(self, progress: Progress | None = None) -> None:
        """Walk every pass that has to be; raises StrategyError."""
        first, end = 0, len(self.times_ms)
        for lane in self._lanes:
            self._aim(lane, 0)
        while True:
            number = self._next(first)
            loud = self._quiet.first_loud(first, number, self.stations.book)
            if loud < number:
                self._take_back(loud)
            elif number >= end:
                return
            self._certain.clear()
            self._step(loud)
            first = loud + 1
            if progress is not None:
                progress(int(self.times_ms[loud]))

    # -- which pass is next ---------------------------------------------------------------------------------------------------------

    def _next(self, first: int) -> int:
        """The pass from `first` on that has to be walked; purchases before it that are certain to be refused are counted."""
        while self._day < first:
            self._day = next(self._day_starts)
        day = self._day
        while True:
            number = min([day, *[lane.next for lane in self._lanes]])
            if number >= day:
                return day
            due = [lane for lane in self._lanes if lane.next == number]
            rules = [self._certain_refusal(lane, number) for lane in due]
            if not all(rules):
                return number
            for lane, rule in zip(due, rules, strict=True):
                if rule is not None:
                    self.refusals[rule] += 1
                    self._certain.append((number, lane, rule))
                self._look_past(lane, number)

    def _certain_refusal(self, lane: _Lane, number: int, committed: float = 0.0) -> RiskRule | None:
        """The rule that is certain to stop the one thing that the symbol could do in this pass, to buy; None where it is not certain.

        `committed` is what was approved before in the same pass, in quote.
        """
        market = lane.entries.market.item(number)
        if market == UNDECIDED or (lane.levels is not None and lane.levels.may_be_reached(number)):
            return None
        if market == WILD:
            return RiskRule.VOLATILITY
        resting = self.stations.risk.rest_refusal(lane.symbol, self.times_ms.item(number), self._view)
        if resting is not None:
            return resting.rule
        if not lane.is_whole:
            return None
        held = self.stations.book.positions.get(lane.symbol)
        exposure, cash = self._quiet.money_at(number)
        return lane.entries.rule(number, 0.0 if held is None else float(held.quantity), exposure, cash, committed)

    def _take_back(self, number: int) -> None:
        """Pass `number` has to be walked after all: what was counted of it and of later ones is still to come."""
        late = [counted for counted in self._certain if counted[0] >= number]
        for _, lane, rule in late:
            self.refusals[rule] -= 1
            self._aim(lane, number)

    def _aim(self, lane: _Lane, number: int) -> None:
        """Find the first pass from `number` on in which the symbol could lead to an order."""
        mode, end = self.stations.risk.mode_for(lane.symbol), len(self.times_ms)
        if mode is TradingMode.HALTED:
            lane.next = end
        elif lane.levels is None:
            lane.next = _first_from(lane.buys, number, end) if mode is TradingMode.ACTIVE else end
        else:
            spoken = _first_from(lane.speaks if mode is TradingMode.ACTIVE else lane.sells, number, end)
            reached = lane.levels.reached_by(spoken)
            lane.next = spoken if reached is None else reached

    # -- a pass ---------------------------------------------------------------------------------------------------------------------

    def _step(self, number: int) -> None:
        self.walked += 1
        book, risk, time_ms = self.stations.book, self.stations.risk, self.times_ms.item(number)
        self._view = view = book.view(
            time_ms, {symbol: self.tracks[symbol].price(number) for symbol, held in book.positions.items() if held.quantity}
        )
        changes = risk.begin_pass(view)
        if changes:
            book.take_modes(changes)
            self.mode_line.append((number, risk.mode_for(ACCOUNT_SCOPE)))
            for lane in self._lanes:
                self._aim(lane, number)
        traded = self._carry_out(self._approved(number, view, as_foreseen=not changes), time_ms)
        if traded:
            self._quiet.take(book)
            self.equity.take(number, book, traded)
        self._look_on(traded, number)

    def _approved(self, number: int, view: PortfolioView, *, as_foreseen: bool) -> list[Approved]:
        """What risk approves in pass `number`, one symbol after the other.

        Where several are due, one may be sure to be refused; that is looked for while the modes are those that the pass was found in.
        """
        approved: list[Approved] = []
        due = [lane for lane in self._lanes if lane.next == number]
        for lane in due:
            committed = float(sum(each.reservation.quote_amount for each in approved))
            rule = self._certain_refusal(lane, number, committed) if as_foreseen and len(due) > 1 else None
            if rule is not None:
                self.refusals[rule] += 1
                continue
            decision = self._review(lane, number, view)
            if isinstance(decision, Approved):
                approved.append(decision)
        return approved

    def _look_on(self, traded: frozenset[str], number: int) -> None:
        """After pass `number`: new levels for what was traded, and the next pass of each symbol that this one was for."""
        for lane in self._lanes:
            if lane.symbol in traded:
                self._take_levels(lane, number)
                self._aim(lane, number + 1)
            elif lane.next <= number:
                self._look_past(lane, number)

    def _look_past(self, lane: _Lane, number: int) -> None:
        """Nothing came of pass `number` for the symbol: the next one."""
        if lane.levels is not None and lane.levels.looked_to == number:
            lane.levels.pass_by(number)
        self._aim(lane, number + 1)

    def _take_levels(self, lane: _Lane, number: int) -> None:
        book, price = self.stations.book, lane.track.price(number)
        position = book.positions[lane.symbol]
        was_open = lane.levels is not None
        lane.levels = None
        if not Sizing(lane.limits, lane.rules, price).is_dust(position.quantity):
            peak = max(self.stations.risk.state.peak_prices.get(lane.symbol, price), price)
            lane.levels = Levels.of(lane.track, lane.limits, position.average_price, peak, number + 1)
        if was_open is not (lane.levels is not None):
            lane.turns.append(number + 1)

    def _review(self, lane: _Lane, number: int, view: PortfolioView) -> RiskDecision:
        lane.asked.append(number)
        snapshot = lane.track.snapshot(number)
        signal = self._signal(lane, number, snapshot)
        correlation_id = f"{view.time_ms:x}-{number + 1}"
        decision = self.stations.risk.review(
            signal, snapshot, lane.rules, view, correlation_id=correlation_id, candles_of=partial(self._candles_of, number)
        )
        if isinstance(decision, Refused) and decision.rule is not RiskRule.HOLD:
            self.refusals[decision.rule] += 1
        return decision

    def _candles_of(self, number: int, symbol: str) -> CandleWindow | None:
        """What pass `number` saw of a symbol, as the orchestrator has it at hand."""
        track = self.tracks.get(symbol)
        return None if track is None else track.snapshot(number).candles

    def _signal(self, lane: _Lane, number: int, snapshot: MarketSnapshot) -> Signal:
        """What the strategy says live; where it holds, only a level can lead to an order, which asks nothing of it."""
        action = lane.track.actions.item(number)
        if action == HOLD:
            name = self.stations.signals.strategy_for(lane.symbol).name
            return Signal(lane.symbol, snapshot.time_ms, name, Action.HOLD, 0.0, "")
        signal = self.stations.signals.decide(snapshot)
        lane.is_whole = lane.is_whole and signal.fraction == 1
        if CODES[signal.action] != action:
            said = next(word for word, code in CODES.items() if code == action)
            when = utc_second(snapshot.time_ms)
            raise StrategyError(f"strategy {signal.strategy}: {signal.action} of {lane.symbol} at {when} UTC, but {said} over history")
        return signal

    def _carry_out(self, approved: Sequence[Approved], time_ms: int) -> frozenset[str]:
        """Place what was approved, in that order, and tell risk; returns the symbols that traded."""
        risk, traded = self.stations.risk, set()
        for decision in approved:
            intent = decision.intent
            for booked in self.stations.book.take_answer(intent, self.stations.box.place(intent, time_ms), time_ms):
                risk.note_fill(booked.fill, booked.realized, booked.fill.time_ms)
                traded.add(intent.symbol)
        for decision in approved:
            risk.release(decision.intent.client_order_id)
        return frozenset(traded)


def _lane(track: Track, rules: SymbolRules, account: RiskLimits) -> _Lane:
    actions = track.actions
    # Looked into one by one, which plain memory allows much sooner than an array.
    speaks, sells, buys = (np.flatnonzero(those).data for those in (actions, actions == SELL, actions == BUY))
    return _Lane(track, rules, account.of(track.symbol), speaks, sells, buys, HopelessEntries(track, account, rules))


def _first_from(numbers: Sequence[int], number: int, otherwise: int) -> int:
    """The first of the ascending `numbers` that is not below `number`."""
    at = bisect_left(numbers, number)
    return numbers[at] if at < len(numbers) else otherwise
