"""Watch: looks at everything that passes between daemon and exchange, and notes whatever must never happen."""

import asyncio
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import parse_qs

from binance_trade_agent.binance.rest_transport import RestRequest, RestResponse
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.changes import ChangeSet
from binance_trade_agent.simulation.engine.records import ExchangeOrder
from binance_trade_agent.simulation.exchange import SimulatedExchange
from simulating.book_file import BookFile
from simulating.life import Life

OURS = "bta-"
MOST_FINDINGS = 20
TOO_MUCH = (429, 418)
_OWN_LIMIT = (b"request weight", b"raw requests")
"""What the exchange says when it was really asked too much; planned refusals say something else."""

_ORDERS = frozenset({"/api/v3/order", "/api/v3/order/cancelReplace", "/api/v3/sor/order"})
_LISTS = "/api/v3/orderList"
_EARLY_S = 0.002
"""Times are rounded to milliseconds on their way."""

_SLIP = Decimal("1.05")
"""Prices move between a decision and its execution, and other hands trade on the account."""


class Watch:
    """Findings are sentences; `limits` are the fractions of equity that exposure, and one symbol's, must stay within.

    `halted` are the scopes that the operator was told are halted. With `others_trade` other hands trade on the account.
    """

    def __init__(
        self,
        exchange: SimulatedExchange,
        account_id: int,
        book: BookFile,
        *,
        limits: tuple[Decimal, Decimal],
        quote_asset: str,
        machine_was_set: Callable[[], bool],
        others_trade: bool,
    ) -> None:
        self.findings: list[str] = []
        self.halted: set[str] = set()
        self.orders: dict[tuple[str, int], ExchangeOrder] = {}
        self.requests: Counter[str] = Counter()
        self._exchange = exchange
        self._account_id = account_id
        self._book = book
        self._limits = limits
        self._quote_asset = quote_asset
        self._machine_was_set = machine_was_set
        self._others_trade = others_trade
        self._placed: Counter[str] = Counter()
        self._sent: Counter[str] = Counter()
        self._unbooked: set[tuple[str, int]] = set()
        self._silent_until_s = 0.0
        exchange.venue.engine.feed.subscribe(self._on_commit)

    def find(self, what: str) -> None:
        """Note what must not be."""
        if what not in self.findings and len(self.findings) < MOST_FINDINGS:
            self.findings.append(what)

    # -- requests -------------------------------------------------------------------------------------------------------------

    def leaves(self, life: Life, request: RestRequest) -> None:
        """See Tap."""
        now_s = asyncio.get_running_loop().time()
        name = f"{request.method} {request.path}"
        self.requests[name] += 1
        if now_s < self._silent_until_s - _EARLY_S and not self._machine_was_set():
            self.find(f"{name} left {self._silent_until_s - now_s:.3f} s before the end of the silence that the exchange had asked for")
        if request.method == "POST" and (request.path in _ORDERS or request.path.startswith(_LISTS)):
            self._check_order_request(request)

    def comes(self, life: Life, request: RestRequest, response: RestResponse) -> None:
        """See Tap."""
        if response.status not in TOO_MUCH:
            return
        if any(text in response.body for text in _OWN_LIMIT):
            self.find(f"{request.method} {request.path} was too much for the exchange: {response.body.decode()}")
        retry_after = response.headers.get("retry-after")
        if retry_after is not None:
            self._silent_until_s = max(self._silent_until_s, asyncio.get_running_loop().time() + float(retry_after))

    def _check_order_request(self, request: RestRequest) -> None:
        fields = {**parse_qs(request.query), **parse_qs(request.body.decode())}
        ids = [values[0] for name, values in fields.items() if name.lower().endswith("clientorderid")]
        for order_id in ids:
            self._sent[order_id] += 1
            if self._sent[order_id] > 1:
                self.find(f"order {order_id} was sent {self._sent[order_id]} times")
            order = self._book.order(order_id)
            if order is None:
                continue  # a list's own id; orders without an intent are met when they come into being
            stamp_ms = int(fields["timestamp"][0])
            if stamp_ms > order.send_deadline_ms:
                self.find(f"order {order_id} was signed {stamp_ms - order.send_deadline_ms} ms after its deadline")
            modes = {**self._book.modes(), **dict.fromkeys(self.halted, "HALTED")}
            for scope in ("*", order.symbol):
                mode = modes.get(scope, "ACTIVE")
                if mode == "HALTED" or (mode == "REDUCING" and order.purpose == "ENTRY"):
                    self.find(f"order {order_id} ({order.purpose}) was sent while {scope} was {mode}")

    # -- what comes into being --------------------------------------------------------------------------------------------------

    def _on_commit(self, changes: ChangeSet, _now_ms: int) -> None:
        for key, order in changes.orders.items():
            if order.account_id != self._account_id or not order.client_order_id.startswith(OURS):
                continue
            is_new = key not in self.orders
            self.orders[key] = order
            self._unbooked.add(key)
            if is_new:
                self._check_new_order(order)

    def _check_new_order(self, order: ExchangeOrder) -> None:
        order_id = order.client_order_id
        self._placed[order_id] += 1
        if self._placed[order_id] > 1:
            self.find(f"the exchange holds {self._placed[order_id]} orders for the one intent {order_id}")
        intent = self._book.order(order_id)
        if intent is None:
            self.find(f"order {order_id} is on the exchange, and the book has no intent for it")
        elif (intent.symbol, intent.side, intent.quantity) != (order.symbol, order.side, order.original_quantity):
            self.find(f"order {order_id} is not what was intended: {order.side} {order.original_quantity} {order.symbol}")
        elif intent.state in {"INTENDED", "NOT_SENT"}:
            self.find(f"order {order_id} is on the exchange, and the book has it as {intent.state}")
        held = self._held()
        if order.side is Side.BUY:
            self._check_exposure(order, held)
        elif held.get(order.symbol, Decimal(0)) < 0 and order.executed_quantity and not self._others_trade:
            self.find(f"order {order_id} sold {-held[order.symbol]} {order.symbol} more than was bought")

    def _held(self) -> dict[str, Decimal]:
        """What is held, with all that the book does not know yet; deposits and trades by hand are nothing that we bought."""
        held = self._book.positions()
        for key in sorted(self._unbooked):
            known = self.orders[key]
            missing = known.executed_quantity - self._book.executed(*key)
            if missing == 0 and not known.is_open:
                self._unbooked.discard(key)
                continue
            if known.side is Side.BUY:
                missing += known.remaining_quantity if known.is_open else 0
            held[known.symbol] = held.get(known.symbol, Decimal(0)) + (missing if known.side is Side.BUY else -missing)
        return held

    def _check_exposure(self, order: ExchangeOrder, held: dict[str, Decimal]) -> None:
        now_ms = self._exchange.clock.now_ms()
        values = {}
        for symbol, quantity in held.items():
            quote = self._exchange.venue.market.quote(symbol, now_ms)
            values[symbol] = max(quantity, Decimal(0)) * quote.price if quote is not None else Decimal(0)
        cash = self._exchange.venue.engine.balances(self._account_id)[self._quote_asset].total
        exposure = sum(values.values(), Decimal(0))
        equity = cash + exposure
        total, each = self._limits
        if exposure > total * equity * _SLIP:
            self.find(f"order {order.client_order_id} made the exposure {exposure:.2f} of {equity:.2f}, and {total} of it is allowed")
        if values.get(order.symbol, Decimal(0)) > each * equity * _SLIP:
            self.find(f"order {order.client_order_id} made the position {values[order.symbol]:.2f} of {equity:.2f}, and {each} is allowed")
