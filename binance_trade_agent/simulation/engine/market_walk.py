"""MarketWalk: what other people do to resting orders while time passes, one happening of the market after the other."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from binance_trade_agent.domain.order import Side
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine.liquidity import levels_of, opposite, reaches
from binance_trade_agent.simulation.engine.market_liquidity import MarketLiquidity
from binance_trade_agent.simulation.engine.order_book import OrderBook
from binance_trade_agent.simulation.engine.queue_positions import Fill, QueuePositions
from binance_trade_agent.simulation.engine.records import ExchangeOrder
from binance_trade_agent.simulation.markets.market import Market, Quote, TakerOrder, happenings

_SIDES = (Side.BUY, Side.SELL)


@dataclass(frozen=True, slots=True)
class MarketMove:
    """One happening: the market's price from `time_ms` on, and what it leaves for resting orders, each at its own price, in priority."""

    time_ms: int
    price: Decimal
    fills: tuple[Fill, ...]


class MarketWalk:
    """Walks the market of any symbol. Liquidity that a quote gives to resting orders is taken from `liquidity`."""

    def __init__(self, market: Market, liquidity: MarketLiquidity) -> None:
        self._market = market
        self._liquidity = liquidity
        self._positions: dict[str, QueuePositions] = {}

    def moves(self, book: OrderBook, rules: SymbolRules, after_ms: int, until_ms: int) -> Iterator[MarketMove]:
        """Every happening with after_ms < time_ms <= until_ms, oldest first; carry out its fills before asking for the next."""
        symbol = rules.symbol
        quote = self._market.quote(symbol, after_ms)
        positions = self._positions.setdefault(symbol, QueuePositions())
        for happening in happenings(self._market, symbol, after_ms, until_ms):
            if isinstance(happening, TakerOrder):
                levels = self._levels(rules, quote)
                positions.welcome(book, levels)
                fills = positions.reached(book, happening, levels, rules.step_size)
            else:
                if self._market.has_queues:
                    positions.welcome(book, self._levels(rules, quote))
                    self._overtake(positions, book, happening)
                quote = happening
                fills = self._met(book, rules, quote)
            yield MarketMove(happening.time_ms, happening.price, tuple(fills))

    def _levels(self, rules: SymbolRules, quote: Quote | None) -> Callable[[Side], Iterable[tuple[Decimal, Decimal]]]:
        return lambda side: self._liquidity.left(rules, quote, side)

    def _overtake(self, positions: QueuePositions, book: OrderBook, quote: Quote) -> None:
        for side in _SIDES:
            levels = levels_of(quote.ladder, side)
            if levels:
                positions.overtaken(book, side, levels[0][0])

    def _met(self, book: OrderBook, rules: SymbolRules, quote: Quote) -> list[Fill]:
        """The resting orders that the quote's other side reaches, with what is there for them."""
        fills = []
        for side in _SIDES:
            levels = levels_of(quote.ladder, opposite(side))
            if levels:
                for order, part in book.parts_reached_by(side, levels[0][0]):
                    quantity = self._eat(order, part, rules, quote)
                    if quantity <= 0:
                        break
                    fills.append((order, quantity))
        return fills

    def _eat(self, order: ExchangeOrder, part: Decimal, rules: SymbolRules, quote: Quote) -> Decimal:
        """Take what the quote's other side has for a part of the order, at most all of it."""
        side = opposite(order.side)
        wanted = part
        for price, quantity in self._liquidity.left(rules, quote, side):
            if wanted <= 0 or not reaches(order.side, order.limit, price):
                break
            eaten = min(quantity, wanted)
            self._liquidity.take(rules.symbol, quote, side, price, eaten)
            wanted -= eaten
        return part - wanted
