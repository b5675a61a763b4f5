"""ConnectionSettings: how the exchange is reached, and how long anything may take."""

from typing import Annotated

from pydantic import BaseModel, Field

from binance_trade_agent.binance.connection import OrderEntry
from binance_trade_agent.settings.choices import MarketData, OpenOrdersAtStop, Switch
from binance_trade_agent.settings.fields import Group, Seconds, SecondsAboveZero, ServerUrl, WebSocketServer, WebSocketUrl, setting


class ConnectionSettings(BaseModel):
    """How the exchange is reached, and how long anything may take."""

    binance_base_url: ServerUrl = setting(
        "", Group.CONNECTION, "Server in place of the mode's own.", allowed="empty, or https://host (http on loopback only)"
    )
    binance_websocket_api_url: WebSocketUrl = setting(
        "",
        Group.CONNECTION,
        "WebSocket API; empty: the one that belongs to the REST server.",
        allowed="empty, or wss://host/path (ws on loopback only) of the same exchange",
    )
    binance_stream_url: WebSocketServer = setting(
        "",
        Group.CONNECTION,
        "Server of the market streams; empty: the one that belongs to the REST server.",
        allowed="empty, or wss://host (ws on loopback only) of the same exchange",
    )
    market_data: MarketData = setting(
        MarketData.STREAMS,
        Group.CONNECTION,
        "How prices and candles come; with streams a pass asks nothing by REST but what they did not bring. Recorded candles have none.",
    )
    user_data_stream: Switch = setting(
        Switch.ON,
        Group.CONNECTION,
        "Whether account events are listened to, so that orders are settled as soon as they move; modes without a WebSocket API have none.",
    )
    order_entry: OrderEntry = setting(
        OrderEntry.REST, Group.CONNECTION, "How orders are sent; over the WebSocket API they go by REST while its session is down."
    )
    pool_max_connections: Annotated[int, Field(ge=1, le=1000)] = setting(
        100, Group.CONNECTION, "Most connections at once.", unit="connections"
    )
    pool_order_connections: Annotated[int, Field(ge=0, le=999)] = setting(
        10,
        Group.CONNECTION,
        "Connections of those that market data never takes: they are kept for orders, cancellations and account queries.",
        unit="connections",
        allowed="0 or more, less than POOL_MAX_CONNECTIONS",
    )
    pool_max_keepalive: Annotated[int, Field(ge=0, le=1000)] = setting(
        20, Group.CONNECTION, "Idle connections that are kept.", unit="connections"
    )
    pool_timeout_seconds: SecondsAboveZero = setting(5.0, Group.CONNECTION, "Longest wait for a free connection.", unit="s")
    request_timeout_seconds: SecondsAboveZero = setting(10.0, Group.CONNECTION, "Whole time that a request may take.", unit="s")
    recv_window_ms: Annotated[int, Field(ge=1, le=60_000)] = setting(
        5000, Group.CONNECTION, "How long a signed request stays valid (recvWindow).", unit="ms"
    )

    unknown_order_grace_seconds: Seconds = setting(
        30.0, Group.TIMING, "Wait beyond recvWindow before an unanswered order may count as never placed.", unit="s"
    )
    max_intent_age_seconds: SecondsAboveZero = setting(
        5.0, Group.TIMING, "Age of a decision above which its order is not sent any more.", unit="s"
    )
    max_price_age_seconds: SecondsAboveZero = setting(
        3.0, Group.TIMING, "Age of a streamed price above which it is asked for by REST.", unit="s"
    )
    pass_deadline_seconds: SecondsAboveZero = setting(30.0, Group.TIMING, "Whole time that a pass may take.", unit="s")
    max_concurrent_symbols: Annotated[int, Field(ge=1, le=500)] = setting(
        50, Group.TIMING, "Symbols that are worked on at once.", unit="symbols"
    )
    reconcile_interval_seconds: SecondsAboveZero = setting(
        300.0, Group.TIMING, "Time between comparisons of the book with the exchange.", unit="s"
    )
    clock_sync_interval_seconds: SecondsAboveZero = setting(300.0, Group.TIMING, "Time between looks at the exchange's clock.", unit="s")
    circuit_failures: Annotated[int, Field(ge=0, le=1000)] = setting(
        5,
        Group.TIMING,
        "Requests in a row that the exchange did not answer, over three seconds or more, after which this group of endpoints gets a "
        "rest; 0 turns it off.",
        unit="requests",
    )
    circuit_pause_seconds: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = setting(
        5.0, Group.TIMING, "First rest of such a group before one request tries it again; it doubles up to a minute.", unit="s"
    )
    max_clock_error_ms: Annotated[int, Field(ge=10, le=1000)] = setting(
        500, Group.TIMING, "How far the exchange's clock may be known wrongly while orders are sent.", unit="ms"
    )
    shutdown_timeout_seconds: SecondsAboveZero = setting(20.0, Group.TIMING, "Time to finish work after a stop signal.", unit="s")
    open_orders_at_stop: OpenOrdersAtStop = setting(
        OpenOrdersAtStop.KEEP_PROTECTION,
        Group.TIMING,
        "Our orders that stand on the exchange at a stop: entries are cancelled and what protects positions stays, all stay, or all are "
        "cancelled.",
    )
