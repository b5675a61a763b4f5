"""The one table of order states: what must be in it, what must never be, and that every path can end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.domain.client_order_id import client_order_id, number_of
from binance_trade_agent.domain.errors import IllegalTransitionError
from binance_trade_agent.domain.order import TRANSITIONS, ExchangeStatus, OrderEvent, OrderState, next_state

REPORTS = {OrderEvent.ACCEPT, OrderEvent.PARTIAL_FILL, OrderEvent.FILL, OrderEvent.CANCEL, OrderEvent.EXPIRE, OrderEvent.REJECT}


@given(st.sampled_from(OrderState), st.sampled_from(OrderEvent))
def test_a_pair_is_in_the_table_or_an_error_and_never_ignored(state, event):
    if (state, event) in TRANSITIONS:
        assert next_state(state, event) is TRANSITIONS[(state, event)]
    else:
        with pytest.raises(IllegalTransitionError, match=rf"{state}.*{event}"):
            next_state(state, event)


@given(st.lists(st.sampled_from(OrderEvent), max_size=30))
def test_an_order_once_sent_is_never_called_unsent_after_the_exchange_spoke(events):
    state, spoken = OrderState.INTENDED, False
    for event in events:
        try:
            state = next_state(state, event)
        except IllegalTransitionError:
            continue
        spoken = spoken or event in REPORTS
        if spoken:
            assert state not in {OrderState.INTENDED, OrderState.NOT_SENT, OrderState.SENT, OrderState.UNKNOWN, OrderState.NEVER_PLACED}


@pytest.mark.parametrize("state", [state for state in OrderState if state.is_terminal and state is not OrderState.NEVER_PLACED])
def test_nothing_follows_a_final_state(state):
    assert not [event for event in OrderEvent if (state, event) in TRANSITIONS]


def test_an_order_proven_absent_is_adopted_when_the_exchange_shows_it_after_all():
    adopted = {next_state(OrderState.NEVER_PLACED, event) for event in REPORTS}
    assert OrderState.FILLED in adopted
    assert OrderState.NEW in adopted
    with pytest.raises(IllegalTransitionError):
        next_state(OrderState.NEVER_PLACED, OrderEvent.SEND)


def test_only_an_order_of_unknown_fate_can_be_proven_absent():
    assert [state for state in OrderState if (state, OrderEvent.PROVE_ABSENT) in TRANSITIONS] == [OrderState.UNKNOWN]


def test_only_an_intent_can_be_sent_so_that_nothing_is_sent_twice():
    assert [state for state in OrderState if (state, OrderEvent.SEND) in TRANSITIONS] == [OrderState.INTENDED]


def test_every_open_state_can_come_to_an_end():
    ending = {state for state in OrderState if state.is_terminal}
    while grown := {state for (state, _), to in TRANSITIONS.items() if to in ending} - ending:
        ending |= grown
    assert ending == set(OrderState)


@pytest.mark.parametrize("status", list(ExchangeStatus))
def test_every_status_of_the_exchange_settles_an_order_of_unknown_fate(status):
    assert next_state(OrderState.UNKNOWN, status.event).value in {status.value, "NEW", "EXPIRED"}


@given(st.from_regex(r"\A[0-9a-z]{1,16}\Z"), st.integers(1, 10**15 - 1))
def test_client_order_ids_carry_their_number_for_their_own_account_only(epoch, number):
    text = client_order_id(epoch, number)
    assert len(text) <= 36
    assert number_of(text, epoch) == number
    assert number_of(text, "x" if epoch != "x" else "y") is None


@pytest.mark.parametrize(("epoch", "number"), [("", 1), ("A", 1), ("a-b", 1), ("a" * 17, 1), ("a", -1), ("a", 10**15)])
def test_an_epoch_or_number_that_an_id_cannot_carry_is_refused(epoch, number):
    with pytest.raises(ValueError, match="no valid client order id"):
        client_order_id(epoch, number)
