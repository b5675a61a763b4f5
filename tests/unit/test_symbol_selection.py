"""The choice of symbols: what passes the filters by volume, what is held and only sold, and no to and fro at the border."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.domain.symbol_rules import SymbolStatus
from binance_trade_agent.domain.symbol_selection import Candidate, ListingAge, Obstacle, SelectionRules, choose

D = Decimal


def candidate(base: str, volume: int | str = 1_000, **more: object) -> Candidate:
    values: dict[str, object] = {
        "symbol": f"{base}USDT",
        "base_asset": base,
        "quote_asset": "USDT",
        "status": SymbolStatus.TRADING,
        "last_price": D(100),
        "quote_volume": D(volume),
        "bid": D("99.9"),
        "ask": D("100.1"),
        "low": D(98),
        "high": D(103),
        **more,
    }
    return Candidate(**values)  # type: ignore[arg-type]  # values by name, some of them given by a test


def obstacles(*candidates: Candidate, **rules: object) -> dict[str, Obstacle | None]:
    selection = choose(candidates, SelectionRules(**{"count": 10, **rules}))  # type: ignore[arg-type]  # rules by name
    return {verdict.candidate.base_asset: verdict.obstacle for verdict in selection.verdicts}


def test_the_most_traded_are_chosen_and_equals_go_by_name() -> None:
    few = [candidate("C", 5), candidate("A", 7), candidate("B", 5), candidate("D", 9)]
    selection = choose(few, SelectionRules(3))
    assert selection.symbols == ("DUSDT", "AUSDT", "BUSDT")
    assert [(verdict.candidate.base_asset, verdict.rank, verdict.obstacle) for verdict in selection.verdicts] == [
        ("D", 1, None),
        ("A", 2, None),
        ("B", 3, None),
        ("C", 4, Obstacle.RANK),
    ]


@pytest.mark.parametrize(
    ("changed", "rules", "obstacle"),
    [
        ({"status": SymbolStatus.HALT}, {}, Obstacle.NOT_TRADING),
        ({"status": SymbolStatus.UNKNOWN}, {}, Obstacle.NOT_TRADING),
        ({}, {"blacklist": ("SOL*", "A?AUSDT")}, Obstacle.BLACKLISTED),
        ({}, {"whitelist": ("BTC*",)}, Obstacle.NOT_WHITELISTED),
        ({}, {"whitelist": ("BTC*", "*USDT")}, None),
        ({"bid": D(0)}, {}, Obstacle.NO_QUOTE),
        ({"quote_volume": D(0)}, {}, Obstacle.NO_QUOTE),
        ({}, {"min_price": D("100.01")}, Obstacle.PRICE),
        ({}, {"max_price": D("99.99")}, Obstacle.PRICE),
        ({}, {"min_price": D(100), "max_price": D(100)}, None),
        ({"bid": D(98), "ask": D(100)}, {"max_spread": D("0.02")}, None),
        ({"bid": D("97.99"), "ask": D(100)}, {"max_spread": D("0.02")}, Obstacle.SPREAD),
        ({"low": D(100), "high": D(105)}, {"min_range": D("0.05"), "max_range": D("0.05")}, None),
        ({"low": D(100), "high": D("104.9")}, {"min_range": D("0.05")}, Obstacle.VOLATILITY),
        ({"low": D(100), "high": D("105.1")}, {"max_range": D("0.05")}, Obstacle.VOLATILITY),
        ({"age": ListingAge.TOO_YOUNG}, {"min_age_days": 30}, Obstacle.AGE),
        ({"age": ListingAge.UNKNOWN}, {"min_age_days": 30}, Obstacle.AGE),
        ({"age": ListingAge.NOT_ASKED}, {"min_age_days": 30}, None),
        ({"age": ListingAge.TOO_YOUNG}, {}, None),
    ],
)
def test_each_filter_refuses_what_it_is_for_and_nothing_at_its_edge(changed, rules, obstacle) -> None:
    assert obstacles(candidate("ADA", **changed), **rules) == {"ADA": obstacle}


def test_a_leveraged_token_is_another_base_asset_with_an_ending_behind_it() -> None:
    told = obstacles(*(candidate(base) for base in ("BTC", "BTCUP", "BTCDOWN", "JUP", "UP", "SYRUP", "ETHBULL")))
    leveraged = {base for base, obstacle in told.items() if obstacle is Obstacle.LEVERAGED}
    assert leveraged == {"BTCUP", "BTCDOWN"}


def test_a_stable_pair_is_money_on_both_sides() -> None:
    in_bitcoin = candidate("USDC", quote_asset="BTC", symbol="USDCBTC")
    assert obstacles(candidate("USDC"), candidate("EUR"), candidate("BTC")) == {
        "BTC": None,
        "EUR": Obstacle.STABLE_PAIR,
        "USDC": Obstacle.STABLE_PAIR,
    }
    assert obstacles(in_bitcoin) == {"USDC": None}


def test_what_is_held_and_not_chosen_is_only_sold_and_takes_no_place() -> None:
    few = [candidate("A", 9), candidate("B", 8), candidate("C", 7), candidate("H", 1, status=SymbolStatus.HALT)]
    selection = choose(few, SelectionRules(2), kept={"HUSDT", "BUSDT", "GONEUSDT"})
    assert selection.symbols == ("AUSDT", "BUSDT")
    assert selection.exits_only == ("HUSDT",)
    assert selection.verdicts[2].obstacle is Obstacle.NOT_TRADING
    assert selection.verdicts[2].why == "held, or with an open order, so only sold; its status is HALT"
    assert choose(few, SelectionRules(1), kept={"HUSDT", "CUSDT"}).exits_only == ("CUSDT", "HUSDT")


def test_two_that_swap_ranks_at_the_border_do_not_swap_places() -> None:
    rules = SelectionRules(3, slack=1)
    chosen: tuple[str, ...] = ()
    for turn in range(6):
        few = [candidate("A", 9), candidate("B", 8), candidate("C", 5 + turn % 2), candidate("D", 6 - turn % 2)]
        before, chosen = chosen, choose(few, rules, previous=chosen).symbols
        assert not before or set(chosen) == set(before)
    climbed = [candidate("A", 9), candidate("B", 8), candidate("C", 10), candidate("D", 7)]
    assert set(choose(climbed, rules, previous=("AUSDT", "BUSDT", "DUSDT")).symbols) == {"CUSDT", "AUSDT", "BUSDT"}
    fallen = [candidate("A", 9), candidate("B", 8), candidate("C", 7), candidate("E", 6), candidate("D", 5)]
    assert set(choose(fallen, rules, previous=("AUSDT", "BUSDT", "DUSDT")).symbols) == {"AUSDT", "BUSDT", "CUSDT"}


_BASES = st.sampled_from(["BTC", "ETH", "BTCUP", "USDC", "SOL", "ADA", "JUP", "XRP", "DOT", "LTC"])
_CANDIDATES = st.lists(
    st.builds(
        candidate,
        _BASES,
        st.integers(0, 5),
        status=st.sampled_from([SymbolStatus.TRADING, SymbolStatus.TRADING, SymbolStatus.BREAK]),
        bid=st.sampled_from([D(0), D(90), D(100)]),
        age=st.sampled_from(ListingAge),
    ),
    unique_by=lambda made: made.symbol,
)
_RULES = st.builds(
    SelectionRules, st.integers(1, 6), slack=st.integers(0, 8), min_age_days=st.sampled_from([0, 30]), max_spread=st.just(D("0.05"))
)
_SYMBOLS = st.sets(_BASES.map(lambda base: f"{base}USDT"))


@given(_CANDIDATES, _RULES, _SYMBOLS, _SYMBOLS)
def test_whatever_comes_all_have_a_verdict_and_what_is_held_stays(few, rules, previous, kept) -> None:
    selection = choose(few, rules, previous=previous, kept=kept)
    listed = {made.symbol for made in few}
    assert sorted(verdict.candidate.symbol for verdict in selection.verdicts) == sorted(listed)
    assert listed & kept <= {*selection.symbols, *selection.exits_only}
    assert set(selection.exits_only) == (listed & kept) - set(selection.symbols)
    assert len(selection.symbols) <= rules.count
    assert choose(few, rules, previous=previous).symbols == selection.symbols
    for verdict in selection.verdicts:
        assert verdict.why
        assert verdict.is_chosen == (verdict.obstacle is None)
        assert (verdict.rank is None) == (verdict.obstacle not in {None, Obstacle.RANK})


@given(_CANDIDATES, _RULES, _SYMBOLS, _SYMBOLS, st.randoms())
def test_the_choice_does_not_depend_on_the_order_and_stands_when_nothing_changes(few, rules, previous, kept, random) -> None:
    selection = choose(few, rules, previous=previous, kept=kept)
    mixed = random.sample(few, len(few))
    assert choose(mixed, rules, previous=previous, kept=kept) == selection
    assert choose(few, rules, previous=selection.symbols, kept=kept).symbols == selection.symbols


@given(_CANDIDATES, _RULES)
def test_without_slack_the_chosen_are_the_most_traded_of_those_that_pass(few, rules) -> None:
    selection = choose(few, replace(rules, slack=0))
    volumes: dict[bool, list[Decimal]] = {True: [], False: []}
    for verdict in selection.verdicts:
        if verdict.obstacle in {None, Obstacle.RANK}:
            volumes[verdict.is_chosen].append(verdict.candidate.quote_volume)
    assert not volumes[False] or min(volumes[True]) >= max(volumes[False])
