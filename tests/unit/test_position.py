"""Positions at average cost: quantities, costs and profits that add up to the last digit."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from binance_trade_agent.domain.order import Fill, Side
from binance_trade_agent.domain.position import Position

EMPTY = Position("BTCUSDT", "BTC", "USDT")


def fill(side, quantity, price, *, commission="0", asset="USDT", trade_id=1, time_ms=1):
    quantity, price = Decimal(quantity), Decimal(price)
    return Fill("BTCUSDT", trade_id, 1, "", side, price, quantity, quantity * price, Decimal(commission), asset, time_ms, False)


@st.composite
def trades(draw):
    """Buys and sells that never sell more than is held, commissions in base, quote or a third asset."""
    position, result = EMPTY, []
    for number in range(draw(st.integers(1, 15))):
        price = draw(st.decimals(min_value=Decimal("0.01"), max_value=100_000, places=2))
        selling = position.quantity > Decimal("0.001") and draw(st.booleans())
        most = position.quantity * Decimal("0.99") if selling else Decimal(100)
        quantity = draw(st.decimals(min_value=Decimal("0.00001"), max_value=most.quantize(Decimal("1e-8")), places=8))
        asset = draw(st.sampled_from(["BTC", "USDT", "BNB"]))
        basis = {"BTC": quantity, "USDT": quantity * price, "BNB": Decimal(1)}[asset]
        commission = plain_share(basis)
        side = Side.SELL if selling else Side.BUY
        result.append(fill(side, quantity, price, commission=str(commission), asset=asset, trade_id=number, time_ms=number))
        position = position.apply(result[-1])
    return result


def plain_share(basis):
    return (basis * Decimal("0.001")).quantize(Decimal("1e-8"))


def after(fills):
    position = EMPTY
    for each in fills:
        position = position.apply(each)
    return position


@given(trades(), st.decimals(min_value=0, max_value=100_000, places=2))
def test_realised_and_unrealised_profit_together_are_money_in_less_money_out(fills, mark):
    position = after(fills)
    cash = sum((-each.quote_quantity if each.side is Side.BUY else each.quote_quantity for each in fills), Decimal(0))
    cash -= sum((each.commission for each in fills if each.commission_asset == "USDT"), Decimal(0))
    assert position.realized + position.unrealized(mark) == cash + position.value(mark)


@given(trades())
def test_the_quantity_is_what_was_traded_less_commissions_in_the_base_asset(fills):
    traded = sum((each.quantity if each.side is Side.BUY else -each.quantity for each in fills), Decimal(0))
    charged = sum((each.commission for each in fills if each.commission_asset == "BTC"), Decimal(0))
    assert after(fills).quantity == traded - charged


@given(trades())
def test_selling_everything_leaves_no_cost_behind(fills):
    position = after(fills)
    closed = position.apply(fill(Side.SELL, position.quantity, "50"))
    assert closed.quantity == 0
    assert closed.cost == 0
    assert closed.average_price == 0


def test_a_buy_averages_the_price_commission_in_quote_included():
    position = after([fill(Side.BUY, "1", "100", commission="1"), fill(Side.BUY, "1", "200", commission="1")])
    assert position.average_price == Decimal("151")
    assert position.unrealized(Decimal("160")) == Decimal("18")


def test_a_sale_realises_against_average_cost_and_leaves_the_average_alone():
    bought = after([fill(Side.BUY, "2", "100")])
    sold = bought.apply(fill(Side.SELL, "0.5", "120", commission="0.06"))
    assert sold.realized == Decimal("9.94")
    assert sold.average_price == Decimal("100")


def test_a_commission_in_a_third_asset_touches_neither_quantity_nor_cost():
    position = after([fill(Side.BUY, "1", "100", commission="0.01", asset="BNB")])
    assert (position.quantity, position.cost) == (1, 100)


def test_opened_is_when_the_position_left_zero_and_a_new_round_opens_anew():
    first = after([fill(Side.BUY, "1", "1", time_ms=5), fill(Side.BUY, "1", "1", time_ms=6)])
    assert first.opened_ms == 5
    again = first.apply(fill(Side.SELL, "2", "1", time_ms=7)).apply(fill(Side.BUY, "1", "1", time_ms=9))
    assert again.opened_ms == 9


@pytest.mark.parametrize("price", ["98765432109.12", "123456789012345.67"])
def test_prices_with_many_digits_are_reckoned_without_rounding(price):
    bought = EMPTY.apply(fill(Side.BUY, "3", price))
    left = bought.apply(fill(Side.SELL, "1", price))
    assert left.realized + left.unrealized(Decimal(price)) == 0


@given(trades(), st.integers(1, 9))
def test_what_is_written_down_takes_its_share_of_the_cost_and_realises_nothing(fills, tenths):
    before = after(fills)
    assume(before.quantity > 0)
    gone = (before.quantity * tenths / 10).quantize(Decimal("1e-8"))
    assume(0 < gone < before.quantity)
    left = before.written_down(gone, 9)
    assert left.quantity + gone == before.quantity
    assert left.realized == before.realized
    # To the last of the eighteen decimals that the share and the cost have.
    assert abs(left.cost * before.quantity - before.cost * left.quantity) <= Decimal("1e-18") * (1 + before.cost) * before.quantity
    rest = left.written_down(left.quantity, 10)
    assert (rest.quantity, rest.cost) == (0, 0)


@pytest.mark.parametrize("quantity", ["0", "-1", "1.00000001"])
def test_no_more_can_be_written_down_than_is_held(quantity):
    with pytest.raises(ValueError, match="cannot be taken from 1"):
        after([fill(Side.BUY, 1, 100)]).written_down(Decimal(quantity), 1)
