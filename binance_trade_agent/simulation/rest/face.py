"""The REST face of the simulated exchange: one request in, one answer out, without any input or output of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import orjson

from binance_trade_agent.domain.errors import BookError, BookMismatchError, ExchangeRefusedError, RateLimitedError
from binance_trade_agent.simulation.engine.refusals import METHOD_NOT_ALLOWED, NOT_ACCEPTABLE, NOT_FOUND, refused
from binance_trade_agent.simulation.rest import (
    account_endpoints,
    amend_endpoints,
    cancel_replace,
    candle_endpoints,
    key_endpoints,
    market_endpoints,
    match_endpoints,
    order_endpoints,
    order_list_endpoints,
    sor_endpoints,
    symbol_endpoints,
    ticker_endpoints,
    trade_endpoints,
)
from binance_trade_agent.simulation.rest.endpoint import Endpoint, Venue, with_trading_security
from binance_trade_agent.simulation.rest.params import Params, parse_pairs
from binance_trade_agent.simulation.rest.rate_limits import WEIGHT
from binance_trade_agent.simulation.rest.request_desk import RequestDesk, Served
from binance_trade_agent.simulation.rest.security import KeyHolder, KeyRing, authenticate, signed_text
from binance_trade_agent.simulation.rest.time_units import answer_in_microseconds, is_in_microseconds

INTERNAL_ERROR = 500

_ROUTES: Mapping[str, Mapping[str, Endpoint]] = {
    **market_endpoints.ROUTES,
    **trade_endpoints.ROUTES,
    **candle_endpoints.ROUTES,
    **ticker_endpoints.ROUTES,
    **symbol_endpoints.ROUTES,
    **order_endpoints.ROUTES,
    **cancel_replace.ROUTES,
    **order_list_endpoints.ROUTES,
    **amend_endpoints.ROUTES,
    **sor_endpoints.ROUTES,
    **account_endpoints.ROUTES,
    **key_endpoints.ROUTES,
    **match_endpoints.ROUTES,
}
ROUTES: Mapping[str, Mapping[str, Endpoint]] = with_trading_security(_ROUTES)
CONTENT_TYPE = "application/json;charset=UTF-8"
_KEY_HEADER = "X-MBX-APIKEY"
_UNIT_HEADER = "X-MBX-TIME-UNIT"
_BINARY = "application/sbe"
_WEIGHT_HEADER = "X-MBX-USED-WEIGHT"
_WEIGHT_WINDOW_HEADER = f"{_WEIGHT_HEADER}-{WEIGHT.header_suffix}"
_UNKNOWN_ERROR = b'{"code":-1000,"msg":"An unknown error occurred while processing the request."}'


@dataclass(frozen=True, slots=True)
class FaceAnswer:
    """Status, headers and body as they go over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class RestFace:
    """Routes, counts, authenticates and answers requests.

    `advance` brings the exchange to the present and returns its time; `clock_ms` only tells what time it is.
    """

    def __init__(self, venue: Venue, keys: KeyRing, advance: Callable[[], int], clock_ms: Callable[[], int]) -> None:
        self._venue = venue
        self._desk = RequestDesk(venue, clock_ms)
        self._keys = keys
        self._advance = advance

    def handle(
        self, method: str, path: str, query: str, body: bytes, headers: Mapping[str, str], ip: str, checked_ms: int | None = None
    ) -> FaceAnswer:
        """Answer one request.

        `query` is the raw text after the question mark, `body` the raw form; both stay percent-encoded, because that is what was
        signed. Header names are taken in any case. Never raises for anything a client or the disk can do: a store that cannot be
        written is answered with 500, and then the fate of an order is unknown, as with any 5xx.
        A request that has waited in front of the engine was found to be fresh at `checked_ms`, and is not looked at again.
        """
        answer_headers = {"Content-Type": CONTENT_TYPE}
        try:
            now_ms = self._advance()
        except BookError:
            return FaceAnswer(INTERNAL_ERROR, answer_headers, _UNKNOWN_ERROR)
        try:
            served = self._serve(method, path, query, body, headers, ip, now_ms, checked_ms, answer_headers)
            status, content = served.status, served.content
        except ExchangeRefusedError as refusal:
            if isinstance(refusal, RateLimitedError):
                answer_headers["Retry-After"] = str(int(refusal.retry_after_s))
            status, content = refusal.status, {"code": refusal.code, "msg": refusal.message}
        except BookMismatchError:
            # The engine's own reckoning is wrong: that must be heard, not answered.
            raise
        except BookError:
            status, content = INTERNAL_ERROR, _UNKNOWN_ERROR
        answer_headers[_WEIGHT_HEADER] = answer_headers[_WEIGHT_WINDOW_HEADER] = str(self._venue.limits.used_weight(ip, now_ms))
        return FaceAnswer(status, answer_headers, content if isinstance(content, bytes) else orjson.dumps(content))

    def _serve(
        self,
        method: str,
        path: str,
        query: str,
        body: bytes,
        headers: Mapping[str, str],
        ip: str,
        now_ms: int,
        checked_ms: int | None,
        answer_headers: dict[str, str],
    ) -> Served:
        # GET takes its parameters from the query alone.
        form = "" if method == "GET" else body.decode("latin-1")
        try:
            endpoint = _endpoint(method, path)
            params = _params(query, form)
            in_microseconds = _is_in_microseconds(headers)
        except ExchangeRefusedError:
            self._desk.charge_unreadable(ip, now_ms)
            raise

        def signer() -> KeyHolder:
            holder = self._keys.holder(_header(headers, _KEY_HEADER))
            authenticate(holder, params, signed_text(query, form), now_ms if checked_ms is None else checked_ms)
            return holder

        served = self._desk.serve(endpoint, params, ip, now_ms, signer, checked_ms=checked_ms)
        for limit, count in served.order_counts:
            answer_headers[f"X-MBX-ORDER-COUNT-{limit.header_suffix}"] = str(count)
        if served.retry_after_s is not None:
            answer_headers["Retry-After"] = str(served.retry_after_s)
        return replace(served, content=answer_in_microseconds(served.content)) if in_microseconds else served


def _endpoint(method: str, path: str) -> Endpoint:
    methods = ROUTES.get(path)
    if methods is None:
        raise refused(-1020, "This operation is not supported.", NOT_FOUND)
    endpoint = methods.get(method)
    if endpoint is None:
        raise refused(-1020, "This operation is not supported.", METHOD_NOT_ALLOWED)
    return endpoint


def _params(query: str, form: str) -> Params:
    """Query and form together; the query wins where both name a parameter."""
    pairs = parse_pairs(query)
    return Params({**parse_pairs(form), **pairs} if form else pairs)


def _header(headers: Mapping[str, str], name: str) -> str | None:
    value = headers.get(name)
    if value is not None:
        return value
    lower = name.lower()
    return next((value for key, value in headers.items() if key.lower() == lower), None)


def _is_in_microseconds(headers: Mapping[str, str]) -> bool:
    """What the client asks for; and -1155 with HTTP 406 where it takes no JSON (faqs/sbe_faq.md)."""
    accepted = _header(headers, "Accept")
    if accepted is not None and _BINARY in accepted and "json" not in accepted and "*/*" not in accepted:
        raise refused(-1155, "SBE is not enabled.", NOT_ACCEPTABLE)
    return is_in_microseconds(_header(headers, _UNIT_HEADER))
