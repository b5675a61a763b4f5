"""BacktestPlan: everything that a backtest depends on, so that equal plans over equal candles have equal results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import orjson

from binance_trade_agent.backtest.fast.deciding import UNLIKE_THEIR_DEFAULTS, deciding_settings
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.domain.utc_text import utc_minute
from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.fields import MOST_MONEY
from binance_trade_agent.simulation.markets.recorded import DEFAULT_DEPTH_SHARE, DEFAULT_SPREAD_BPS

_WHOLE_SPREAD_BPS = 20_000
"""Half of it lies below the price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestPlan:
    """One run over recorded candles. It can be pickled.

    `candles` is a file or folder of kline files, or a candle store. `symbols` are those of it that are traded, `interval` chooses among
    those of a store; where they are empty, the settings choose as they do for the daemon. Trading goes on while `start_ms` <= time <
    `end_ms` (None: all that there is); candles before the start are there for strategies to read. `settings` mean the same as for the
    daemon. `spread_bps`, `depth_share` and `rules` are those of RecordedMarket. `initial_cash` (quote asset) is that of the settings when
    it is None.
    """

    candles: Path
    settings: Settings
    symbols: tuple[str, ...] = ()
    interval: str = ""
    start_ms: int | None = None
    end_ms: int | None = None
    spread_bps: Decimal = DEFAULT_SPREAD_BPS
    depth_share: Decimal = DEFAULT_DEPTH_SHARE
    rules: Mapping[str, SymbolRules] = field(default_factory=dict)
    initial_cash: Decimal | None = None

    def __post_init__(self) -> None:
        if self.start_ms is not None and self.end_ms is not None and self.start_ms >= self.end_ms:
            starts, ends = utc_minute(self.start_ms), utc_minute(self.end_ms)
            raise ConfigurationError(f"a backtest must start before it ends, but starts at {starts} and ends at {ends} UTC")
        if not 0 <= self.spread_bps < _WHOLE_SPREAD_BPS:
            raise ConfigurationError(
                f"the spread must be 0 to below {_WHOLE_SPREAD_BPS}, where the best bid would be 0, not {self.spread_bps}"
            )
        if not self.depth_share >= 0:
            raise ConfigurationError(f"the depth must be 0 or more, not {self.depth_share}")
        if self.initial_cash is not None and not 0 < self.initial_cash <= MOST_MONEY:
            raise ConfigurationError(f"a backtest must begin with some money, at most {MOST_MONEY}, not with {self.initial_cash}")

    def digest(self, candles: str) -> str:
        """A short name of this plan over what `candles` describes: the same for the same, another for any other.

        A strategy's own file counts by what stands in it.
        """
        settings = self.settings
        parts: list[object] = [
            candles,
            settings.model_dump(mode="json", include=set(deciding_settings())),
            sorted(settings.model_fields_set & UNLIKE_THEIR_DEFAULTS),
            _strategy_file(settings),
            self.symbols,
            self.interval,
            self.start_ms,
            self.end_ms,
        ]
        parts += [self.spread_bps, self.depth_share, {symbol: repr(rules) for symbol, rules in self.rules.items()}, self.initial_cash]
        return sha256(orjson.dumps(parts, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _strategy_file(settings: Settings) -> str:
    path = settings.strategy_path.rpartition(":")[0]
    return sha256(Path(path).read_bytes()).hexdigest() if path else ""
