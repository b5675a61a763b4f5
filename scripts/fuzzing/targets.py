"""Everything that reads what strangers send, each with its inputs and with what must hold: a documented error, or a sound result."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httptools
from hypothesis import strategies as st

from binance_trade_agent.binance.answers.market import decode_ladder
from binance_trade_agent.binance.endpoints import ENDPOINTS, Endpoint
from binance_trade_agent.binance.error_codes import error_for
from binance_trade_agent.binance.http.response import ResponseLimits, ResponseReader
from binance_trade_agent.binance.streams.control_messages import read_frame
from binance_trade_agent.binance.streams.event_routes import EventRoute
from binance_trade_agent.binance.websocket_api.account_events import ExecutionReport, decode_account_event
from binance_trade_agent.binance.websocket_api.messages import AccountMessage, Answer, read_message
from binance_trade_agent.binance.websocket_api.order_reports import fill_of, report_of
from binance_trade_agent.binance.wire import decode_error
from binance_trade_agent.domain.errors import BadAnswerError, ExchangeError
from fuzzing.mutations import hostile_bodies, hostile_responses
from fuzzing.seeds import CONTROL_MESSAGES, STREAM_EVENTS, golden_answers, rest_seeds
from fuzzing.soundness import assert_sound

LIMITS = ResponseLimits(max_header_bytes=2_048, max_body_bytes=4_096)
MOST_ERROR_CHARS = 600

_STATUSES = (200, 202, 400, 401, 403, 404, 409, 418, 429, 500, 502, 503, 504, 99, 999)
_SERVER_MS = 1_780_000_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """`inputs` draws what is given to `check`, which raises for what must never happen."""

    inputs: st.SearchStrategy[Any]
    check: Callable[[Any], None]


def targets() -> Mapping[str, Target]:
    """All targets by name."""
    seeds = rest_seeds()
    rest = {f"REST {endpoint.name}": Target(hostile_bodies(seeds[endpoint.name]), _rest_check(endpoint)) for endpoint in ENDPOINTS}
    socket = golden_answers("golden_websocket_api.json")
    messages = [*socket["events"].values(), *socket["answers"].values()]
    errors = [{"code": -1121, "msg": "Invalid symbol."}, {"code": -2010, "msg": "x" * 400}, *seeds["cancel_replace"]]
    statuses = st.sampled_from(_STATUSES)
    return {
        **rest,
        "REST depth as floats": Target(hostile_bodies(seeds["depth"]), lambda body: check_decoder(decode_ladder, body)),
        "REST error": Target(st.tuples(hostile_bodies(errors), statuses, st.none() | st.text(max_size=30), st.booleans()), check_error),
        **{f"stream {name}": _stream_target(name, event) for name, event in STREAM_EVENTS.items()},
        "stream control message": Target(hostile_bodies(CONTROL_MESSAGES), lambda body: check_decoder(read_frame, body)),
        "WebSocket API message": Target(hostile_bodies(messages), check_socket_message),
        "HTTP response": Target(hostile_responses(), check_response),
    }


def _rest_check(endpoint: Endpoint[Any]) -> Callable[[bytes], None]:
    def check(body: bytes) -> None:
        check_decoder(endpoint.decode, body)
        for status in _STATUSES:
            assert endpoint.explains(status, body) in (True, False)

    return check


def _stream_target(name: str, event: object) -> Target:
    route = EventRoute(name)
    return Target(hostile_bodies([{"stream": name, "data": event}]), lambda body: check_decoder(route.decode, body))


def check_decoder(decode: Callable[[bytes], object], body: bytes) -> None:
    """A sound result, or BadAnswerError."""
    try:
        result = decode(body)
    except BadAnswerError as error:
        assert_tellable(error)
    else:
        assert_sound(result, len(body))


def check_error(drawn: tuple[bytes, int, str | None, bool]) -> None:
    """An error body becomes one of our errors, whatever it says."""
    body, status, retry_after, changes_orders = drawn
    code, message = decode_error(body) or (0, "")
    error = error_for(status, code, message, retry_after, changes_orders=changes_orders)
    assert isinstance(error, ExchangeError)
    assert_tellable(error)


def check_socket_message(text: bytes) -> None:
    """A message of the WebSocket API is told apart and read to the end, or is a BadAnswerError."""
    try:
        message = read_message(text)
        if isinstance(message, Answer):
            assert_sound(message.used_weight, len(text))
            message.outcome(changes_orders=True, server_ms=_SERVER_MS)
        elif isinstance(message, AccountMessage):
            event = decode_account_event(message.payload)
            assert_sound(event, len(text))
            if isinstance(event, ExecutionReport):
                assert_sound((report_of(event), fill_of(event)), len(text))
    except ExchangeError as error:
        assert_tellable(error)


def check_response(pieces: list[bytes]) -> None:
    """A response within its limits, with the headers that an independent reading finds, or BadAnswerError."""
    reader = ResponseReader("GET", LIMITS)
    try:
        for piece in pieces:
            reader.feed(piece)
        reader.feed_eof()
    except BadAnswerError as error:
        assert_tellable(error)
    else:
        response, headers = reader.response(), reader.response().headers.items()
        assert len(response.body) <= LIMITS.max_body_bytes
        assert sum(len(name) + len(value) for name, value in headers) <= LIMITS.max_header_bytes
        assert [(name, value.strip(b" \t")) for name, value in headers_of(pieces)] == headers


def headers_of(pieces: list[bytes]) -> list[tuple[bytes, bytes]]:
    """The headers of the first final response, as httptools tells them, without trailers."""
    found: list[tuple[bytes, bytes]] = []
    is_open = [True]

    class Listener:
        """Collects until the head of a final response is complete."""

        def on_header(self, name: bytes, value: bytes) -> None:
            """One header."""
            if is_open[0]:
                found.append((name, value))

        def on_headers_complete(self) -> None:
            """Interim responses are passed over."""
            if parser.get_status_code() < 200:
                found.clear()
            else:
                is_open[0] = False

    parser = httptools.HttpResponseParser(Listener())
    with contextlib.suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
        for piece in pieces:
            parser.feed_data(piece)
    return found


def assert_tellable(error: ExchangeError) -> None:
    """An error's text is short enough for a log line and can be written out."""
    text = str(error)
    assert len(text) <= MOST_ERROR_CHARS
    text.encode("utf-8")
