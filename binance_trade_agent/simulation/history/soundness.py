"""Whether a history agrees with itself: balances with movements and trades, orders with their trades, the two sides of a trade."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from binance_trade_agent.domain.money import ZERO, plain, plus, total
from binance_trade_agent.simulation.engine.amounts import notional
from binance_trade_agent.simulation.history.reading import OrderLine, ReadHistory, SymbolLine, TradeLine

_BUY = "BUY"
_TRANSFER = "TRANSFER"

_Holding = tuple[int, str]
"""Account id and asset."""

_Amounts = defaultdict[_Holding, list[Decimal]]

_OrderKey = tuple[str, int]


def unsound(history: ReadHistory) -> Iterator[str]:
    """One sentence for each contradiction; none when the history is sound."""
    yield from _unsound_orders(history)
    yield from _unsound_trades(history)
    yield from _unsound_balances(history)


def _unsound_orders(history: ReadHistory) -> Iterator[str]:
    """An order has executed what its trades add up to."""
    trades: dict[_OrderKey, list[TradeLine]] = defaultdict(list)
    for trade in history.trades:
        trades[(trade.symbol, trade.order_id)].append(trade)
    seen: set[_OrderKey] = set()
    for order in history.orders:
        key = (order.symbol, order.order_id)
        name = f"order {order.order_id} on {order.symbol}"
        if key in seen:
            yield f"{name} is there twice"
        seen.add(key)
        own = trades.pop(key, [])
        if any(trade.account_id != order.account_id or trade.side != order.side for trade in own):
            yield f"{name} has a trade of another account or side"
        yield from _differs(name, "executed", order.executed_quantity, total(trade.quantity for trade in own))
        yield from _differs(name, "quote amount", order.cumulative_quote_quantity, total(trade.quote_quantity for trade in own))
    yield from (f"trades of order {order_id} on {symbol} are there, and the order is not" for symbol, order_id in sorted(trades))


def _unsound_trades(history: ReadHistory) -> Iterator[str]:
    """When both sides of a trade are accounts, they agree."""
    sides: dict[_OrderKey, list[TradeLine]] = defaultdict(list)
    for trade in history.trades:
        sides[(trade.symbol, trade.trade_id)].append(trade)
    for (symbol, trade_id), both in sorted(sides.items()):
        name = f"trade {trade_id} on {symbol}"
        if len(both) > 2:
            yield f"{name} has {len(both)} sides"
        elif len(both) == 2:
            one, other = both
            if one.side == other.side or one.is_maker == other.is_maker:
                yield f"{name} has two sides of one kind"
            if (one.price, one.quantity, one.quote_quantity) != (other.price, other.quantity, other.quote_quantity):
                yield f"{name} has two sides that do not agree"


def _unsound_balances(history: ReadHistory) -> Iterator[str]:
    """What an account holds is what it was given and what its trades brought; what is locked, its open orders hold."""
    flows: _Amounts = defaultdict(list)
    locks: _Amounts = defaultdict(list)
    for movement in history.movements:
        flows[(movement.account_id, movement.asset)].append(movement.amount)
    for trade in history.trades:
        symbol = history.symbols.get(trade.symbol)
        if symbol is None:
            yield f"the symbol {trade.symbol} is not described, so that balances cannot be checked"
            return
        _flow(flows, trade.account_id, symbol, trade.side, trade.quantity, trade.quote_quantity)
        flows[(trade.account_id, trade.commission_asset)].append(-trade.commission)
    _add_transfers(history, flows)
    for order in history.orders:
        if order.locked_amount and order.symbol in history.symbols:
            symbol = history.symbols[order.symbol]
            locks[(order.account_id, symbol.quote_asset if order.side == _BUY else symbol.base_asset)].append(order.locked_amount)
    held = {(balance.account_id, balance.asset): balance for balance in history.balances}
    for key in sorted(flows.keys() | locks.keys() | held.keys()):
        name = f"the balance of {key[1]} of account {key[0]}"
        free, locked = (held[key].free, held[key].locked) if key in held else (ZERO, ZERO)
        yield from _differs(name, "in total", plus(free, locked), total(flows.get(key, ())))
        yield from _differs(name, "locked", locked, total(locks.get(key, ())))
        if free < 0:
            yield f"{name} is below zero"


def _add_transfers(history: ReadHistory, flows: _Amounts) -> None:
    """Self-trade prevention of mode TRANSFER moves what would have been traded, without a trade and without commission."""
    orders: dict[_OrderKey, OrderLine] = {(order.symbol, order.order_id): order for order in history.orders}
    for match in history.prevented:
        if match.mode != _TRANSFER or match.taker_account_id == match.maker_account_id or match.symbol not in history.symbols:
            continue
        for order_id in (match.taker_order_id, match.maker_order_id):
            order = orders.get((match.symbol, order_id))
            if order is not None:
                quote = notional(match.price, match.quantity)
                _flow(flows, order.account_id, history.symbols[match.symbol], order.side, match.quantity, quote)


def _flow(flows: _Amounts, account_id: int, symbol: SymbolLine, side: str, base: Decimal, quote: Decimal) -> None:
    sign = 1 if side == _BUY else -1
    flows[(account_id, symbol.base_asset)].append(sign * base)
    flows[(account_id, symbol.quote_asset)].append(-sign * quote)


def _differs(name: str, what: str, told: Decimal, follows: Decimal) -> Iterator[str]:
    if told != follows:
        yield f"{name}: {what} {plain(told)}, but {plain(follows)} follows from the rest"
