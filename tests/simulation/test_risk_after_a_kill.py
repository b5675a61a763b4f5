"""What risk remembers of sales is what the book has of them, wherever between the two writes the process was killed."""

import pytest
from virtual_pilot import Pilot

from binance_trade_agent.simulation.virtual_loop import run_virtual


class KilledError(Exception):
    """Stands for a kill."""


async def _killed(*_):
    raise KilledError


def lives(open_agent, *acts, **settings):
    """One agent after the other with the same book and exchange; each act is told its pilot, right after the start or before it."""

    async def main():
        for act in acts:
            async with open_agent(in_memory=False, **settings) as components:
                await act(Pilot(components))

    run_virtual(main())


def closed(pilot):
    """Closing orders that risk has counted: when, which symbol and what they realised."""
    return [(each.number, each.symbol, each.realized) for each in pilot.components.risk.state.closed]


async def realized(pilot):
    return {position.symbol: position.realized for position in await pilot.components.store.positions()}


@pytest.mark.parametrize("cut", ["save_risk_state", "finish_pass"])
def test_a_sale_that_was_booked_before_a_kill_counts_once(open_agent, cut):
    kept = {}

    async def sell_and_die(pilot):
        await pilot.orchestrator.start()
        await pilot.warm_up()
        await pilot.passes(1)
        while not pilot.components.portfolio.held_symbols:
            await pilot.passes(1)
        setattr(pilot.components.portfolio, cut, _killed)
        with pytest.raises(KilledError):
            await pilot.passes(2)
        kept["realized"] = await realized(pilot)
        assert all(kept["realized"].values())

    async def begin_again(pilot):
        assert {symbol: amount for _, symbol, amount in closed(pilot)} == kept["realized"]
        kept["closed"] = closed(pilot)
        await pilot.orchestrator.start()
        await pilot.passes(1)
        assert closed(pilot)[: len(kept["closed"])] == kept["closed"]
        kept["closed"] = closed(pilot)

    async def begin_once_more(pilot):
        assert closed(pilot) == kept["closed"]

    lives(open_agent, sell_and_die, begin_again, begin_once_more)


def test_with_a_sale_that_was_missed_a_streak_pauses_entries(open_agent):
    async def sell_and_die(pilot):
        await pilot.orchestrator.start()
        await pilot.warm_up()
        while not pilot.components.portfolio.held_symbols:
            await pilot.passes(1)
        pilot.components.portfolio.save_risk_state = _killed
        with pytest.raises(KilledError):
            await pilot.passes(2)

    async def begin_again(pilot):
        (rest,) = pilot.components.risk.resting(pilot.components.portfolio.view())
        assert rest.rule == "loss_streak"

    lives(open_agent, sell_and_die, begin_again, risk_max_loss_streak=1, demo_fee_rate="0.05", risk_loss_pause_seconds=3600)
