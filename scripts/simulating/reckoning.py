"""The reckoning at the end: book and exchange compared in full, by code that is not the daemon's."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal

from binance_trade_agent.simulation.engine.records import NOT_YET, ExchangeOrder, ExchangeTrade
from binance_trade_agent.simulation.exchange import SimulatedExchange
from simulating.book_file import BookFile, BookOrder, BookTrade
from simulating.checks import Check, Finding
from simulating.plan import SeedPlan
from simulating.replaying import replay_findings
from simulating.watch import OURS

_ENDED = frozenset({"NOT_SENT", "NEVER_PLACED", "FILLED", "CANCELED", "EXPIRED", "REJECTED"})
_RESTING = frozenset({"NEW", "PARTIALLY_FILLED"})
_NOWHERE = frozenset({"NOT_SENT", "NEVER_PLACED", "INTENDED"})
_ACTIVE = "ACTIVE"
_PRICES = (("risk_default_stop_loss_pct", -1), ("risk_default_take_profit_pct", 1))
_PASS_S = 15.0
"""A pass is over so long after it began, when nothing is in its way."""

_NEAR, _CLEARLY = Decimal("0.0005"), Decimal("1.1")
"""Where a price is at one of the pair's, or a value at the least that may be sold, it depends on the moment what stands."""

_STATUS_OF = {"FILLED": {"FILLED"}, "CANCELED": {"CANCELED"}, "EXPIRED": {"EXPIRED", "EXPIRED_IN_MATCH"}}


class Reckoning:
    """Compares a book with what the exchange knows of the account with `api_key`.

    By `plan` it knows what may have happened: where nothing can be late no order comes back from the dead, and where no query lags far
    no deposit is made up.
    """

    def __init__(self, exchange: SimulatedExchange, api_key: str, account_id: int, book: BookFile, plan: SeedPlan) -> None:
        self._exchange = exchange
        self._book = book
        self._plan = plan
        self._orders = exchange.orders(api_key)
        self._end_ms = exchange.clock.now_ms() - round((plan.interval_s + _PASS_S) * 1_000)
        self._trades = exchange.trades(api_key)
        self._balances = {asset: balance.total for asset, balance in exchange.balances(api_key).items() if balance.total}
        self._movements = list(exchange.venue.archive.movements(account_id))
        self._rules = exchange.venue.market.rules
        self._opened_ms = book.opened_ms()
        self._leave_out_what_came_last()

    def _leave_out_what_came_last(self) -> None:
        """A pair may trade when the last process has looked for the last time; the next one would find it. So it is as if it had not."""
        booked = {(trade.symbol, trade.trade_id) for trade in self._book.trades()}
        legs = {(order.symbol, order.order_id) for order in self._orders if _stands_by_itself(order)}
        late = [
            trade
            for trade in self._trades
            if trade.time_ms > self._end_ms and (trade.symbol, trade.order_id) in legs and (trade.symbol, trade.trade_id) not in booked
        ]
        self._moved_last = {trade.symbol for trade in late}
        self._trades = [trade for trade in self._trades if trade not in late]
        for trade in late:
            rules = self._rules[trade.symbol]
            back = {rules.base_asset: trade.quantity, rules.quote_asset: -trade.quote_quantity}
            for asset, amount in (*back.items(), (trade.commission_asset, trade.commission)):
                self._balances[asset] = self._balances.get(asset, Decimal(0)) + amount

    def findings(self) -> Iterator[Finding]:
        """One sentence for each difference."""
        if self._opened_ms is None:
            yield Finding(Check.ORDERLY, "there is no open book at the end")
            return
        yield from self._order_findings()
        yield from self._trade_findings()
        yield from self._money_findings()
        yield from replay_findings(self._book, self._rules)
        if self._plan.keeps_protection:
            yield from self._protection_findings()
        if self._plan.is_timely:
            yield from self._resurrections()
        if self._plan.is_current:
            yield from self._made_up_deposits()

    # -- orders ---------------------------------------------------------------------------------------------------------------

    def _order_findings(self) -> Iterator[Finding]:
        """Orders of an earlier book are none of this one's: the exchange was reset in between."""
        theirs: dict[str, list[ExchangeOrder]] = defaultdict(list)
        for order in self._orders:
            if order.client_order_id.startswith(f"{OURS}{self._book.epoch()}-"):
                theirs[order.client_order_id].append(order)
        known = set()
        for ours in self._book.orders():
            known.add(ours.client_order_id)
            yield from self._one_order(ours, theirs.get(ours.client_order_id, []))
        for name in sorted(theirs.keys() - known):
            yield Finding(Check.ORDERS, f"order {name} is on the exchange, and not in the book")

    def _one_order(self, ours: BookOrder, theirs: list[ExchangeOrder]) -> Iterator[Finding]:
        name = ours.client_order_id
        if ours.state not in _ENDED | _RESTING:
            yield Finding(Check.SETTLED, f"order {name} is still {ours.state} after the calm")
        if ours.state in _NOWHERE and theirs:
            yield Finding(Check.ORDERS, f"order {name} is {ours.state} in the book, and the exchange has it as {theirs[0].status}")
        if ours.state == "REJECTED" and any(order.executed_quantity for order in theirs):
            yield Finding(Check.ORDERS, f"order {name} is REJECTED in the book, and has traded on the exchange")
        if ours.state in _STATUS_OF or ours.state in _RESTING:
            match = next((order for order in theirs if order.order_id == ours.order_id), None)
            if match is None:
                yield Finding(Check.ORDERS, f"order {name} is {ours.state} in the book, and the exchange does not have it")
                return
            if ours.state in _RESTING and match.symbol in self._moved_last and match.updated_ms > self._end_ms:
                return
            statuses = _STATUS_OF.get(ours.state, {ours.state})
            if match.status not in statuses or match.executed_quantity != ours.executed:
                yield Finding(
                    Check.ORDERS,
                    f"order {name} is {ours.state} with {ours.executed}, on the exchange {match.status} with {match.executed_quantity}",
                )

    def _resurrections(self) -> Iterator[Finding]:
        theirs = {order.client_order_id for order in self._orders}
        for name, event, _, _ in self._book.events():
            if event == "PROVE_ABSENT" and name in theirs:
                yield Finding(Check.NO_FALSE_ALARM, f"order {name} was held to be never placed, and is on the exchange")
        for scope, reason in self._book.alarms():
            yield Finding(Check.NO_FALSE_ALARM, f"{scope} was halted without need: {reason}")

    # -- trades and money -------------------------------------------------------------------------------------------------------

    def _trade_findings(self) -> Iterator[Finding]:
        ours = {(trade.symbol, trade.trade_id): trade for trade in self._book.trades()}
        theirs = {(trade.symbol, trade.trade_id): trade for trade in self._trades}
        if len(ours) != len(self._book.trades()):
            yield Finding(Check.FILLS, "a trade is booked twice")
        for key in sorted(ours.keys() - theirs.keys()):
            yield Finding(Check.FILLS, f"trade {key} is in the book, and the exchange does not know it")
        for key in sorted(theirs.keys() - ours.keys()):
            if not self._was_before_the_book(theirs[key]):
                yield Finding(Check.FILLS, f"trade {key} of order {theirs[key].order_id} is not in the book")
        for key in sorted(ours.keys() & theirs.keys()):
            if ours[key] != _as_booked(theirs[key]):
                yield Finding(Check.FILLS, f"trade {key} is booked as {ours[key]}, and was {_as_booked(theirs[key])}")

    def _was_before_the_book(self, trade: ExchangeTrade) -> bool:
        return self._opened_ms is not None and trade.time_ms <= self._opened_ms

    def _money_findings(self) -> Iterator[Finding]:
        wallet = self._book.wallet()
        for asset in sorted(wallet.keys() | self._balances.keys()):
            ours, theirs = wallet.get(asset, Decimal(0)), self._balances.get(asset, Decimal(0))
            if ours != theirs:
                yield Finding(Check.BALANCES, f"the book has {ours} {asset}, and the exchange {theirs}")
        moved: dict[str, Decimal] = defaultdict(Decimal)
        for movement in self._movements:
            if self._opened_ms is not None and movement.time_ms > self._opened_ms:
                moved[movement.asset] += movement.amount
        external = self._book.external()
        for asset in sorted(moved.keys() | external.keys()):
            if moved.get(asset, Decimal(0)) != external.get(asset, Decimal(0)):
                yield Finding(
                    Check.BALANCES, f"{moved.get(asset, 0)} {asset} came from outside, and {external.get(asset, 0)} is booked as such"
                )

    def _made_up_deposits(self) -> Iterator[Finding]:
        """Each entry from outside has a movement of its asset of its own; several movements may share one."""
        moved = Counter(movement.asset for movement in self._movements)
        booked = Counter(asset for _, kind, name, account, asset, _ in self._book.postings() if _is_deposit(kind, name, account))
        for asset, entries in sorted(booked.items()):
            if entries > moved[asset]:
                yield Finding(
                    Check.NO_FALSE_ALARM, f"{entries} deposits or withdrawals of {asset} are booked, and there were {moved[asset]}"
                )

    # -- protection -------------------------------------------------------------------------------------------------------------

    def _protection_findings(self) -> Iterator[Finding]:
        """What can be sold, is not given up, and is priced between stop and profit has a pair, but for what is too little to sell."""
        modes, now_ms = self._book.modes(), self._exchange.clock.now_ms()
        offered = self._offered()
        for symbol, (quantity, cost, _) in sorted(self._book.holdings().items()):
            quote, rules = self._exchange.venue.market.quote(symbol, now_ms), self._rules[symbol]
            if (
                quantity <= 0
                or quote is None
                or symbol in self._moved_last
                or {modes.get(scope, _ACTIVE) for scope in ("*", symbol)} != {_ACTIVE}
            ):
                continue
            average = cost / quantity
            stop, profit = (average * (1 + Decimal(str(self._plan.settings[name])) * sign) for name, sign in _PRICES)
            is_between = stop * (1 + _NEAR) < quote.price < profit * (1 - _NEAR)
            sellable = rules.fit_quantity(quantity)
            if (
                is_between
                and sellable * stop >= rules.min_notional * _CLEARLY
                and not 0 <= (sellable - offered.get(symbol, Decimal(0))) * stop < rules.min_notional
            ):
                what = f"{sellable} {symbol} could be sold, and {offered.get(symbol, 0)} is offered by stops"
                yield Finding(Check.PROTECTED, what)

    def _offered(self) -> dict[str, Decimal]:
        """What open lists and stops by themselves offer together, by symbol; both legs of a list offer the same."""
        lists: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
        for order in self._orders:
            if order.is_open and _stands_by_itself(order) and order.client_order_id.startswith(OURS):
                key = order.symbol, order.order_list_id if order.order_list_id != NOT_YET else -order.order_id
                lists[key] = max(lists[key], order.remaining_quantity)
        offered: dict[str, Decimal] = defaultdict(Decimal)
        for (symbol, _), quantity in lists.items():
            offered[symbol] += quantity
        return offered


def _stands_by_itself(order: ExchangeOrder) -> bool:
    """A leg of a pair, or a stop: it waits for the market, and trades when nobody asks for it."""
    return order.order_list_id != NOT_YET or order.stop_price is not None


def _is_deposit(kind: str, reference: str, account: str) -> bool:
    return kind == "external" and account == "wallet" and not reference.startswith("opening:")


def _as_booked(trade: ExchangeTrade) -> BookTrade:
    return BookTrade(
        trade.symbol,
        trade.trade_id,
        trade.order_id,
        trade.side.value,
        trade.price,
        trade.quantity,
        trade.quote_quantity,
        trade.commission,
        trade.commission_asset,
    )
