"""The container files hold together: ports, rights, health, stop times, and no password that anybody knows."""

import re
from pathlib import Path

import pytest
import yaml

from binance_trade_agent.domain.errors import ExitCode
from binance_trade_agent.service.stop_stages import StopStage, stop_bounds
from binance_trade_agent.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
RUNNING = {name: service for name, service in SERVICES.items() if name != "bench"}
"""Without the one that is a command, which ends by itself."""
DOCKERFILE = (ROOT / "Dockerfile").read_text()
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
MARGIN_S = 10
"""What the process may need beside the stages of a stop, on a machine that is busy."""


def published() -> list[tuple[str, str, str]]:
    return [tuple(port.split(":")) for service in SERVICES.values() for port in service.get("ports", [])]


def test_no_two_services_want_one_port_of_the_host() -> None:
    ports = [host_port for _, host_port, _ in published()]
    assert len(ports) == len(set(ports)) == 6


def test_what_not_everybody_wants_is_started_only_by_its_profile() -> None:
    profiles = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert profiles == {
        "alertmanager": ["alerting"],
        "redis": ["redis"],
        "jaeger": ["tracing"],
        "exchange": ["exchange"],
        "bench": ["bench"],
    }
    for name in profiles:
        started = f"--profile {profiles[name][0]}" if name in RUNNING else f"docker compose run --rm {name}"
        assert started in (ROOT / "docker-compose.yml").read_text()
        assert not any(name in service.get("depends_on", {}) for service in SERVICES.values())


def test_the_cache_is_reached_by_no_one_outside() -> None:
    cache = SERVICES["redis"]
    assert "ports" not in cache
    assert cache["user"] == "10001:10001"
    assert "128mb" in cache["command"]


def test_traces_are_taken_where_the_daemon_is_told_to_send_them_and_shown_where_grafana_looks() -> None:
    config = yaml.safe_load((ROOT / "config/jaeger.yml").read_text())
    address = re.search(r"TRACING_ENDPOINT=(\S+)", (ROOT / "docker-compose.yml").read_text()).group(1)
    assert load_settings(tracing_endpoint=address).tracing_endpoint == address
    assert address == "http://jaeger:" + config["receivers"]["otlp"]["protocols"]["http"]["endpoint"].split(":")[1] + "/v1/traces"
    (source,) = yaml.safe_load((ROOT / "grafana/provisioning/datasources/jaeger.yml").read_text())["datasources"]
    assert source["url"] == "http://jaeger:" + config["extensions"]["jaeger_query"]["http"]["endpoint"].split(":")[1]
    health = config["extensions"]["healthcheckv2"]["http"]["endpoint"].split(":")[1]
    assert f"127.0.0.1:{health}/" in SERVICES["jaeger"]["healthcheck"]["test"][-1]
    assert config["extensions"]["jaeger_storage"]["backends"]["memory"]["memory"]["max_traces"] <= 5_000


def test_the_page_tells_the_bounds_that_hold() -> None:
    page = (ROOT / "docs/containers.md").read_text()
    for name, service in SERVICES.items():
        (line,) = (line for line in page.splitlines() if line.startswith(f"| {name} | "))
        _, port, memory, processor, processes, root = (cell.strip() for cell in line.strip("|").split("|"))
        assert port == (service["ports"][0].split(":")[1] if "ports" in service else "none")
        assert memory == re.sub(r"(\d+)([mg])", lambda found: f"{found[1]} {'MiB' if found[2] == 'm' else 'GiB'}", service["mem_limit"])
        assert processor == ("what is left" if "cpu_shares" in service else str(service.get("cpus", "no limit")))
        assert int(processes) == service["pids_limit"]
        assert root == ("read-only" if service.get("read_only") else "writable")
    for service in RUNNING.values():
        for profile in service.get("profiles", ()):
            assert f"--profile {profile} up" in page


def test_no_service_can_take_all_of_the_machine() -> None:
    for name, service in SERVICES.items():
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"]), name
        assert service["pids_limit"] <= (256 if name in RUNNING else 1024), name
        assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}, name
        # The rest must leave the processor to the daemon, which has no limit of its own.
        assert ("cpus" in service or service.get("cpu_shares", 1024) < 1024) == (name != "trading-agent"), name


def test_the_alert_on_memory_fires_before_the_kernel_ends_the_daemon() -> None:
    rules = (ROOT / "config/alerts/service.yml").read_text()
    mib = int(re.search(r"process_resident_memory_bytes\S* > (\d+) \* 1024 \* 1024", rules).group(1))
    assert SERVICES["trading-agent"]["mem_limit"] == "1g"
    assert 0.7 * 1024 < mib < 0.9 * 1024


def test_nothing_is_published_beyond_this_machine() -> None:
    assert {address for address, _, _ in published()} == {"127.0.0.1"}


def test_the_agent_listens_where_its_port_is_published_and_where_prometheus_looks() -> None:
    agent = SERVICES["trading-agent"]
    port = agent["environment"]["HTTP_PORT"]
    assert agent["environment"]["HTTP_HOST"] == "0.0.0.0"
    assert agent["ports"] == [f"127.0.0.1:8080:{port}"]
    jobs = {job["job_name"]: job for job in yaml.safe_load((ROOT / "config/prometheus.yml").read_text())["scrape_configs"]}
    assert jobs["trade-agent"]["static_configs"] == [{"targets": [f"trading-agent:{port}"]}]


def test_every_service_can_be_asked_for_its_health_and_waits_for_the_one_before() -> None:
    for service in RUNNING.values():
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["restart"] == "unless-stopped"
    assert SERVICES["prometheus"]["depends_on"] == {"trading-agent": {"condition": "service_healthy"}}
    assert SERVICES["grafana"]["depends_on"] == {"prometheus": {"condition": "service_healthy"}}


def test_docker_waits_longer_than_the_daemon_needs_to_stop() -> None:
    agent = SERVICES["trading-agent"]
    environment = {"shutdown_timeout_seconds": float(agent["environment"]["SHUTDOWN_TIMEOUT_SECONDS"])}
    bounds = stop_bounds(load_settings(**environment))
    assert list(bounds) == list(StopStage)
    assert float(agent["stop_grace_period"].removesuffix("s")) >= sum(bounds.values()) + MARGIN_S
    table = RUNBOOK.partition("| Stage of a stop |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in table.splitlines()[2:]]
    assert [(name, float(bound.split()[0])) for name, bound in rows] == [(stage.value, bound_s) for stage, bound_s in bounds.items()]


def test_compose_starts_what_the_image_starts() -> None:
    assert not {"command", "entrypoint"} & set(SERVICES["trading-agent"])


def test_the_bench_is_a_command_without_keys_that_keeps_what_it_makes() -> None:
    bench = SERVICES["bench"]
    assert bench["restart"] == "no"
    assert bench["entrypoint"] == ["binance-trade-agent"]
    assert bench["build"]["args"] == {"EXTRA": "backtest"}
    assert bench["image"] != SERVICES["trading-agent"]["image"]
    assert bench["working_dir"] == bench["environment"]["DATA_DIR"] == "/data"
    assert bench["environment"]["TRADING_MODE"] == "demo"
    assert bench["volumes"] == ["bench:/data", "./config:/data/config:ro"], "no secrets, and not the daemon's book"


def test_the_agent_has_no_more_rights_than_it_needs() -> None:
    agent = SERVICES["trading-agent"]
    assert "privileged" not in agent
    for name, service in SERVICES.items():
        assert service.get("read_only", False) == (name != "grafana"), name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_images_and_volumes_are_named_exactly() -> None:
    for service in SERVICES.values():
        assert re.fullmatch(r"[\w./-]+:(v?\d+\.\d+\.\d+|local)", service["image"])
    mounted = {re.split(r":(?=/)", volume)[0] for service in SERVICES.values() for volume in service.get("volumes", ())}
    named = {source for source in mounted if not source.startswith(".")}
    assert named == set(COMPOSE["volumes"])
    for source in mounted - named:  # Docker makes a missing folder as root, and then only root can put files into it
        path = re.sub(r"\$\{ALERTS_TO:-(\w+)\}", r"\1", source)
        assert (ROOT / path).exists(), f"{source} is mounted but is not in the repository"


def test_no_dotenv_file_and_no_password_are_needed() -> None:
    assert SERVICES["trading-agent"]["env_file"] == [{"path": ".env", "required": False}]
    for default in re.findall(r"\$\{\w+(.*?)\}", (ROOT / "docker-compose.yml").read_text()):
        assert default.startswith((":-", ":+")), "a variable without a default stops compose or warns"


def test_without_a_password_grafana_has_no_admin_and_no_login() -> None:
    environment = SERVICES["grafana"]["environment"]
    ini = (ROOT / "grafana/grafana.ini").read_text()
    for variable, setting in [
        ("GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION", "disable_initial_admin_creation = true"),
        ("GF_AUTH_DISABLE_LOGIN_FORM", "disable_login_form = true"),
    ]:
        assert environment[variable] == "${GRAFANA_PASSWORD:+false}"
        assert setting in ini
    assert environment["GF_SECURITY_ADMIN_PASSWORD"] == "${GRAFANA_PASSWORD:-}"
    assert "org_role = Viewer" in ini


def test_every_environment_name_that_compose_gives_the_agent_is_a_setting() -> None:
    known = {name.upper() for name in Settings.model_fields}
    assert set(SERVICES["trading-agent"]["environment"]) <= known
    assert set(SERVICES["bench"]["environment"]) - known == {"OMP_NUM_THREADS"}
    assert set(re.findall(r"\b(DATA_DIR)=", DOCKERFILE)) <= known


class TestDockerfile:
    def test_it_needs_no_frontend_image_and_starts_from_the_stated_base(self) -> None:
        assert not DOCKERFILE.startswith("# syntax")
        assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${PYTHON_IMAGE}", "builder"}
        assert re.search(r"^ARG PYTHON_IMAGE=python:3\.13-slim$", DOCKERFILE, re.MULTILINE)
        assert re.findall(r" AS (\w+)$", DOCKERFILE, re.MULTILINE)[-1] == "runtime", "what is built by default is the daemon"

    def test_the_daemon_runs_as_nobody_in_particular_and_gets_the_signals(self) -> None:
        runtime = DOCKERFILE.split(" AS runtime")[1]
        assert re.search(r"^USER 10001:10001$", runtime, re.MULTILINE)
        assert 'CMD ["binance-trade-agent", "run"]' in runtime
        assert "STOPSIGNAL SIGTERM" in runtime
        assert 'CMD ["binance-trade-agent", "healthcheck"]' in runtime

    def test_what_is_shipped_has_neither_tests_nor_sources_of_its_packages_and_lists_them(self) -> None:
        runtime = DOCKERFILE.split(" AS runtime")[1]
        assert re.findall(r"COPY --from=(\w+)", runtime) == ["trimmed"]
        assert "COPY requirements-${EXTRA}.txt /opt/venv/requirements.txt" in runtime

    def test_the_daemons_image_has_what_traces_need_and_another_one_the_bench(self) -> None:
        assert re.search(r"^ARG EXTRA=tracing$", DOCKERFILE, re.MULTILINE)
        for extra in ("tracing", SERVICES["bench"]["build"]["args"]["EXTRA"]):
            assert (ROOT / f"requirements-{extra}.txt").exists()

    def test_every_dependency_is_checked_by_hash(self) -> None:
        for command in re.findall(r"pip\S*(?: --python \S+)? install (.*)", DOCKERFILE):
            assert "--require-hashes" in command or "--no-deps --no-index" in command

    def test_all_that_it_copies_passes_dockerignore_and_nothing_secret_does(self) -> None:
        lines = (ROOT / ".dockerignore").read_text().splitlines()
        allowed = {line[1:] for line in lines if line.startswith("!")}
        before, _, rest = DOCKERFILE.partition("FROM builder AS test")
        image = before + rest.partition("FROM ")[2]
        copied = {name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", image, re.MULTILINE) for name in line.split()}
        copied = {name.replace("${EXTRA}", extra) for name in copied for extra in ("tracing", "backtest")}
        assert copied <= allowed
        assert lines[1] == "*"
        assert not allowed & {".env", "secrets", "data", "config/settings.toml"}
        assert "config/settings.toml" in lines


@pytest.mark.parametrize("code", list(ExitCode))
def test_every_exit_code_is_in_the_runbook(code: ExitCode) -> None:
    assert f"| {code.value} | {code.name} |" in RUNBOOK
