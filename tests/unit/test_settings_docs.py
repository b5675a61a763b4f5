"""The generated settings documents agree with the catalogue, and no name in the example is one that nobody reads."""

import ast
import re
import subprocess
import sys
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from binance_trade_agent.settings import Settings, load_settings, sources
from binance_trade_agent.settings.documents import COMPOSE_NAMES

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "binance_trade_agent"
ENV_EXAMPLE = ROOT / "config/.env.example"

OTHER_VALUES = {
    "NOTIFY_EVENTS": "errors",
    "TRACING_ENDPOINT": "http://127.0.0.1:4318/v1/traces",
    "TRACING_SAMPLE_RATIO": "0.3",
    "PROTECTION": "exchange",
    "OPEN_ORDERS_AT_STOP": "keep-all",
    "RISK_DAILY_DRAWDOWN_REARMS": "on",
    "RISK_SIZING": "kelly",
    "RISK_MAX_CORRELATED_EXPOSURE": "0.5",
    "RISK_STOP_GUARD_SCOPE": "account",
    "SETTINGS_FILE": "other.toml",
    "TRADING_MODE": "paper",
    "LIVE_TRADING_CONFIRMATION": "no",
    "BINANCE_TESTNET": "false",
    "DEMO_MODE": "true",
    "TRADING_SYMBOLS": "LTCUSDT",
    "CANDLE_INTERVAL": "5m",
    "QUOTE_ASSET": "USDT",
    "SYMBOL_SELECTION": "top-volume",
    "SYMBOL_WHITELIST": "BTC*",
    "SYMBOL_BLACKLIST": "*TRY",
    "SYMBOL_OVERRIDES": '{"BTCUSDT": {"strategy_name": "rsi"}}',
    "STRATEGY_PATH": "mine.py:Mine",
    "STRATEGY_PARAMETERS": '{"period": 5}',
    "BINANCE_BASE_URL": "https://example.org",
    "BINANCE_WEBSOCKET_API_URL": "wss://example.org/ws-api/v3",
    "USER_DATA_STREAM": "off",
    "ORDER_ENTRY": "websocket",
    "BINANCE_STREAM_URL": "wss://example.org",
    "MARKET_DATA": "rest",
    "CANDLES_DIR": ".",
    "CANDLES_SPEED": "5",
    "HTTP_NAMES": "desk.example",
    "LOG_LEVEL": "debug",
    "LOG_FORMAT": "json",
}


def example_names():
    return re.findall(r"^#?([A-Z][A-Z0-9_]*)=", ENV_EXAMPLE.read_text(), re.MULTILINE)


def compose_names():
    return {item.name for item in COMPOSE_NAMES}


@pytest.fixture
def empty_outside(tmp_path, monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, "SECRETS_FOLDER", tmp_path / "run-secrets")
    (tmp_path / "other.toml").write_text("")


@pytest.mark.parametrize("script", ["settings_docs", "metrics_docs", "endpoints_docs", "errors_docs"])
def test_generated_pages_agree_with_the_catalogue(script):
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def other_value(name):
    """A value that is allowed and is not the default."""
    if name in OTHER_VALUES:
        return OTHER_VALUES[name]
    default = Settings.model_fields[name.lower()].default
    if isinstance(default, int):
        return str(default + 1)
    if isinstance(default, float):
        return str(default + 1)
    try:
        return str(Decimal(default) + Decimal("0.001"))
    except (ArithmeticError, TypeError):
        return "other"


@pytest.mark.parametrize("name", [name for name in example_names() if name not in compose_names()])
def test_every_name_of_the_example_is_read(name, empty_outside, monkeypatch):
    before = getattr(load_settings(), name.lower())
    monkeypatch.setenv(name, other_value(name))
    assert getattr(load_settings(), name.lower()) != before


def test_the_example_holds_every_setting_once():
    names = example_names()
    assert sorted(names) == sorted([*(name.upper() for name in Settings.model_fields), *compose_names()])


def test_names_for_compose_alone_appear_in_the_compose_file():
    compose = ROOT / "docker-compose.yml"
    if not compose.is_file():
        pytest.skip("there is no docker-compose.yml")
    text = compose.read_text()
    assert [name for name in sorted(compose_names()) if name not in text] == []


def test_every_setting_has_an_effect_in_the_code():
    """A name that is checked and then used by nobody would be a promise without a keeper."""
    if not (PACKAGE / "cli/run_command.py").is_file():
        pytest.skip("there is no run command to use the settings")
    used = set()
    for path in PACKAGE.rglob("*.py"):
        if path.name in {"catalogue.py", "documents.py"} and path.parent.name == "settings":
            continue
        used |= {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    catalogue = ast.parse((PACKAGE / "settings/catalogue.py").read_text())
    used |= {
        node.attr
        for node in ast.walk(catalogue)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    }
    idle = set(Settings.model_fields) - used - {"settings_file"}
    assert idle == set()


def test_the_toml_example_loads_when_every_line_is_taken_in(empty_outside, tmp_path):
    lines = (ROOT / "config/settings.example.toml").read_text().splitlines()
    taken_in = [line[1:] for line in lines if re.match(r"#[a-z_0-9]+ = ", line) and not line.startswith(("#binance_testnet", "#demo_mode"))]
    path = tmp_path / "all.toml"
    path.write_text("\n".join(taken_in))
    assert set(tomllib.loads(path.read_text())) | {"settings_file", "binance_testnet", "demo_mode"} == {
        name for name, field in Settings.model_fields.items() if "Secret" not in str(field.annotation)
    }
    exclude = {"settings_file"}
    assert load_settings(settings_file=str(path)).model_dump(exclude=exclude) == load_settings().model_dump(exclude=exclude)


def test_the_env_example_loads_when_every_line_is_taken_in(empty_outside, tmp_path):
    (tmp_path / ".env").write_text(re.sub(r"(?m)^#([A-Z])", r"\1", ENV_EXAMPLE.read_text()))
    assert load_settings() == load_settings(**{name: getattr(Settings(), name) for name in ("demo_seed", "http_port")})
