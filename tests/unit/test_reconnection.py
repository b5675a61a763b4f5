"""Connecting again is spread by chance and held within the budget of the address."""

from random import Random

import pytest

from binance_trade_agent.binance.reconnection import STEADY_S, Backoff, ConnectBudget


class LargestDraw(Random):
    """Draws the upper end of every range."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_waits_are_drawn_below_a_ceiling_that_doubles_up_to_a_bound() -> None:
    backoff = Backoff(LargestDraw(), first_s=1, longest_s=5)
    assert [backoff.next_s() for _ in range(5)] == [1, 2, 4, 5, 5]
    many = [Backoff(Random(seed), first_s=8).next_s() for seed in range(200)]
    assert min(many) < 1 < 7 < max(many) <= 8


@pytest.mark.parametrize(("lifetime_s", "next_s"), [(STEADY_S, 1), (STEADY_S - 1, 4)])
def test_only_a_connection_that_lasted_lets_the_waits_begin_anew(lifetime_s: float, next_s: float) -> None:
    backoff = Backoff(LargestDraw(), first_s=1)
    backoff.next_s()
    backoff.next_s()
    backoff.note_lifetime(lifetime_s)
    assert backoff.next_s() == next_s


def test_a_connect_beyond_the_budget_waits_until_the_oldest_has_left_the_window() -> None:
    now = [0.0]
    budget = ConnectBudget(lambda: now[0], most=2, window_s=300)
    assert budget.take() == 0
    now[0] = 100
    assert [budget.take() for _ in range(4)] == [0, 200, 300, 500]
    now[0] = 1_000
    assert budget.take() == 0
