"""Watch: looks at everything that passes between daemon and exchange, and notes whatever must never happen."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from urllib.parse import parse_qs

import msgspec

from binance_trade_agent.binance.rest_transport import RestRequest, RestResponse
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.changes import ChangeSet
from binance_trade_agent.simulation.engine.records import NOT_YET, ExchangeOrder
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.in_process import LOCAL_IP
from binance_trade_agent.simulation.rest.rate_limits import WEIGHT
from simulating.book_file import BookFile
from simulating.checks import Check, Finding
from simulating.life import Life

OURS = "bta-"
MOST_FINDINGS = 20
TOO_MUCH = (429, 418)
_OWN_LIMIT = (b"request weight", b"raw requests")
"""What the exchange says when it was really asked too much; planned refusals say something else."""

_PLACING = ("POST /api/v3/order", "POST /api/v3/sor/order", "order.place", "order.cancelReplace", "orderList.place", "sor.order.place")
_TESTS = ("POST /api/v3/order/test", "POST /api/v3/sor/order/test", "order.test", "sor.order.test")
_EARLY_S = 0.002
"""Times are rounded to milliseconds on their way."""

_QUERY = "GET /api/v3/order"
_NO_SUCH_ORDER = b'"code":-2013'
_PROOF = 2
"""So often the exchange has to say that it knows no such order, before one counts as never placed."""

_SLIP = Decimal("1.05")
"""Prices move between a decision and its execution, and other hands trade on the account."""


class Watch:
    """Findings are sentences; `limits` are the fractions of equity that exposure, and one symbol's, must stay within.

    `halted` are the scopes that the operator was told are halted. With `others_trade` other hands trade on the account.
    Unless it `is_timely`, an order that nobody could see in time may come back from the dead.
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
        is_timely: bool,
    ) -> None:
        self.findings: list[Finding] = []
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
        self._is_timely = is_timely
        self._placed: Counter[str] = Counter()
        self._sent: Counter[str] = Counter()
        self._missed: Counter[str] = Counter()
        self._unbooked: set[tuple[str, int]] = set()
        self._silent_until_s = 0.0
        self._is_between_books = False
        self.most_weight = 0
        exchange.venue.engine.feed.subscribe(self._on_commit)

    @property
    def placed(self) -> int:
        """Orders of ours that the exchange has accepted."""
        return self._placed.total()

    def find(self, check: Check, what: str) -> None:
        """Note what must not be."""
        finding = Finding(check, what)
        if finding not in self.findings and len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)

    def check_proofs(self) -> None:
        """At the end: no order counts as never placed on anything but the exchange's own word, however often others failed to tell."""
        for order_id, event, _, _ in self._book.events():
            if event == "PROVE_ABSENT" and self._missed[order_id] < _PROOF:
                what = f"the exchange said {self._missed[order_id]} times that it does not know it, and {_PROOF} make a proof"
                self.find(Check.NO_FALSE_ALARM, f"order {order_id} was held to be never placed; {what}")

    def forget(self) -> None:
        """The exchange was reset: its ids begin anew, and until there is a new book nothing can be said of what is held."""
        self.orders.clear()
        self._unbooked.clear()
        self._is_between_books = True

    def begin_anew(self) -> None:
        """There is a new book, and what was ordered until now is none of its."""
        self.orders.clear()
        self._unbooked.clear()
        self._is_between_books = False

    # -- requests -------------------------------------------------------------------------------------------------------------

    def leaves(self, life: Life, request: RestRequest) -> None:
        """See Tap."""
        name = f"{request.method} {request.path}"
        self._left(name)
        if name.startswith(_PLACING) and name not in _TESTS:
            fields = {**parse_qs(request.query), **parse_qs(request.body.decode())}
            self._check_order_request({key: values[0] for key, values in fields.items()})

    def comes(self, life: Life, request: RestRequest, response: RestResponse) -> None:
        """See Tap."""
        name, retry_after = f"{request.method} {request.path}", response.headers.get("retry-after")
        self._answered(name, response.status, response.body, None if retry_after is None else float(retry_after))
        if name == _QUERY and _NO_SUCH_ORDER in response.body:
            self._missed.update(parse_qs(request.query).get("origClientOrderId", ()))

    def says(self, life: Life, method: str, params: Mapping[str, object]) -> None:
        """See Tap."""
        self._left(method)
        if method.startswith(_PLACING) and method not in _TESTS:
            self._check_order_request({name: str(value) for name, value in params.items()})

    def hears(self, life: Life, method: str, status: int, message: bytes) -> None:
        """See Tap."""
        silence = msgspec.json.decode(message, type=_Refusal).error.data
        self._answered(method, status, message, None if silence is None else silence.seconds)

    def opens(self, life: Life, path: str) -> None:
        """See Tap."""
        self._left(f"a connection to {path}")

    def _left(self, name: str) -> None:
        now_s = asyncio.get_running_loop().time()
        self.requests[name] += 1
        if now_s < self._silent_until_s - _EARLY_S and not self._machine_was_set():
            early_s = self._silent_until_s - now_s
            self.find(Check.SILENCE, f"{name} left {early_s:.3f} s before the end of the silence that the exchange had asked for")

    def _answered(self, name: str, status: int, text: bytes, retry_after_s: float | None) -> None:
        used = self._exchange.venue.limits.used_weight(LOCAL_IP, self._exchange.present_ms())
        self.most_weight = max(self.most_weight, used)
        if used > WEIGHT.most:
            self.find(Check.WEIGHT, f"after {name} the exchange counts {used} of the {WEIGHT.most} that it allows")
        if status not in TOO_MUCH:
            return
        if any(words in text for words in _OWN_LIMIT):
            self.find(Check.WEIGHT, f"{name} was too much for the exchange: {text.decode()}")
        if retry_after_s is not None:
            self._silent_until_s = max(self._silent_until_s, asyncio.get_running_loop().time() + retry_after_s)

    def _check_order_request(self, fields: Mapping[str, str]) -> None:
        for order_id in [
            value for name, value in fields.items() if name.lower().endswith("clientorderid") and not name.startswith("cancel")
        ]:
            self._sent[order_id] += 1
            if self._sent[order_id] > 1:
                self.find(Check.ONE_ORDER, f"order {order_id} was sent {self._sent[order_id]} times")
            order = self._book.order(order_id)
            if order is None:
                continue  # a list's own id; orders without an intent are met when they come into being
            stamp_ms = int(fields["timestamp"])
            if stamp_ms > order.send_deadline_ms:
                self.find(Check.IN_TIME, f"order {order_id} was signed {stamp_ms - order.send_deadline_ms} ms after its deadline")
            modes = {**self._book.modes(), **dict.fromkeys(self.halted, "HALTED")}
            for scope in ("*", order.symbol):
                mode = modes.get(scope, "ACTIVE")
                if mode == "HALTED" or (mode == "REDUCING" and order.purpose == "ENTRY"):
                    self.find(Check.HALT_HOLDS, f"order {order_id} ({order.purpose}) was sent while {scope} was {mode}")

    # -- what comes into being --------------------------------------------------------------------------------------------------

    def _on_commit(self, changes: ChangeSet, _now_ms: int) -> None:
        ours = [
            (key, order)
            for key, order in changes.orders.items()
            if order.account_id == self._account_id and order.client_order_id.startswith(OURS)
        ]
        for key, order in ours:
            before = self.orders.get(key)
            self.orders[key] = order
            self._unbooked.add(key)
            if before is None:
                self._check_new_order(order)
            elif not self._is_between_books and order.side is Side.SELL and order.executed_quantity > before.executed_quantity:
                self._check_sold(order, self._held())

    def _check_new_order(self, order: ExchangeOrder) -> None:
        order_id = order.client_order_id
        self._placed[order_id] += 1
        if self._placed[order_id] > 1:
            self.find(Check.ONE_ORDER, f"the exchange holds {self._placed[order_id]} orders for the one intent {order_id}")
        intent = self._book.order(order_id)
        if intent is None:
            self.find(Check.INTENT_FIRST, f"order {order_id} is on the exchange, and the book has no intent for it")
        elif (intent.symbol, intent.side, intent.quantity) != (order.symbol, order.side, order.original_quantity):
            what = f"{order.side} {order.original_quantity} {order.symbol}"
            self.find(Check.INTENT_FIRST, f"order {order_id} is not what was intended: {what}")
        elif intent.state in {"INTENDED", "NOT_SENT"}:
            self.find(Check.INTENT_FIRST, f"order {order_id} is on the exchange, and the book has it as {intent.state}")
        if self._is_between_books:
            return
        held = self._held()
        if order.side is Side.BUY:
            self._check_exposure(order, held)
        elif order.order_list_id != NOT_YET:
            self._check_lists(order.symbol, held)
        elif order.executed_quantity:
            self._check_sold(order, held)

    def _check_sold(self, order: ExchangeOrder, held: Mapping[str, Decimal]) -> None:
        if held.get(order.symbol, Decimal(0)) < 0 and not self._others_trade:
            self.find(Check.ONLY_HELD, f"order {order.client_order_id} sold {-held[order.symbol]} {order.symbol} more than was bought")

    def _check_lists(self, symbol: str, held: Mapping[str, Decimal]) -> None:
        """Lists that stand together for more than is held would sell what nobody holds any more."""
        standing: dict[int, Decimal] = {}
        for key in self._unbooked:
            order = self.orders[key]
            if order.symbol == symbol and order.is_open and order.order_list_id != NOT_YET and not self._has_come_back(order):
                standing[order.order_list_id] = max(standing.get(order.order_list_id, Decimal(0)), order.remaining_quantity)
        offered = sum(standing.values(), Decimal(0))
        if offered > held.get(symbol, Decimal(0)) and not self._others_trade:
            self.find(Check.ONLY_HELD, f"{len(standing)} lists offer {offered} {symbol}, and {held.get(symbol, 0)} is held")

    def _held(self) -> dict[str, Decimal]:
        """What is held, with all that the book does not know yet and could; deposits and trades by hand are not what we bought."""
        held = self._book.positions()
        for key in sorted(self._unbooked):
            known = self.orders[key]
            missing = known.executed_quantity - self._book.executed(*key)
            if missing == 0 and not known.is_open:
                self._unbooked.discard(key)
                continue
            if self._has_come_back(known):
                continue
            if known.side is Side.BUY:
                missing += known.remaining_quantity if known.is_open else 0
            held[known.symbol] = held.get(known.symbol, Decimal(0)) + (missing if known.side is Side.BUY else -missing)
        return held

    def _has_come_back(self, order: ExchangeOrder) -> bool:
        """Whether the book has had to give up this order, which is there after all and was not to be seen in time."""
        intent = None if self._is_timely else self._book.order(order.client_order_id)
        return intent is not None and intent.state == "NEVER_PLACED"

    def _check_exposure(self, order: ExchangeOrder, held: dict[str, Decimal]) -> None:
        if not self._is_timely and (self._others_trade or self._book.has_taken_back_since(order.client_order_id)):
            return  # when it was sent nobody could know of what has come since: the trade by hand, or the other order
        now_ms = self._exchange.clock.now_ms()
        values = {}
        for symbol, quantity in held.items():
            quote = self._exchange.venue.market.quote(symbol, now_ms)
            values[symbol] = max(quantity, Decimal(0)) * quote.price if quote is not None else Decimal(0)
        there = self._exchange.venue.engine.balances(self._account_id)[self._quote_asset].total
        cash = max(there, self._book.wallet().get(self._quote_asset, there))  # a withdrawal is not known at once
        exposure = sum(values.values(), Decimal(0))
        equity = cash + exposure
        total, each = self._limits
        if exposure > total * equity * _SLIP:
            self.find(
                Check.LIMITS,
                f"order {order.client_order_id} made the exposure {exposure:.2f} of {equity:.2f}, and {total} of it is allowed",
            )
        if values.get(order.symbol, Decimal(0)) > each * equity * _SLIP:
            self.find(
                Check.LIMITS,
                f"order {order.client_order_id} made the position {values[order.symbol]:.2f} of {equity:.2f}, and {each} is allowed",
            )


class _Silence(msgspec.Struct, rename="camel"):
    """Until when nothing is to be asked, with the time at which that was said (web-socket-api.md, "IP limits")."""

    server_time: int
    retry_after: int

    @property
    def seconds(self) -> float:
        return (self.retry_after - self.server_time) / 1_000


class _Reason(msgspec.Struct):
    data: _Silence | None = None


class _Refusal(msgspec.Struct):
    error: _Reason = msgspec.field(default_factory=_Reason)
