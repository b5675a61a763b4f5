"""How long a pass waits for streams, and how old their prices may be, where market time runs at any speed."""

from types import SimpleNamespace

import pytest

from binance_trade_agent.settings import load_settings
from binance_trade_agent.wiring.market_streams import close_wait_s, max_price_age_ms


@pytest.mark.parametrize(("speed", "wait_s", "age_ms"), [(1.0, 2.5, 3_000), (5.0, 0.5, 3_000), (120.0, 0.25, 30_000)])
def test_market_seconds_are_meant_but_a_socket_gets_its_time(speed: float, wait_s: float, age_ms: int) -> None:
    venue = SimpleNamespace(speed=speed, settings=load_settings())
    assert (close_wait_s(venue), max_price_age_ms(venue)) == (wait_s, age_ms)


def test_the_age_is_the_settings() -> None:
    assert max_price_age_ms(SimpleNamespace(speed=1.0, settings=load_settings(max_price_age_seconds=1.5))) == 1_500
