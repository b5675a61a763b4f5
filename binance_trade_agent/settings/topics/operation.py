"""OperationSettings: where the daemon keeps its book, what it shows, and what the embedded exchange plays."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, SecretStr, field_validator

from binance_trade_agent.settings.choices import LogFormat, LogLevel
from binance_trade_agent.settings.fields import Folder, Fraction, Group, HostName, MachineNames, Money, Seconds, Speed, setting


class OperationSettings(BaseModel):
    """Where the daemon keeps its book, what it shows, and what the embedded exchange plays."""

    portfolio_initial_value: Money = setting(
        "10000",
        Group.BOOK,
        "What a simulated account starts with; unless it is set, an account in BTC starts with 1, in ETH with 10, in BNB with 20.",
        unit="quote asset",
    )
    data_dir: Path = setting(
        Path("data"), Group.BOOK, "Folder of the book; one daemon at a time may use it.", allowed="a folder, made when missing"
    )
    backup_interval_seconds: Annotated[float, Field(ge=0, le=604_800, allow_inf_nan=False)] = setting(
        86_400.0,
        Group.BOOK,
        "Time from one backup of the book to the next, each of which reads the whole book through; 0: none. Recorded candles have none.",
        unit="s",
    )
    backup_keep: Annotated[int, Field(ge=1, le=1000)] = setting(
        7, Group.BOOK, "Scheduled backups that are kept; older ones are deleted when a new one is made.", unit="files"
    )
    backup_dir: str = setting(
        "",
        Group.BOOK,
        "Folder of the scheduled backups, best on another disk; empty: `backups` beside the book.",
        allowed="empty, or a folder, made when missing",
    )
    decision_keep_days: Annotated[int, Field(ge=0, le=36_500)] = setting(
        90,
        Group.BOOK,
        "How long decisions that led to no order (held, refused) are kept; 0: for good. Orders, fills, the ledger and modes always are.",
        unit="days of market time",
    )

    demo_seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = setting(
        42, Group.DEMO, "Seed of the market and of chance: same seed, same market."
    )
    demo_speed: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)] = setting(
        120.0, Group.DEMO, "How many times faster than real time the demo market runs.", unit="times"
    )
    demo_latency_ms: Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False)] = setting(
        20.0, Group.DEMO, "Delay of every answer of the embedded exchange; over recorded candles there is none unless it is set.", unit="ms"
    )
    demo_fee_rate: Annotated[Fraction, Field(le=0.1)] = setting(
        "0.001", Group.DEMO, "Commission that the embedded exchange takes.", unit="fraction of value"
    )

    candles_dir: Folder = setting(
        None,
        Group.CANDLES,
        "Folder of Binance kline files, or candle store, that the demo plays in place of its own market.",
        allowed="empty, or a folder that exists",
    )
    candles_speed: Speed = setting(
        "max", Group.CANDLES, "How many times faster than recorded the candles run.", unit="times", allowed="max, or a number above 0"
    )

    http_host: str = setting(
        "127.0.0.1", Group.SERVICE, "Address that health, metrics and status are served on.", allowed="an address of this machine"
    )
    http_port: Annotated[int, Field(ge=0, le=65_535)] = setting(8080, Group.SERVICE, "Port of the same; 0 takes any free one.")
    http_names: MachineNames = setting(
        (),
        Group.SERVICE,
        "Further names of this machine that requests may be made to; others than these, localhost and addresses are refused.",
        allowed="comma-separated host names without ports, at most 20",
    )
    control_token: SecretStr | None = setting(
        None, Group.SERVICE, "Bearer token of the control calls (halt, reduce, resume, flatten, cancel, settle); without it they are off."
    )
    log_level: LogLevel = setting(LogLevel.INFO, Group.SERVICE, "Least severe log lines that are written.")
    log_format: LogFormat = setting(LogFormat.AUTO, Group.SERVICE, "Form of log lines; auto: console on a terminal, json elsewhere.")

    cache_price_ttl_seconds: Seconds = setting(
        0.5, Group.CACHE, "How old a price may be that is not asked for again, in market time; 0: always ask.", unit="s"
    )
    cache_book_ttl_seconds: Seconds = setting(
        0.5, Group.CACHE, "How old an order book may be that is not asked for again, in market time; 0: always ask.", unit="s"
    )
    cache_candles_ttl_seconds: Seconds = setting(
        60.0, Group.CACHE, "How long closed candles are kept in Redis for other processes; 0: not at all.", unit="s"
    )
    redis_host: HostName = setting(
        "",
        Group.CACHE,
        "Redis server that several processes share as their cache; empty: each keeps its own in memory.",
        allowed="empty, or a host name or address alone; its port is REDIS_PORT",
    )
    redis_port: Annotated[int, Field(ge=1, le=65_535)] = setting(6379, Group.CACHE, "Port of the Redis server.")
    redis_db: Annotated[int, Field(ge=0, le=1_000_000)] = setting(0, Group.CACHE, "Number of the database in Redis.")
    redis_password: SecretStr | None = setting(None, Group.CACHE, "Password of the Redis server.")

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper_case_level(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("http_host")
    @classmethod
    def _some_host(cls, value: str) -> str:
        if not value or any(character.isspace() for character in value):
            raise ValueError("no address")
        return value
