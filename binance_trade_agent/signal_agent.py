"""SignalAgent: turns a market snapshot into a signal, by the strategy that is set for its symbol."""

from collections.abc import Mapping
from types import MappingProxyType

from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.market import MarketSnapshot
from binance_trade_agent.domain.need import Needs
from binance_trade_agent.domain.signal import Signal
from binance_trade_agent.strategies.strategy import Strategy, needs_of, opinion_of


class SignalAgent:
    """One strategy for all symbols, and others for those named in `per_symbol`; synchronous and without memory."""

    def __init__(self, strategy: Strategy, per_symbol: Mapping[str, Strategy] = MappingProxyType({})) -> None:
        self._strategy = strategy
        self._per_symbol = dict(per_symbol)

    @property
    def required_candles(self) -> int:
        """How many closed candles a snapshot must hold for every strategy to have an opinion."""
        return max(strategy.required_candles for strategy in (self._strategy, *self._per_symbol.values()))

    @property
    def needs(self) -> Needs:
        """What strategies read beside the candles of their own symbol and interval."""
        return Needs(needs_of(self._strategy), {symbol: needs_of(strategy) for symbol, strategy in self._per_symbol.items()})

    def strategy_for(self, symbol: str) -> Strategy:
        """The strategy that decides for `symbol`."""
        return self._per_symbol.get(symbol, self._strategy)

    def decide(self, snapshot: MarketSnapshot) -> Signal:
        """The strategy's opinion as a signal at the snapshot's time.

        Raises StrategyError, naming the strategy and the symbol, when the strategy fails or says what is no opinion: a strategy
        that cannot do its work is never taken for HOLD.
        """
        strategy = self.strategy_for(snapshot.symbol)
        try:
            opinion = opinion_of(strategy, snapshot.candles)
        except Exception as error:
            raise StrategyError(f"strategy {strategy.name} failed for {snapshot.symbol}: {type(error).__name__}: {error}") from error
        return Signal(
            symbol=snapshot.symbol,
            time_ms=snapshot.time_ms,
            strategy=strategy.name,
            action=opinion.action,
            confidence=opinion.confidence,
            reason=opinion.reason,
            indicators=opinion.indicators,
            fraction=opinion.fraction,
        )
