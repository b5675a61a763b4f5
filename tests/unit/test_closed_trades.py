"""Closed trades: one for each order that sold, whatever parts it came in, and together exactly what the position realised."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.backtest.closed_trades import closed_trades, flat
from binance_trade_agent.domain.money import total
from binance_trade_agent.domain.order import Fill, Side
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus

STEP = Decimal("0.001")
RULES = SymbolRules("AAAUSDT", "AAA", "USDT", SymbolStatus.TRADING, STEP, STEP, Decimal(10**6), STEP, STEP, Decimal(10**6))


def fill(trade_id: int, order: str, side: Side, price: str, quantity: str, *, fee: str = "0", asset: str = "USDT") -> Fill:
    amount = Decimal(price) * Decimal(quantity)
    return Fill("AAAUSDT", trade_id, 1, order, side, Decimal(price), Decimal(quantity), amount, Decimal(fee), asset, 100 * trade_id, False)


def test_an_order_that_sold_in_two_parts_is_one_trade_net_of_fees():
    fills = [
        fill(1, "in", Side.BUY, "100", "1", fee="1"),
        fill(2, "in", Side.BUY, "102", "1", fee="1"),
        fill(3, "out", Side.SELL, "110", "1.5", fee="2"),
        fill(4, "out", Side.SELL, "112", "0.5", fee="1"),
    ]
    (trade,) = closed_trades(RULES, fills)
    assert (trade.opened_ms, trade.closed_ms, trade.quantity) == (100, 400, 2)
    assert (trade.cost, trade.proceeds, trade.profit) == (204, 218, 14)
    assert trade.share == float(Decimal(14) / 204)


def test_a_part_that_is_sold_is_a_trade_of_its_own_and_the_position_stays_open():
    fills = [
        fill(1, "in", Side.BUY, "100", "2"),
        fill(2, "some", Side.SELL, "110", "1"),
        fill(3, "more", Side.BUY, "120", "1"),
        fill(4, "rest", Side.SELL, "100", "2"),
    ]
    some, rest = closed_trades(RULES, fills)
    assert (some.profit, rest.profit) == (10, -20)
    assert (some.opened_ms, rest.opened_ms) == (100, 100)


def test_a_rest_too_small_to_be_sold_keeps_no_position_open():
    fills = [
        fill(1, "in", Side.BUY, "100", "1", fee="0.0004", asset="AAA"),
        fill(2, "out", Side.SELL, "110", "0.999"),
        fill(3, "again", Side.BUY, "100", "1"),
        fill(4, "end", Side.SELL, "90", "1"),
    ]
    _, second = closed_trades(RULES, fills)
    assert second.opened_ms == 300


def test_without_a_sale_there_is_no_trade():
    assert closed_trades(RULES, [fill(1, "in", Side.BUY, "100", "1")]) == ()


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 500), st.integers(1, 999), st.sampled_from(["USDT", "AAA", "BNB"])), max_size=30))
def test_all_trades_together_are_what_the_position_realised_to_the_last_digit(moves):
    fills, held = [], Decimal(0)
    position = flat(RULES)
    for number, (is_sale, price, size, asset) in enumerate(moves, 1):
        quantity = Decimal(size) * STEP
        if is_sale and quantity > held:
            continue
        fee = quantity / 1000 if asset == "AAA" and not is_sale else Decimal("0.01") if asset != "AAA" else Decimal(0)
        side = Side.SELL if is_sale else Side.BUY
        fills.append(fill(number, f"o{number // 2}-{side}", side, str(price), str(quantity), fee=str(fee), asset=asset))
        position = position.apply(fills[-1])
        held = position.quantity
    assert total(trade.profit for trade in closed_trades(RULES, fills)) == position.realized
