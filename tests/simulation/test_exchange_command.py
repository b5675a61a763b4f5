"""The `exchange` command: a memory that survives a kill, accounts from a file, and the control address beside it."""

import json
import urllib.request

import pytest
from click.testing import CliRunner
from served_exchange import ask, served_exchange, signed

from binance_trade_agent.cli import commands
from binance_trade_agent.domain.errors import ExitCode
from binance_trade_agent.simulation.faults.weather import drawn_weather
from binance_trade_agent.wiring.embedded_venue import API_KEY, API_SECRET

OWNER = (API_KEY, API_SECRET)
LOW = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}


def price(url: str) -> int:
    return int(float(ask(f"{url}/api/v3/ticker/price?symbol=BTCUSDT")["price"]))


def test_a_memory_survives_a_kill_and_belongs_to_one_process_and_one_market(tmp_path):
    arguments = ("--data", "memory")
    with served_exchange(tmp_path, *arguments) as served:
        url = served.address("listens on")
        bought = signed(url, *OWNER, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
        resting = signed(url, *OWNER, "POST", "order", **LOW, price=price(url) // 2)
        with served_exchange(tmp_path, *arguments) as second:
            assert second.process.wait(30) == ExitCode.BOOK_LOCKED
        served.kill()
    with served_exchange(tmp_path, *arguments) as served:
        url = served.address("listens on")
        assert [order["orderId"] for order in signed(url, *OWNER, "GET", "openOrders")] == [resting["orderId"]]
        assert [trade["id"] for trade in signed(url, *OWNER, "GET", "myTrades", symbol="BTCUSDT")] == [bought["fills"][0]["tradeId"]]
        assert served.stop() == 0
    with served_exchange(tmp_path, *arguments, "--seed", "4") as other:
        assert other.process.wait(30) == ExitCode.CONFIGURATION


def test_accounts_come_from_a_file_and_keep_to_themselves(tmp_path):
    entries = [{"key": f"key-of-{name}", "secret": f"secret-of-{name}", "balances": {"USDT": "1000", "BTC": "0.5"}} for name in "ab"]
    (tmp_path / "accounts.json").write_text(json.dumps(entries))
    with served_exchange(tmp_path, "--accounts", "accounts.json", "--control-port", "0") as served:
        url = served.address("listens on")
        control = served.address("Faults and control")
        signed(url, "key-of-a", "secret-of-a", "POST", "order", **LOW, price=price(url) // 2)
        assert [len(signed(url, f"key-of-{name}", f"secret-of-{name}", "GET", "openOrders")) for name in "ab"] == [1, 0]
        assert signed(url, *OWNER, "GET", "account")["code"] == -2015
        assert ask(control)["accounts"] == [1, 2]
        assert served.stop() == 0
    assert "secret-of" not in served.text


def test_accounts_of_a_file_have_their_own_terms(tmp_path):
    plain = {"key": "plain", "secret": "s", "balances": {"USDT": "1000", "BNB": "1"}}
    own = {
        **plain,
        "key": "own",
        "commission": {"maker": "0.0001", "taker": "0.0002"},
        "pays_in_bnb": True,
        "asset_limits": {"BTC": "0.02"},
    }
    (tmp_path / "accounts.json").write_text(json.dumps([plain, own]))
    with served_exchange(tmp_path, "--accounts", "accounts.json", "--symbols", "BTCUSDT,BNBUSDT") as served:
        url = served.address("listens on")
        buy = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
        fills = {key: signed(url, key, "s", "POST", "order", **buy)["fills"] for key in ("plain", "own")}
        assert {fill["commissionAsset"] for fill in fills["plain"]} == {"BTC"}
        assert {fill["commissionAsset"] for fill in fills["own"]} == {"BNB"}
        assert signed(url, "own", "s", "GET", "account")["commissionRates"]["taker"] == "0.00020000"
        assert signed(url, "own", "s", "POST", "order", **buy | {"quantity": "0.03"})["msg"] == "Filter failure: MAX_ASSET"
        assert served.stop() == 0


def test_the_control_address_breaks_what_it_is_told_to(tmp_path):
    with served_exchange(tmp_path, "--control-port", "0") as served:
        url = served.address("listens on")
        control = served.address("Faults and control")
        assert ask(f"{control}/faults", "POST", {"kind": "answer_5xx_executed", "target": "POST /api/v3/order"}) == {"number": 1}
        assert signed(url, *OWNER, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")["code"] == -1007
        assert len(signed(url, *OWNER, "GET", "myTrades", symbol="BTCUSDT")) == 1
        assert ask(f"{control}/faults")["struck"] == {"answer_5xx_executed": 1}
        assert served.stop() == 0


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "cannot be read"),
        ("{", "is not ["),
        ('[{"key": "k"}]', "secret"),
        ('[{"key": "k", "secret": "do-not-tell", "balance": {}}]', "balance"),
        ('[{"key": "k", "secret": "do-not-tell", "commission": {"maker": "0", "taker": "1.5"}}]', "commission rate"),
        ('[{"key": "k", "secret": "do-not-tell", "asset_limits": {"BTC": "0"}}]', "asset limit"),
        ('[{"key": "k", "secret": "do-not-tell", "asset_limits": {"btc": "1"}}]', "upper-case"),
        ('[{"key": "k", "secret": "do-not-tell", "balances": {"usdt": "1"}}]', "upper-case"),
        ('[{"key": "k", "secret": "do-not-tell", "balances": {"USDT": "NaN"}}]', "a balance is"),
        ('[{"key": "k", "secret": "do-not-tell", "trade_group": -7}]', "trade group"),
        ("[]", "holds 0 accounts"),
        ('[{"key": "k", "secret": "do-not-tell"}, {"key": "k", "secret": "do-not-tell"}]', "one key twice"),
        ('[{"key": "k", "secret": "do-not-tell", "balances": {"USDT": "-1"}}]', "-1 USDT"),
        ('[{"key": "no key!", "secret": "do-not-tell"}]', "1 to 128 letters"),
    ],
)
def test_a_file_of_accounts_that_cannot_be_is_named(tmp_path, content, what):
    path = tmp_path / "accounts.json"
    if content is not None:
        path.write_text(content)
    result = CliRunner().invoke(commands, ["exchange", "--accounts", str(path)])
    assert result.exit_code == ExitCode.CONFIGURATION
    assert what in result.stderr
    assert "do-not-tell" not in result.output


def test_the_history_is_written_at_the_end_and_told_at_any_time(tmp_path):
    with served_exchange(tmp_path, "--history", "history.jsonl", "--control-port", "0") as served:
        url = served.address("listens on")
        control = served.address("Faults and control")
        signed(url, *OWNER, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
        trades = signed(url, *OWNER, "GET", "myTrades", symbol="BTCUSDT")
        with urllib.request.urlopen(f"{control}/history", timeout=30) as answer:
            told = answer.read().splitlines()
        assert not (tmp_path / "history.jsonl").exists()
        assert served.stop() == 0
    written = (tmp_path / "history.jsonl").read_bytes().splitlines()
    assert written[1:] == told[1:]  # the first line tells the time
    (tmp_path / "trades.json").write_text(json.dumps(trades))
    arguments = ["check-history", str(tmp_path / "history.jsonl"), "--trades", str(tmp_path / "trades.json")]
    assert CliRunner().invoke(commands, arguments).exit_code == 0


def test_a_history_that_cannot_be_written_is_refused_before_there_is_one(tmp_path):
    result = CliRunner().invoke(commands, ["exchange", "--history", str(tmp_path / "no" / "such" / "folder")])
    assert result.exit_code == ExitCode.BOOK_FAILED
    assert "folder cannot be written" in result.stderr


def test_a_history_that_can_no_longer_be_written_is_named(tmp_path):
    (tmp_path / "place").mkdir()
    with served_exchange(tmp_path, "--history", "place/history.jsonl") as served:
        served.address("listens on")
        (tmp_path / "place").rmdir()
        assert served.stop() == ExitCode.BOOK_FAILED
    assert "--history place/history.jsonl cannot be written" in served.text


def test_weather_comes_from_its_seed(tmp_path):
    drawn = drawn_weather(7)
    with served_exchange(tmp_path, "--weather", "7", "--control-port", "0") as served:
        served.address("listens on")
        control = served.address("Faults and control")
        assert [entry["fault"]["kind"] for entry in ask(f"{control}/faults")["waiting"]] == [fault.kind for fault in drawn.faults]
        assert len(ask(f"{control}/incidents")["waiting"]) == len(drawn.incidents)
