"""A real Prometheus looks at a real daemon that trades through troubles: every query of dashboards and alerts has an answer."""

import time
import urllib.request
from collections.abc import Iterator

import pytest
from dashboarding.live_queries import NEVER_HERE, Prometheus, Question, of_alerts, of_dashboards
from dashboarding.live_world import LiveWorld
from prometheus_client.parser import text_string_to_metric_families
from server_programs import server_program

from binance_trade_agent.telemetry.bottlenecks import bottlenecks
from binance_trade_agent.telemetry.histogram_reading import MetricsReading
from binance_trade_agent.telemetry.metric import PREFIX
from binance_trade_agent.telemetry.metric_catalogue import CATALOGUE

TROUBLES_S = 45.0
MOST_ROUNDS = 3  # whether a trouble meets an order, or a question to the cache, is a matter of moments
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]  # troubles take their time, on whatever machine this is


def unanswered(world: LiveWorld, questions: Iterator[Question]) -> list[str]:
    asked = Prometheus(world.prometheus.port, world.instance)
    return [f"{question.asker}: {question.expression}" for question in asked.unanswered(questions, world.began_s, time.time())]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveWorld]:
    server_program("prometheus", "prometheus")
    server_program("redis-server", "redis-server")
    with LiveWorld(tmp_path_factory.mktemp("dashboards") / "world") as world:
        for _ in range(MOST_ROUNDS):
            world.live(TROUBLES_S)
            if not unanswered(world, of_dashboards()):
                break
        yield world


@pytest.fixture(scope="module")
def shown(world: LiveWorld) -> str:
    with urllib.request.urlopen(f"{world.daemon.address}/metrics", timeout=10) as answer:
        return answer.read().decode()


def test_every_query_of_every_panel_mark_and_choice_gives_figures(world: LiveWorld) -> None:
    assert unanswered(world, of_dashboards()) == []


def test_what_every_alert_looks_at_is_there(world: LiveWorld) -> None:
    assert unanswered(world, of_alerts()) == []


def test_no_excuse_is_made_for_what_has_figures(world: LiveWorld) -> None:
    asked = Prometheus(world.prometheus.port, world.instance)
    excused = [question for question in (*of_dashboards(), *of_alerts()) if question.excuse]
    assert excused
    assert [question.asker for question in excused if asked.has_data(question, world.began_s, time.time())] == []


def test_every_metric_of_the_catalogue_is_shown_and_none_beside_it(shown: str) -> None:
    families = {family.name: family for family in text_string_to_metric_families(shown) if family.name.startswith(PREFIX)}
    named = {metric.full_name.removesuffix("_total"): metric for metric in CATALOGUE}
    assert set(families) == set(named)
    silent = [name for name, family in families.items() if not family.samples]
    assert [name for name in silent if not set(named[name].series) & set(NEVER_HERE)] == []
    for name, family in families.items():
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(named[name].label_names)


def test_no_label_has_a_value_that_its_set_does_not_hold(shown: str) -> None:
    families = {family.name: family for family in text_string_to_metric_families(shown)}
    strange = [
        (metric.name, sample.labels)
        for metric in CATALOGUE
        for sample in families[metric.full_name.removesuffix("_total")].samples
        for label in metric.labels
        if not label.takes(sample.labels[label.name])
    ]
    assert strange == []


def test_stages_account_for_nearly_the_whole_pass_and_the_report_names_them(shown: str) -> None:
    report = bottlenecks(MetricsReading(shown))
    assert report.passes > TROUBLES_S / 10  # troubles hold passes up
    assert report.between < 0.2
    assert report.verdict.startswith(f"The stage {report.stages[0].name} takes")
    assert {cost.name for cost in report.functions} >= {"market_data.fetch_snapshots", "portfolio.finish_pass"}
