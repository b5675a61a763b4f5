"""TradeRequest: what a program asks of one pass, a symbol and maybe how much of it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TypedDict

from binance_trade_agent.domain.money import money

Quantity = Decimal | str | int | float


class TradeRequest(TypedDict, total=False):
    """One entry of `execute_multi_symbol_workflow`: `symbol`, and optionally the base quantity to trade."""

    symbol: str
    quantity: Quantity


def exact_quantity(quantity: Quantity) -> Decimal:
    """The quantity that a person means: a float such as 0.001 is read by its shortest decimal text, never by its binary value."""
    return money(repr(quantity) if isinstance(quantity, float) else quantity)


def parsed_request(request: TradeRequest | Mapping[str, object]) -> tuple[str, Quantity | None]:
    """Symbol and quantity of a request; ValueError says what is wrong with it."""
    unknown = set(request) - {"symbol", "quantity"}
    if unknown:
        raise ValueError(f"unknown keys in a trade request: {sorted(unknown)}; allowed are symbol and quantity")
    symbol, quantity = request.get("symbol"), request.get("quantity")
    if not isinstance(symbol, str):
        raise ValueError("a trade request needs a symbol, such as {'symbol': 'BTCUSDT', 'quantity': '0.001'}")
    if quantity is not None and not isinstance(quantity, Decimal | str | int | float):
        raise ValueError(f"the quantity of {symbol} is no number: {quantity!r}")
    return symbol, quantity
