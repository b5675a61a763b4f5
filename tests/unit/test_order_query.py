"""The answer to a question about one order speaks of that order, or it is none."""

import pytest
from scripted_venue import always, opened
from virtual_time import virtual

from binance_trade_agent.domain.errors import BadAnswerError

ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 7,
    "clientOrderId": "bta-a1-2",
    "side": "BUY",
    "type": "MARKET",
    "status": "FILLED",
    "price": "0",
    "origQty": "1",
    "executedQty": "1",
    "cummulativeQuoteQty": "100",
    "updateTime": 1,
}


@virtual
async def test_the_order_that_was_asked_for_is_returned() -> None:
    async with opened(always(200, ORDER)) as (client, _):
        by_name = await client.get_order("BTCUSDT", "bta-a1-2")
        by_number = await client.get_order("BTCUSDT", order_id=7)
    assert by_name == by_number
    assert by_name is not None
    assert by_name.order_id == 7


@pytest.mark.parametrize(
    ("symbol", "client_order_id", "order_id"), [("BTCUSDT", "bta-a1-1", None), ("BTCUSDT", None, 8), ("ETHUSDT", "bta-a1-2", None)]
)
@virtual
async def test_another_order_is_a_bad_answer(symbol, client_order_id, order_id) -> None:
    async with opened(always(200, ORDER)) as (client, _):
        with pytest.raises(BadAnswerError, match="another order"):
            await client.get_order(symbol, client_order_id, order_id=order_id)
