"""TracingSettings: where traces go, and how many."""

from pydantic import BaseModel

from binance_trade_agent.settings.fields import Fraction, Group, HttpAddress, setting


class TracingSettings(BaseModel):
    """Where traces go, and how many."""

    tracing_endpoint: HttpAddress = setting(
        "",
        Group.TRACING,
        "Where traces are sent by OTLP over HTTP; empty: there are none, and over recorded candles never. Needs the extra `tracing`.",
        allowed="empty, or an address with its path such as http://127.0.0.1:4318/v1/traces",
    )
    tracing_sample_ratio: Fraction = setting(
        "0.1", Group.TRACING, "Share of the passes in which nothing is sent and nothing fails that are traced; all others always are."
    )
