"""The parameters of the orders that the daemon places: MARKET, LIMIT and LIMIT_MAKER. Source: rest-api.md, "New order"."""

from decimal import Decimal

from binance_trade_agent.domain.errors import MoneyError, NotSentError
from binance_trade_agent.domain.money import money, plain
from binance_trade_agent.domain.order import OrderType, Side, TimeInForce

Params = dict[str, str]


def order_params(
    symbol: str,
    side: Side | str,
    order_type: OrderType | str,
    quantity: Decimal | str | int,
    price: Decimal | str | int | None,
    time_in_force: TimeInForce | str | None,
    client_order_id: str,
) -> Params:
    """The parameters of a new order; NotSentError when they contradict each other, because then nothing is sent."""
    try:
        kind = OrderType(order_type)
        params = {"symbol": symbol, "side": Side(side).value, "type": kind.value, "quantity": _positive(quantity)}
        params |= _price_params(kind, price, TimeInForce(time_in_force) if time_in_force is not None else None)
    except (MoneyError, ValueError) as error:
        raise NotSentError(f"the order was not sent: {error}") from None
    return params | {"newClientOrderId": client_order_id, "newOrderRespType": "FULL"}


def _price_params(kind: OrderType, price: Decimal | str | int | None, time_in_force: TimeInForce | None) -> Params:
    if kind in {OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT}:
        raise ValueError(f"a {kind} order goes by `client.orders` or `client.order_lists`")
    if kind is OrderType.MARKET:
        if price is not None or time_in_force is not None:
            raise ValueError("a MARKET order takes neither price nor time in force")
        return {}
    if price is None:
        raise ValueError(f"a {kind} order needs a price")
    if kind is OrderType.LIMIT:
        return {"timeInForce": (time_in_force or TimeInForce.GTC).value, "price": _positive(price)}
    if time_in_force is not None:
        raise ValueError(f"a {kind} order takes no time in force")
    return {"price": _positive(price)}


def _positive(amount: Decimal | str | int) -> str:
    value = money(amount)
    if value <= 0:
        raise ValueError(f"{plain(value)} is not above 0")
    return plain(value)
