"""The matching engine: takes, rests, matches and cancels orders of all accounts against each other and against the market.

The engine has no time of its own. Every operation names the time; first the market is walked up to it, so that resting orders that the
market reached in between are filled, each at its own price as maker and at the market's time, and conditional orders go to work when the
price sets them off. Same calls, same market: same result.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from heapq import merge

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.order import ExchangeStatus
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.accounts import Accounts
from binance_trade_agent.simulation.engine.aftermath import Aftermath
from binance_trade_agent.simulation.engine.amendments import amended
from binance_trade_agent.simulation.engine.change_feed import ChangeFeed
from binance_trade_agent.simulation.engine.changes import ChangeSet
from binance_trade_agent.simulation.engine.commissions import Rates
from binance_trade_agent.simulation.engine.depth import Depth
from binance_trade_agent.simulation.engine.entry import Entry
from binance_trade_agent.simulation.engine.floor import Floor
from binance_trade_agent.simulation.engine.history import History, StoredState
from binance_trade_agent.simulation.engine.list_checks import require_supported
from binance_trade_agent.simulation.engine.list_records import ListCancellation, ListPlacement, NewOrderList, OrderList
from binance_trade_agent.simulation.engine.market_liquidity import MarketLiquidity
from binance_trade_agent.simulation.engine.market_trade_count import MarketTradeCount
from binance_trade_agent.simulation.engine.market_walk import MarketMove, MarketWalk
from binance_trade_agent.simulation.engine.numbering import Numbering
from binance_trade_agent.simulation.engine.open_lists import OpenLists
from binance_trade_agent.simulation.engine.order_lists import OrderLists
from binance_trade_agent.simulation.engine.records import Amendment, ExchangeOrder, NewOrder, Placement
from binance_trade_agent.simulation.engine.reports import Movement
from binance_trade_agent.simulation.engine.rulebook import Rulebook
from binance_trade_agent.simulation.engine.self_trade import TradeGroups
from binance_trade_agent.simulation.engine.settlement import Settlement
from binance_trade_agent.simulation.engine.tape import Tape
from binance_trade_agent.simulation.engine.terms import CONDITIONAL_TYPES, CancelRestriction
from binance_trade_agent.simulation.engine.trading import FirstFill, Trading
from binance_trade_agent.simulation.markets.market import Ladder, Market


class Engine:
    """All accounts, books and counters; every change is committed to the history before a call returns.

    Raises ExchangeRefusedError for what Binance would refuse, BookError when the history cannot be written (the change then stays in
    memory, and the next call writes it or fails again, so nothing is answered that is not durable).
    """

    def __init__(self, market: Market, history: History, *, rates: Rates, seed: int, first_fill: FirstFill) -> None:
        self._market = market
        self._history = history
        self._changes = ChangeSet()
        self._floors: dict[str, Floor] = {}
        self._walked_ms = 0
        self._is_behind = False
        self._accounts = Accounts(self._changes)
        self.rulebook = Rulebook(
            market, self._accounts, rates, self.open_orders, lambda who, symbol: self._floor(symbol).orders.count(who), self.last_price
        )
        self.feed = ChangeFeed()
        self.feed.subscribe(self.rulebook.own_trades.on_commit)
        self.numbering = Numbering(seed, MarketTradeCount(market).at)
        self._groups = TradeGroups(self.rulebook.terms)
        self._settlement = Settlement(self._accounts, self.rulebook.commissions)
        self._liquidity = MarketLiquidity(self._changes)
        self._market_walk = MarketWalk(market, self._liquidity)
        self._depth = Depth(self._liquidity, lambda symbol: self._floor(symbol).book)
        self.lists = OpenLists()
        self._tape = Tape(self._changes, self.numbering, self.lists)
        self._trading = Trading(self._tape, self.numbering, self._settlement, self._liquidity, self._groups, first_fill)
        self._entry = Entry(
            self._trading,
            self._tape,
            self.numbering,
            self._settlement,
            self._liquidity,
            self._groups,
            self._depth,
            self.rulebook,
        )
        self.shortage = self._entry.shortage
        self._order_lists = OrderLists(
            self._entry,
            self._trading,
            self._tape,
            self.numbering,
            self._accounts,
            self._settlement,
            self.rulebook,
            self.lists,
            market.quote,
            self.last_price,
        )
        self._aftermath = Aftermath(
            self._entry, self._trading, self._tape, self.numbering, self._settlement, self._order_lists, market.quote
        )
        self._restore(history.load())

    def _restore(self, state: StoredState) -> None:
        for account_id, balances in state.balances.items():
            self._accounts.restore(account_id, balances)
        for order in state.open_orders:
            self._floor(order.symbol).restore(order)
        self.lists.restore(state.last_list_id, state.open_lists)
        for symbol, (price, time_ms) in state.last_trades.items():
            self._floor(symbol).note_trade(price, time_ms)
            self._floor(symbol).unseen.clear()
        self.rulebook.own_trades.restore(state, self._history.archive)
        self._liquidity.restore(state.taken)
        self.numbering.restore(state.counters)
        self._walked_ms = state.walked_ms

    # --- what there is -------------------------------------------------------------------------------------------------------------

    def rules(self, symbol: str) -> SymbolRules:
        """The symbol's rules; -1121 when there is no such symbol."""
        rules = self._market.rules.get(symbol)
        if rules is None:
            raise refusals.invalid_symbol()
        return rules

    def balances(self, account_id: int) -> Mapping[str, Balance]:
        """What the account holds, by asset."""
        return self._accounts.balances(account_id)

    def adopt_account(self, account_id: int, balances: tuple[Balance, ...]) -> None:
        """Take in an account that the history has just opened."""
        self._accounts.restore(account_id, balances)

    def move(self, account_id: int, asset: str, amount: Decimal) -> None:
        """Put `amount` into the account, or take it out when it is negative; BookMismatchError when there is not as much free."""
        self._accounts.credit(account_id, asset, amount)
        self._changes.movements.append(Movement(account_id, asset, amount, self._walked_ms))
        self._commit()

    def start_again(self) -> None:
        """Forget every order and trade, and let every account hold what it was given first, as a testnet does. Nobody is told."""
        self._commit()
        symbols = self.resting_symbols()
        self._history.start_again()
        self._floors.clear()
        self._market_walk = MarketWalk(self._market, self._liquidity)
        walked_ms = self._walked_ms
        self._restore(self._history.load())
        self._walked_ms = max(walked_ms, self._walked_ms)
        for symbol in symbols:
            self.numbering.of(symbol).book_changes += 1

    def open_orders(self, account_id: int, symbol: str | None = None) -> list[ExchangeOrder]:
        """The account's open orders, by symbol and id."""
        symbols = [symbol] if symbol is not None else sorted(self._floors)
        floors = [self._floors[name] for name in symbols if name in self._floors]
        return [order for floor in floors for order in floor.orders.of_account(account_id)]

    def resting_symbols(self) -> tuple[str, ...]:
        """The symbols on which any account has an open order, sorted."""
        return tuple(sorted(symbol for symbol, floor in self._floors.items() if floor.orders))

    def is_waiting(self) -> bool:
        """Whether an order of any account waits for the market to reach it."""
        return not all(floor.is_idle for floor in self._floors.values())

    def find_order(self, account_id: int, symbol: str, order_id: int | None, client_order_id: str | None) -> ExchangeOrder | None:
        """An order of the account, open or past, by its id or, without one, the newest by client id."""
        if order_id is not None:
            order = self._floor(symbol).orders.get(order_id)
            if order is None:
                return self._history.archive.order(account_id, symbol, order_id)
            return order if order.account_id == account_id else None
        return self._history.archive.newest_order(account_id, symbol, client_order_id or "")

    def visible_ladder(self, symbol: str, time_ms: int) -> Ladder:
        """The whole book as depth shows it: what is left of the market's ladder, and our accounts' resting orders."""
        return self._depth.ladder(self.rules(symbol), self._market.quote(symbol, time_ms))

    def book_update_id(self, symbol: str, time_ms: int) -> int:
        """The number of the visible book's present state: it grows with every change, by the market or by our accounts."""
        quote = self._market.quote(symbol, time_ms)
        return (quote.time_ms if quote else 0) + self.numbering.book_changes(symbol)

    def last_price(self, symbol: str, time_ms: int) -> Decimal | None:
        """The price of the last trade, by accounts or in the market; None before there was one."""
        quote = self._market.quote(symbol, time_ms)
        floor = self._floor(symbol)
        if quote is None or (floor.traded_price is not None and floor.traded_ms >= quote.time_ms):
            return floor.traded_price
        return quote.price

    # --- time ----------------------------------------------------------------------------------------------------------------------

    def advance(self, now_ms: int) -> int:
        """Walk the market to `now_ms`, carry out what it brings, commit; returns the engine's time, which never goes back."""
        if now_ms > self._walked_ms:
            for move, floor, rules in self._moves(self._walked_ms, now_ms):
                for order, quantity in move.fills:
                    self._trading.meet(floor, order.order_id, rules, quantity, move.time_ms)
                    self._aftermath.settle(floor, rules, move.time_ms)
                self._aftermath.see(floor, rules, move.price, move.time_ms)
            self._walked_ms, self._is_behind = now_ms, True
        if self._is_behind:
            self._commit()
        return self._walked_ms

    def _moves(self, after_ms: int, until_ms: int) -> Iterator[tuple[MarketMove, Floor, SymbolRules]]:
        """What the market does to all symbols with orders, in the order of time, because they share their accounts' money."""
        walks = [
            self._walk(self._floors[symbol], rules, after_ms, until_ms)
            for symbol in sorted([symbol for symbol, floor in self._floors.items() if not floor.is_idle])
            # A stored order may rest on a symbol that this market no longer has: it waits until the symbol is back.
            if (rules := self._market.rules.get(symbol)) is not None and self.rulebook.listings.is_trading(symbol)
        ]
        if len(walks) < 2:  # mostly nobody waits, or on one symbol only
            return walks[0] if walks else iter(())
        return merge(*walks, key=lambda walked: walked[0].time_ms)

    def _walk(self, floor: Floor, rules: SymbolRules, after_ms: int, until_ms: int) -> Iterator[tuple[MarketMove, Floor, SymbolRules]]:
        for move in self._market_walk.moves(floor.book, rules, after_ms, until_ms):
            yield move, floor, rules
            if floor.is_idle:
                return

    # --- placing -------------------------------------------------------------------------------------------------------------------

    def check(self, account_id: int, request: NewOrder, now_ms: int) -> SymbolRules:
        """Everything that is checked before an order reaches the matching engine; returns the symbol's rules."""
        self.rulebook.gate.check(account_id, request, now_ms)
        return self.rules(request.symbol)

    def place(self, account_id: int, request: NewOrder, now_ms: int) -> Placement:
        """Match an order, and rest or expire what is left of it, or let it wait for the price; refusals leave no trace."""
        time_ms = self.advance(now_ms)
        symbol = request.symbol
        checks = self.rulebook.gate.check(account_id, request, time_ms)
        rules, floor, prevention = self._market.rules[symbol], self._floor(symbol), checks.listing.default_self_trade_prevention
        if request.client_order_id is not None and floor.orders.by_client_order_id(account_id, request.client_order_id):
            raise refusals.rejected("Duplicate order sent.")
        last_price = self.last_price(symbol, time_ms) if request.type in CONDITIONAL_TYPES else None
        order = self._entry.draft(account_id, request, time_ms, last_price, prevention=prevention)
        if order.is_conditional:
            placement = self._entry.wait(floor, order, rules, last_price)
        else:
            placement = self._entry.work(floor, order, rules, self._market.quote(symbol, time_ms), time_ms)
            self._aftermath.settle(floor, rules, time_ms)
        self._commit()
        return placement

    def place_list(self, account_id: int, request: NewOrderList, now_ms: int) -> ListPlacement:
        """Place an order list; what is told of its orders is how they were before anything followed from it. Refusals leave no trace."""
        time_ms = self.advance(now_ms)
        rules = self.rules(request.symbol)
        require_supported(request, self.rulebook.listings.listing(request.symbol).features)
        self.rulebook.gate.check_list(account_id, request.orders, time_ms)
        floor = self._floor(request.symbol)
        placement = self._order_lists.place(floor, account_id, request, rules, time_ms)
        self._aftermath.settle(floor, rules, time_ms)
        self._commit()
        return placement

    # --- changing and cancelling ---------------------------------------------------------------------------------------------------

    def amend(
        self,
        account_id: int,
        symbol: str,
        *,
        order_id: int | None,
        client_order_id: str | None,
        quantity: Decimal,
        now_ms: int,
        new_client_order_id: str | None = None,
    ) -> tuple[ExchangeOrder, Amendment, OrderList | None]:
        """Make an open order smaller without losing its place in the queue, and with it the other of its pair; -2038 when that cannot be.

        Returns the order, what has changed, and the order's list if it belongs to one.
        """
        time_ms = self.advance(now_ms)
        rules, floor = self.rules(symbol), self._floor(symbol)
        order = self._open_order(floor, account_id, order_id, client_order_id)
        name = new_client_order_id or f"{self.numbering.automatic_id(symbol, order.order_id, 'amendment')}{order.amendments + 1:x}"
        if name != order.client_order_id and floor.orders.by_client_order_id(account_id, name):
            raise refusals.rejected("Duplicate order sent.")
        self._order_lists.require_amendable(order)
        after = amended(order, quantity, name, time_ms)
        price = order.limit or order.hold_price or self.last_price(symbol, time_ms)
        self.rulebook.require_amendable(NewOrder(symbol, order.side, order.type, quantity=quantity, price=price), order.amendments, time_ms)
        self._settlement.relock(order.locked_amount, after, rules)
        floor.put(after)
        record = self._tape.amended(order, after)
        order_list = self._order_lists.amended(floor, order, after, rules)
        self._aftermath.settle(floor, rules, time_ms)
        self._commit()
        return after, record, order_list

    def cancel(
        self,
        account_id: int,
        symbol: str,
        *,
        order_id: int | None,
        client_order_id: str | None,
        now_ms: int,
        restriction: CancelRestriction | None = None,
        cancel_id: str | None = None,
    ) -> ExchangeOrder | ListCancellation:
        """Cancel one open order, and with it the list it belongs to; with both ids, the client id must be that of the order found by id.

        `cancel_id` names the cancel.
        """
        time_ms = self.advance(now_ms)
        rules, floor = self.rules(symbol), self._floor(symbol)
        order = self._open_order(floor, account_id, order_id, client_order_id)
        if restriction is not None and restriction.value != f"ONLY_{order.status}":
            raise refusals.refused(-2011, "Order was not canceled due to cancel restrictions.")
        canceled = self._cancel(floor, order, rules, time_ms, cancel_id)
        self._commit()
        return canceled

    def cancel_list(
        self,
        account_id: int,
        symbol: str,
        *,
        order_list_id: int | None,
        client_order_id: str | None,
        now_ms: int,
        cancel_id: str | None = None,
    ) -> ListCancellation:
        """Cancel one open order list; with both ids, the client id must be that of the list found by id. `cancel_id` names the cancel."""
        time_ms = self.advance(now_ms)
        if order_list_id is None:
            order_list = self.lists.by_client_order_id(account_id, client_order_id or "")
        else:
            order_list = self.lists.get(order_list_id)
        if order_list is None or (order_list.account_id, order_list.symbol) != (account_id, symbol):
            raise refusals.unknown_order()
        if client_order_id is not None and order_list.client_order_id != client_order_id:
            raise refusals.wrong_client_order_id()
        canceled = self._order_lists.cancel(self._floor(symbol), order_list, self.rules(symbol), time_ms, cancel_id)
        self._commit()
        return canceled

    def cancel_all(self, account_id: int, symbol: str, now_ms: int) -> list[ExchangeOrder | ListCancellation]:
        """Cancel every open order of the account on the symbol, those of lists last; -2011 when there is none."""
        time_ms = self.advance(now_ms)
        rules, floor = self.rules(symbol), self._floor(symbol)
        canceled: list[ExchangeOrder | ListCancellation] = []
        for order in sorted(floor.orders.of_account(account_id), key=lambda order: self.lists.get(order.order_list_id) is not None):
            if floor.orders.get(order.order_id) is not None:
                canceled.append(self._cancel(floor, order, rules, time_ms, None))
        if not canceled:
            raise refusals.unknown_order()
        self._commit()
        return canceled

    def _open_order(self, floor: Floor, account_id: int, order_id: int | None, client_order_id: str | None) -> ExchangeOrder:
        """The account's open order; -2011 when there is none, -2039 when both ids were sent and name different orders."""
        orders = floor.orders
        order = orders.get(order_id) if order_id is not None else orders.by_client_order_id(account_id, client_order_id or "")
        if order is None or order.account_id != account_id:
            raise refusals.unknown_order()
        if client_order_id is not None and order.client_order_id != client_order_id:
            raise refusals.wrong_client_order_id()
        return order

    def _cancel(
        self, floor: Floor, order: ExchangeOrder, rules: SymbolRules, time_ms: int, cancel_id: str | None
    ) -> ExchangeOrder | ListCancellation:
        order_list = self.lists.get(order.order_list_id)
        if order_list is not None:
            return self._order_lists.cancel(floor, order_list, rules, time_ms, cancel_id)
        name = cancel_id or self.cancel_id(order)
        return self._trading.end(floor, order, rules, ExchangeStatus.CANCELED, time_ms, cancel_id=name)

    def cancel_id(self, order: ExchangeOrder) -> str:
        """The client id of a cancel that came without one."""
        return self.numbering.automatic_id(order.symbol, order.order_id, "cancel")

    # --- small things --------------------------------------------------------------------------------------------------------------

    def _floor(self, symbol: str) -> Floor:
        floor = self._floors.get(symbol)
        if floor is None:
            floor = self._floors[symbol] = Floor(symbol)
        return floor

    def _commit(self) -> None:
        changes = self._changes
        if changes:
            self._is_behind = True
            for symbol in changes.taken:
                changes.counters[symbol] = self.numbering.of(symbol)
            for counters in changes.counters.values():
                counters.book_changes += 1
            self._history.commit(changes, self._walked_ms)
            self.feed.publish(changes, self._walked_ms)
            changes.clear()
        self._is_behind = False
