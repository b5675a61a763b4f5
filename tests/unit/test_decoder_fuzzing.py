"""Hostile answers against everything that reads the wire, in small numbers; scripts/fuzz does the same for as long as one likes."""

from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

import pytest
from fuzzing import seeds, soundness
from fuzzing.mutations import MOST_BYTES, hostile_bodies
from fuzzing.targets import Target, check_decoder, targets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from binance_trade_agent.binance.endpoints import ENDPOINTS
from binance_trade_agent.domain.errors import BadAnswerError

TARGETS = targets()
REST = {name: target for name, target in TARGETS.items() if name.startswith("REST ")}
OTHERS = {name: target for name, target in TARGETS.items() if name not in REST}


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(REST)).flatmap(lambda name: st.tuples(st.just(REST[name]), REST[name].inputs)))
def test_no_rest_answer_gets_past_its_decoder_unsound(drawn: tuple[Target, object]) -> None:
    target, given_input = drawn
    target.check(given_input)


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_else_that_comes_over_a_wire_does_either(name: str) -> None:
    @settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
    @given(OTHERS[name].inputs)
    def attack(drawn: object) -> None:
        OTHERS[name].check(drawn)

    attack()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_some_of_what_hostile_answers_are_made_from_is_right(endpoint) -> None:
    read = 0
    for seed in seeds.rest_seeds()[endpoint.name]:
        with suppress(BadAnswerError):
            endpoint.decode(seeds.canned.compact(seed))
            read += 1
    assert read > 0


@given(hostile_bodies([{"a": ["1.5", {"b": 2}]}]))
def test_hostile_bodies_are_bounded(body: bytes) -> None:
    assert len(body) <= MOST_BYTES


@dataclass(frozen=True)
class Holder:
    held: object


@pytest.mark.parametrize(
    "value", [Decimal("NaN"), Decimal("Infinity"), Decimal("1e40"), Decimal("1e-40"), float("nan"), float("inf"), range(0)]
)
def test_unsound_results_are_seen_however_deep_they_lie(value: object) -> None:
    result = Holder([{"key": (value,)}]) if not isinstance(value, range) else [0] * 1_000
    with pytest.raises(AssertionError):
        soundness.assert_sound(result, 10)


def test_an_error_that_is_not_documented_is_seen() -> None:
    def bad(body: bytes) -> None:
        raise BadAnswerError("x") if body else KeyError("x")

    check_decoder(bad, b"x")
    with pytest.raises(KeyError):
        check_decoder(bad, b"")
