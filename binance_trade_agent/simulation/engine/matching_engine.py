"""The matching engine: takes, rests, matches and cancels orders of all accounts against each other and against the market.

The engine has no time of its own. Every operation names the time; first the market is walked up to it, so that resting orders that the
market reached in between are filled, each at its own price as maker and at the market's time. Same calls, same market: same result.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from itertools import takewhile

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.money import ZERO, times
from binance_trade_agent.domain.order import ExchangeStatus, Side, TimeInForce
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.accounts import Accounts
from binance_trade_agent.simulation.engine.amounts import ceil_amount
from binance_trade_agent.simulation.engine.change_feed import ChangeFeed
from binance_trade_agent.simulation.engine.changes import ChangeSet
from binance_trade_agent.simulation.engine.commissions import Rates
from binance_trade_agent.simulation.engine.liquidity import opposite, reaches
from binance_trade_agent.simulation.engine.market_liquidity import MarketLiquidity
from binance_trade_agent.simulation.engine.market_walk import MarketWalk
from binance_trade_agent.simulation.engine.matching import BaseWant, Offer, QuoteWant, TakerPlan, merged, plan
from binance_trade_agent.simulation.engine.numbering import Numbering
from binance_trade_agent.simulation.engine.order_book import OrderBook
from binance_trade_agent.simulation.engine.records import ExchangeOrder, ExchangeTrade, NewOrder, Placement, PreventedMatch
from binance_trade_agent.simulation.engine.reports import ExecutionType, Movement, OrderReport
from binance_trade_agent.simulation.engine.rulebook import Rulebook
from binance_trade_agent.simulation.engine.self_trade import expire_maker
from binance_trade_agent.simulation.engine.settlement import Settlement, spent_asset
from binance_trade_agent.simulation.engine.terms import CancelRestriction, ExpiryReason, OrderType
from binance_trade_agent.simulation.history.store import ExchangeStore, StoredState
from binance_trade_agent.simulation.markets.market import Ladder, Market, Quote

NO_MARKET = Ladder(bids=(), asks=())

FirstFill = Callable[[int, bool, int], None]
"""Called with account id, is_maker and time_ms when an order trades for the first time."""


class Engine:
    """All accounts, books and counters; every change is committed to the store before a call returns.

    Raises ExchangeRefusedError for what Binance would refuse, BookError when the store cannot be written (the change then stays in
    memory, and the next call writes it or fails again, so nothing is answered that is not durable).
    """

    def __init__(self, market: Market, store: ExchangeStore, *, rates: Rates, seed: int, first_fill: FirstFill) -> None:
        self._market = market
        self._store = store
        self._first_fill = first_fill
        self._changes = ChangeSet()
        self._accounts = Accounts(self._changes)
        self.rulebook = Rulebook(market, self._accounts, rates, self.open_orders, lambda account, symbol: self._book(symbol).count(account))
        self._settlement = Settlement(self._accounts, self.rulebook.commissions)
        self._books: dict[str, OrderBook] = {}
        self._liquidity = MarketLiquidity(self._changes)
        self._market_walk = MarketWalk(market, self._liquidity)
        self.feed = ChangeFeed()
        self.feed.subscribe(self.rulebook.own_trades.on_commit)
        self.numbering = Numbering(seed)
        self._walked_ms = 0
        self._restore(store.load())

    def _restore(self, state: StoredState) -> None:
        for account_id, balances in state.balances.items():
            self._accounts.restore(account_id, balances)
        for order in state.open_orders:
            self._book(order.symbol).add(order)
        self._liquidity.restore(state.taken)
        self.numbering.restore(state)
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
        """Take in an account that the store has just opened."""
        self._accounts.restore(account_id, balances)

    def move(self, account_id: int, asset: str, amount: Decimal) -> None:
        """Put `amount` into the account, or take it out when it is negative; BookMismatchError when there is not as much free."""
        self._accounts.credit(account_id, asset, amount)
        self._changes.movements.append(Movement(account_id, asset, amount, self._walked_ms))
        self._commit()

    def open_orders(self, account_id: int, symbol: str | None = None) -> list[ExchangeOrder]:
        """The account's open orders, by symbol and id."""
        symbols = [symbol] if symbol is not None else sorted(self._books)
        books = [self._books[name] for name in symbols if name in self._books]
        return [order for book in books for order in book.orders() if order.account_id == account_id]

    def resting_symbols(self) -> tuple[str, ...]:
        """The symbols on which any account has an open order, sorted."""
        return tuple(sorted(symbol for symbol, book in self._books.items() if book))

    def find_order(self, account_id: int, symbol: str, order_id: int | None, client_order_id: str | None) -> ExchangeOrder | None:
        """An order of the account, open or past, by its id or, without one, the newest by client id."""
        if order_id is not None:
            order = self._book(symbol).get(order_id)
            if order is None:
                return self._store.archive.order(account_id, symbol, order_id)
            return order if order.account_id == account_id else None
        return self._store.archive.newest_order(account_id, symbol, client_order_id or "")

    def visible_ladder(self, symbol: str, time_ms: int) -> Ladder:
        """The whole book as depth shows it: what is left of the market's ladder, and our accounts' resting orders."""
        quote = self._market.quote(symbol, time_ms)
        if not self._books.get(symbol) and not self._liquidity.is_touched(symbol, quote):
            return quote.ladder if quote else NO_MARKET
        return Ladder(bids=self._visible(symbol, quote, Side.BUY), asks=self._visible(symbol, quote, Side.SELL))

    def _visible(self, symbol: str, quote: Quote | None, side: Side) -> tuple[tuple[Decimal, Decimal], ...]:
        levels = self._book(symbol).levels(side)
        for price, quantity in self._liquidity.left(self.rules(symbol), quote, side):
            levels[price] = levels.get(price, ZERO) + quantity
        return tuple(sorted(levels.items(), reverse=side is Side.BUY))

    def book_update_id(self, symbol: str, time_ms: int) -> int:
        """The number of the visible book's present state: it grows with every change, by the market or by our accounts."""
        quote = self._market.quote(symbol, time_ms)
        return (quote.time_ms if quote else 0) + self.numbering.book_changes(symbol)

    # --- time ----------------------------------------------------------------------------------------------------------------------

    def advance(self, now_ms: int) -> int:
        """Walk the market to `now_ms`, fill what it reaches, commit; returns the engine's time, which never goes back."""
        if now_ms > self._walked_ms:
            for symbol, book in self._books.items():
                # A stored order may rest on a symbol that this market no longer has: it waits until the symbol is back.
                rules = self._market.rules.get(symbol)
                if book and rules is not None and self.rulebook.listings.is_trading(symbol):
                    self._walk(book, rules, self._walked_ms, now_ms)
            self._walked_ms = now_ms
        self._commit()
        return self._walked_ms

    def _walk(self, book: OrderBook, rules: SymbolRules, after_ms: int, until_ms: int) -> None:
        for move in self._market_walk.moves(book, rules, after_ms, until_ms):
            for order, quantity in move.fills:
                trade_id = self.numbering.next_trade_id(rules.symbol)
                self._fill(order, rules, order.price, quantity, trade_id, move.time_ms, is_maker=True)
            if not book:
                return

    # --- placing -------------------------------------------------------------------------------------------------------------------

    def check(self, account_id: int, request: NewOrder, now_ms: int) -> SymbolRules:
        """Everything that is checked before an order reaches the matching engine; returns the symbol's rules."""
        self.rulebook.gate.check(account_id, request, now_ms)
        return self.rules(request.symbol)

    def place(self, account_id: int, request: NewOrder, now_ms: int) -> Placement:
        """Match an order, and rest or expire what is left of it; refusals leave no trace."""
        time_ms = self.advance(now_ms)
        rules = self.check(account_id, request, time_ms)
        book = self._book(request.symbol)
        if request.client_order_id is not None and book.by_client_order_id(account_id, request.client_order_id):
            raise refusals.rejected("Duplicate order sent.")
        quote = self._market.quote(request.symbol, time_ms)
        if request.type is OrderType.LIMIT_MAKER and any(self._offers(request, rules, quote)):
            raise refusals.rejected("Order would immediately match and take.")
        taking = self._plan(account_id, request, rules, quote)
        self._require_funds(account_id, request, rules, taking)
        order = self._accept(account_id, request, taking, time_ms)
        if request.time_in_force is TimeInForce.FOK and not taking.complete:
            taking = TakerPlan(fills=(), prevented=(), complete=False)
        placement = self._carry_out(order, rules, taking, quote)
        self._commit()
        return placement

    def _plan(self, account_id: int, request: NewOrder, rules: SymbolRules, quote: Quote | None) -> TakerPlan:
        offers = self._offers(request, rules, quote)
        if request.quote_quantity is None:
            return plan(offers, account_id, BaseWant(request.quantity or ZERO))
        checks = self.rulebook.listings.checks(request.symbol)
        taking = plan(offers, account_id, QuoteWant(request.quote_quantity, checks.market_step))
        if not taking.fills and not taking.complete:
            raise refusals.rejected("Order book liquidity is less than symbol minimum quantity.")
        checks.check_quantity(taking.quantity, market=True)
        return taking

    def _offers(self, request: NewOrder, rules: SymbolRules, quote: Quote | None) -> Iterator[Offer]:
        """What the order could trade with, best first, not beyond its price."""
        side = opposite(request.side)
        resting = (Offer(order.price, order.remaining_quantity, order) for order in self._book(request.symbol).queue(side))
        market = (Offer(price, quantity) for price, quantity in self._liquidity.left(rules, quote, side))
        offers = merged(resting, market, ascending=side is Side.SELL)
        limit = request.price
        return offers if limit is None else takewhile(lambda offer: reaches(request.side, limit, offer.price), offers)

    def _require_funds(self, account_id: int, request: NewOrder, rules: SymbolRules, taking: TakerPlan) -> None:
        """The whole order must be affordable before any of it trades (faqs/market_orders_faq.md)."""
        if request.side is Side.SELL:
            needed = taking.quantity if request.quantity is None else request.quantity
        elif request.quote_quantity is not None:
            needed = request.quote_quantity
        elif request.price is not None:
            needed = ceil_amount(times(request.price, request.quantity or ZERO))
        else:
            needed = taking.cost
        if needed > self._accounts.free(account_id, spent_asset(request.side, rules)):
            raise refusals.rejected("Account has insufficient balance for requested action.")

    def _accept(self, account_id: int, request: NewOrder, taking: TakerPlan, time_ms: int) -> ExchangeOrder:
        order_id = self.numbering.next_order_id(request.symbol)
        order = ExchangeOrder(
            symbol=request.symbol,
            order_id=order_id,
            account_id=account_id,
            client_order_id=request.client_order_id or self.numbering.automatic_id(request.symbol, order_id, "order"),
            side=request.side,
            type=request.type,
            time_in_force=request.time_in_force,
            price=request.price or ZERO,
            original_quantity=taking.quantity if request.quantity is None else request.quantity,
            original_quote_quantity=request.quote_quantity or ZERO,
            time_ms=time_ms,
            updated_ms=time_ms,
            strategy_id=request.strategy_id,
            strategy_type=request.strategy_type,
            working_ms=time_ms,
            queue_number=order_id,
        )
        self._report(ExecutionType.NEW, order)
        return order

    # --- carrying out --------------------------------------------------------------------------------------------------------------

    def _carry_out(self, order: ExchangeOrder, rules: SymbolRules, taking: TakerPlan, quote: Quote | None) -> Placement:
        for own in taking.prevented:
            self._prevent(own, rules, order)
        trades = []
        for offer in taking.fills:
            trade_id = self.numbering.next_trade_id(order.symbol)
            if offer.maker is not None:
                self._fill(offer.maker, rules, offer.price, offer.quantity, trade_id, order.time_ms, is_maker=True)
            elif quote is not None:
                self._liquidity.take(order.symbol, quote, opposite(order.side), offer.price, offer.quantity)
            order, trade = self._fill(order, rules, offer.price, offer.quantity, trade_id, order.time_ms, is_maker=False)
            trades.append(trade)
        return Placement(self._settle_rest(order, rules, taking), tuple(trades))

    def _settle_rest(self, order: ExchangeOrder, rules: SymbolRules, taking: TakerPlan) -> ExchangeOrder:
        """Rest what did not trade, or let it expire."""
        if taking.complete and order.remaining_quantity == 0:
            reason = None
        elif order.type is OrderType.MARKET:
            reason = ExpiryReason.INSUFFICIENT_LIQUIDITY
        elif order.time_in_force is TimeInForce.IOC:
            reason = ExpiryReason.UNFILLED_IOC
        elif order.time_in_force is TimeInForce.FOK:
            reason = ExpiryReason.UNFILLED_FOK
        else:
            reason = None
            self._settlement.rest(order, rules)
            self._book(order.symbol).add(order)
        if reason is not None:
            order = order.ended(ExchangeStatus.EXPIRED, order.time_ms, reason)
            self._report(ExecutionType.EXPIRED, order)
        self._changes.orders[(order.symbol, order.order_id)] = order
        return order

    def _fill(
        self, order: ExchangeOrder, rules: SymbolRules, price: Decimal, quantity: Decimal, trade_id: int, time_ms: int, *, is_maker: bool
    ) -> tuple[ExchangeOrder, ExchangeTrade]:
        filled, trade = self._settlement.fill(
            order, rules, price=price, quantity=quantity, trade_id=trade_id, time_ms=time_ms, is_maker=is_maker
        )
        self._changes.trades.append(trade)
        self._report(ExecutionType.TRADE, filled, trade=trade)
        self._changes.orders[(order.symbol, order.order_id)] = filled
        if is_maker:
            self._book(order.symbol).update(filled)
        if order.executed_quantity == 0:
            self._first_fill(order.account_id, is_maker, time_ms)
        return filled, trade

    def _prevent(self, own: ExchangeOrder, rules: SymbolRules, taker: ExchangeOrder) -> None:
        """Expire a resting order that its own account was about to trade with."""
        ended, prevented = expire_maker(own, taker, self.numbering.next_prevented_match_id())
        self._changes.prevented.append(prevented)
        self._end(own, ended, rules)
        self._report(ExecutionType.TRADE_PREVENTION, ended, prevented=prevented)

    # --- cancelling ----------------------------------------------------------------------------------------------------------------

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
    ) -> ExchangeOrder:
        """Cancel one open order; with both ids, the client id must be that of the order found by id. `cancel_id` names the cancel."""
        time_ms = self.advance(now_ms)
        rules = self.rules(symbol)
        book = self._book(symbol)
        order = book.get(order_id) if order_id is not None else book.by_client_order_id(account_id, client_order_id or "")
        if order is None or order.account_id != account_id:
            raise refusals.unknown_order()
        if client_order_id is not None and order.client_order_id != client_order_id:
            raise refusals.wrong_client_order_id()
        if restriction is not None and restriction.value != f"ONLY_{order.status}":
            raise refusals.refused(-2011, "Order was not canceled due to cancel restrictions.")
        canceled = self._cancel(order, rules, time_ms, cancel_id)
        self._commit()
        return canceled

    def cancel_all(self, account_id: int, symbol: str, now_ms: int) -> list[ExchangeOrder]:
        """Cancel every open order of the account on the symbol; -2011 when there is none."""
        time_ms = self.advance(now_ms)
        rules = self.rules(symbol)
        canceled = [self._cancel(order, rules, time_ms, None) for order in self.open_orders(account_id, symbol)]
        if not canceled:
            raise refusals.unknown_order()
        self._commit()
        return canceled

    def _cancel(self, order: ExchangeOrder, rules: SymbolRules, time_ms: int, cancel_id: str | None) -> ExchangeOrder:
        canceled = order.ended(ExchangeStatus.CANCELED, time_ms)
        self._end(order, canceled, rules)
        self._report(ExecutionType.CANCELED, canceled, cancel_id=cancel_id or self.cancel_id(order))
        return canceled

    def cancel_id(self, order: ExchangeOrder) -> str:
        """The client id of a cancel that came without one."""
        return self.numbering.automatic_id(order.symbol, order.order_id, "cancel")

    def _end(self, order: ExchangeOrder, ended: ExchangeOrder, rules: SymbolRules) -> None:
        self._settlement.release(order, rules)
        self._book(order.symbol).update(ended)
        self._changes.orders[(order.symbol, order.order_id)] = ended

    # --- small things --------------------------------------------------------------------------------------------------------------

    def _book(self, symbol: str) -> OrderBook:
        book = self._books.get(symbol)
        if book is None:
            book = self._books[symbol] = OrderBook()
        return book

    def _report(
        self,
        kind: ExecutionType,
        order: ExchangeOrder,
        *,
        trade: ExchangeTrade | None = None,
        cancel_id: str | None = None,
        prevented: PreventedMatch | None = None,
    ) -> None:
        execution_id = self.numbering.next_execution_id(order.symbol)
        lost = None if prevented is None else prevented.maker_prevented_quantity
        self._changes.reports.append(OrderReport(execution_id, kind, order, trade, cancel_id, prevented, lost))

    def _commit(self) -> None:
        if self._changes:
            self._store.commit(self._changes, self._walked_ms)
            self.numbering.count_book_changes(self._changes.symbols())
            self.feed.publish(self._changes, self._walked_ms)
            self._changes.clear()
