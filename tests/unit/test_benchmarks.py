"""The benchmarks' code for our own side, run with tiny sizes and without any peer, so that it cannot rot."""

import asyncio
import hmac
from decimal import Decimal
from pathlib import Path

import pytest
from benchmarks import __main__ as command_line
from benchmarks import (
    canned,
    client,
    decode,
    exchange_engine,
    exchange_faces,
    exchange_markets,
    idle,
    imports,
    live_pass,
    optimising,
    passes,
    recovery,
    report,
    sign,
    stream,
    tick,
    traded_book,
    watching,
)
from benchmarks.fast_time import FastLoop
from benchmarks.measuring import Plan, cost_us, sync_cost_us
from benchmarks.own_client import EVERYTHING, HELD, own_calls
from benchmarks.push_server import push_server
from benchmarks.web_server import web_server
from server_programs import server_program

from binance_trade_agent.storage import scheduled_backup

TINY = Plan(rounds=1, turn_s=0.0001)


@pytest.fixture
def nginx() -> None:
    server_program("nginx", "nginx-light")


@pytest.mark.usefixtures("nginx")
async def test_our_calls_are_answered_with_typed_results_and_their_cost_is_measured() -> None:
    with web_server() as server:
        async with own_calls(server) as calls:
            assert tuple(calls) == client.CALLS
            assert await calls["price"]() == Decimal("67234.12")
            assert [len(await calls[f"{count} candles"]()) for count in (100, 500)] == [100, 500]
            for kind in (HELD, EVERYTHING):
                assert len((await calls[kind]()).balances) == canned.HELD_BALANCES
        table = await client.measure_own(TINY, server)
    assert [row[0] for row in table.rows] == ["ours"]
    assert all(cost > 0 for cost in table.rows[0][1::2])


@pytest.mark.usefixtures("nginx")
async def test_a_pass_over_some_symbols_is_measured_with_the_requests_it_makes() -> None:
    with web_server(latency_ms=1, answers=passes.price_answers(2)) as server:
        table = await passes.pass_table(server, 1, {2: 10.0}, TINY, with_httpx=False)
        live = await live_pass.live_pass_table(server, 2, TINY)
    assert table.rows[0][:3] == ["2 symbols", 3, 1.0]
    assert (live.rows[0][0], live.rows[0][2]) == ("2 symbols", 0)


@pytest.mark.usefixtures("nginx")
def test_hours_of_an_idle_client_pass_quickly_and_all_its_connections_expire() -> None:
    with web_server() as server, push_server() as pusher, asyncio.Runner(loop_factory=lambda: FastLoop(36_000)) as runner:
        table = runner.run(idle.idle_table(server, pusher, 2, 1))
    assert table.title.startswith("2 idle hours, with 120 connections")
    assert [row[0] for row in table.rows] == [idle.BLOCKS, idle.RESIDENT, idle.HELD]


async def test_every_event_of_a_flood_is_taken_in() -> None:
    with push_server(flood=200) as server:
        table = await stream.stream_table(server, {stream.OURS: stream.watch_ours}, TINY)
    assert [row[0] for row in table.rows] == ["ours"]
    assert table.rows[0][1] > 0


@pytest.mark.parametrize("opened", [tick.without_journal, tick.with_journal])
async def test_every_tick_after_the_first_window_leads_to_an_order(opened) -> None:
    with push_server(ticks=tick.WINDOW + 30, per_second=100) as server:
        ways = dict(await tick.latencies(server, tick.WINDOW + 30, opened))
    assert list(ways) == ["in process", "wire to wire"]
    for *quantiles_ms, orders, cpu_us in ways.values():
        assert (orders, quantiles_ms) == (30, sorted(quantiles_ms))
        assert cpu_us > 0


@pytest.mark.parametrize("name", decode.own_decoders())
def test_our_decoders_take_the_canned_answers(name: str) -> None:
    body = decode.bodies()[name]
    assert decode.own_decoders()[name](body)
    assert decode.contenders(name)[decode.ORJSON_EXACT](body)


@pytest.mark.parametrize("kind", sign.private_keys())
def test_what_is_measured_as_signing_signs(kind: str) -> None:
    query = sign.own_signing(kind, sign.private_keys()[kind])()
    payload, _, signature = query.partition("&signature=")
    assert payload.startswith("symbol=BTCUSDT&side=BUY")
    if kind == "HMAC":
        assert signature == hmac.digest(sign.SECRET.encode(), payload.encode(), "sha256").hex()
    else:
        assert len(signature) >= {"Ed25519": 86, "RSA-2048": 342}[kind]


def test_importing_is_measured_in_a_new_interpreter() -> None:
    table = imports.import_table(dict.fromkeys(imports.OWN, "pass"), TINY)
    assert [row[0] for row in table.rows] == list(imports.OWN)
    assert [target.what for target in table.targets] == ["import of binance_trade_agent, s", "import of all stations, s"]


def test_a_search_is_measured_with_one_worker_and_with_two() -> None:
    table = optimising.optimise_table(optimising.Size(symbols=1, days=4.0, trials=3, empty_trials=3), TINY)
    assert [row[0] for row in table.rows] == ["1 worker", "2 workers"]
    assert all(figure > 0 for row in table.rows for figure in row[1:])
    assert table.title.startswith("Optimisation: ")


async def test_rounds_are_taken_in_turns_and_every_call_is_made() -> None:
    made: list[str] = []

    async def call(name: str) -> None:
        made.append(name)

    costs = await cost_us({"a": lambda: call("a"), "b": lambda: call("b")}, 3, Plan(rounds=2, turn_s=0))
    assert set(costs) == {"a", "b"}
    assert made[-80:] == (["a"] * 20 + ["b"] * 20) * 2
    assert sync_cost_us({"c": lambda: made.append("c")}, TINY)["c"] > 0


def test_without_nginx_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("benchmarks.nginx.find_program", lambda _name: None)
    monkeypatch.setattr("sys.argv", ["bench", "pass"])
    assert command_line.main() == 2
    assert "apt-get install nginx-light" in capsys.readouterr().err


def test_the_page_is_written_from_figures_that_were_measured_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    report.Report("scripts/bench all", "a machine", {}, [report.Table("Things", ("", "cost"), [("ours", 1.0)])]).save(figures)
    monkeypatch.setattr(command_line, "PAGE", tmp_path / "performance.md")
    monkeypatch.setattr("sys.argv", ["bench", "--from", str(figures), "--page"])
    assert command_line.main() == 0
    text = (tmp_path / "performance.md").read_text()
    assert text.startswith("# Performance\n")
    assert "Measured by `scripts/bench all` on a machine." in text


def test_what_was_measured_again_takes_the_place_of_what_was_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, other = (tmp_path / f"{name}.json" for name in ("all", "again", "elsewhere"))
    tables = [report.Table(name, ("", "cost"), [("ours", 1.0)]) for name in ("Things", "Others")]
    report.Report("scripts/bench all", "a machine", {}, tables).save(first)
    report.Report("scripts/bench things", "a machine", {}, [report.Table("Things", ("", "cost"), [("ours", 2.0)])]).save(second)
    report.Report("scripts/bench things", "another", {}, []).save(other)
    monkeypatch.setattr(command_line, "PAGE", tmp_path / "performance.md")
    monkeypatch.setattr("sys.argv", ["bench", "--page", "--from", str(first), str(second)])
    assert command_line.main() == 0
    text = (tmp_path / "performance.md").read_text()
    assert "Measured by `scripts/bench all`, and later `scripts/bench things` on a machine." in text
    assert [line for line in text.splitlines() if line.startswith(("##", "| ours"))] == [
        "## Things",
        "| ours | 2    |",
        "## Others",
        "| ours | 1    |",
    ]
    monkeypatch.setattr("sys.argv", ["bench", "--from", str(first), str(other)])
    assert command_line.main() == 2
    assert "measured on a machine and another" in capsys.readouterr().err


def test_a_report_comes_back_from_its_file_and_says_which_targets_are_met(tmp_path: Path) -> None:
    targets = (report.Target("cost", 0.5, 0.4), report.Target("speed", 3.0, 2.0, at_least=True))
    table = report.Table("Things", ("", "cost"), [("ours", 1234.5), ("other", None)], targets, ("A note.",))
    written = report.Report("scripts/bench things", "a machine", {"a": "1"}, [table])
    path = tmp_path / "deep" / "figures.json"
    written.save(path)
    text = report.Report.load(path).markdown
    assert text == written.markdown
    assert [line.split("|")[1:5] for line in text.splitlines() if line.startswith(("| cost", "| speed"))] == [
        [" cost   ", " 0.5      ", " <= 0.4 ", " NOT MET "],
        [" speed  ", " 3        ", " >= 2   ", " met     "],
    ]
    assert "| ours  | 1,234 |" in text


def test_the_engines_book_stays_as_it_is_while_it_is_measured():
    (table,) = exchange_engine.measure(TINY)
    assert [row[0] for row in table.rows] == ["rests", "canceled", "matched"]
    pit = exchange_engine.Pit()
    before = pit.engine.visible_ladder(exchange_engine.SYMBOL, 0)
    assert (len(before.bids), len(before.asks)) == (exchange_engine.LEVELS, exchange_engine.LEVELS)
    for request in exchange_engine.pairs(3):
        pit.place(request)
    assert pit.engine.visible_ladder(exchange_engine.SYMBOL, 0) == before


def test_requests_to_the_exchange_in_process_are_answered_and_their_cost_is_measured() -> None:
    table = exchange_faces.in_process(TINY)
    assert [row[0] for row in table.rows] == ["account", "open orders", "order test", "order and cancel"]
    assert all(isinstance(row[1], float) and row[1] > 0 for row in table.rows)


async def test_the_exchange_is_measured_over_sockets_by_the_cpu_time_of_its_process() -> None:
    requests, streams = await exchange_faces.over_sockets(("ETHUSDT",), requests_a_kind=20, stream_s=0.6)
    assert len(requests.rows) == len(exchange_faces.requests(""))
    messages_per_second = streams.rows[0][3]
    assert isinstance(messages_per_second, float)
    assert messages_per_second > 0


def test_the_size_of_many_symbols_is_measured_in_a_process_of_their_own() -> None:
    table = exchange_markets.sizes(2)
    figures = dict(table.rows)
    assert figures["memory with 2,000 levels and 2,880 candles, MiB"] > figures["memory before, MiB"] > 0
    assert figures["one second of every symbol, ms of CPU"] > 0
    assert [target.limit for target in table.targets] == [500, 1.0]


def test_recorded_trades_are_read_and_played() -> None:
    rows = exchange_markets.recorded(200).rows
    assert all(isinstance(per_second, float) and per_second > 0 for _, per_second in rows)


def test_a_killed_daemon_comes_back_on_a_book_with_a_past_that_adds_up(tmp_path: Path) -> None:
    table = recovery.recovery_table((30,), rounds=1)
    assert table.rows[0][0] == "30 fills"
    assert 0 < table.rows[0][2] < table.rows[0][3] < table.rows[0][4]
    asyncio.run(traded_book.make_book(tmp_path / "book.sqlite", ("BTCUSDT", "ETHUSDT"), 30))
    scheduled_backup.read_through(tmp_path / "book.sqlite")


def test_what_watching_costs_is_measured_on_passes_that_trade(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PASSES", 4)
    monkeypatch.setattr(watching, "WARM_UP", 2)
    (table,) = watching.measure(Plan(rounds=1))
    assert [row[0] for row in table.rows[:4]] == ["nobody", "metrics", "log lines", "metrics and log lines"]
    assert [row[0] for row in table.rows[4:]] == [
        "traces, not sent",
        "traces as by default",
        "traces of all passes",
        "all three, traces as by default",
        "all three, traces of all passes",
    ]
    assert all(row[1] > 0 for row in table.rows)
    assert table.rows[0][2:] == [0, 1]
