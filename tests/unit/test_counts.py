"""Counts in sentences agree with their nouns, and one is never several."""

from types import SimpleNamespace

from binance_trade_agent.backtest.report.words import verdict_lines
from binance_trade_agent.domain.counts import counted, named


def test_one_is_not_several_and_none_is() -> None:
    assert [counted(number, "order") for number in (0, 1, 2)] == ["0 orders", "1 order", "2 orders"]
    assert [counted(number, "history", "histories") for number in (0, 1, 2)] == ["0 histories", "1 history", "2 histories"]
    assert [named(number, "is", "are") for number in (0, 1, 2)] == ["are", "is", "are"]


def test_the_proof_of_a_report_counts_rightly() -> None:
    proof = SimpleNamespace(balances=1, orders=1, fills=1, holds=True)
    lines = verdict_lines(SimpleNamespace(differences=(), record=SimpleNamespace(proof=proof)))
    assert "1 balance, 1 order and 1 trade compared" in lines[0]
