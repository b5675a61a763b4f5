"""ConditionalFields: what an order's answer shows under conditions only. Source: rest-api.md, "Conditional fields in Order Responses"."""

from decimal import Decimal

from binance_trade_agent.binance.answers.shape import Answer


class ConditionalFields(Answer, frozen=True, kw_only=True, gc=False):
    """The fields that a placement and a query have in common; None where the condition does not hold."""

    stop_price: Decimal | None = None
    iceberg_qty: Decimal | None = None
    trailing_delta: int | None = None
    trailing_time_ms: int | None = None
    strategy_id: int | None = None
    strategy_type: int | None = None
    prevented_match_id: int | None = None
    prevented_quantity: Decimal | None = None
    used_sor: bool | None = None
    working_floor: str | None = None
    peg_price_type: str | None = None
    peg_offset_type: str | None = None
    peg_offset_value: int | None = None
    pegged_price: Decimal | None = None
    expiry_reason: str | None = None
