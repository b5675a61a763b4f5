"""Workers: answers in order, failures told, nothing left running; in this process, in a pool, and on a real Dask cluster."""

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from made_up_search import WHOLE, Landscape, plan, splits, walked

from binance_trade_agent.backtest.search.jobs import Evaluate, Job
from binance_trade_agent.backtest.search.workers import local_workers
from binance_trade_agent.domain.errors import ConfigurationError, ServiceError


def jobs(count: int) -> list[Job]:
    return [Job({"period": period, "level": 0.4, "trigger": "zone"}, WHOLE) for period in range(2, 2 + count)]


@pytest.mark.parametrize("workers", [1, 2])
def test_answers_come_in_the_order_of_the_jobs(workers: int) -> None:
    with local_workers(Landscape(), workers) as pool:
        for count in (7, 0, 1):  # one pool serves many rounds
            assert [outcome.trades for outcome in pool.answers(jobs(count))] == [60 - period for period in range(2, 2 + count)]


def test_two_workers_share_the_work_and_are_gone_afterwards(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with local_workers(Landscape(seconds=0.05, told_to=told), 2) as pool:
        assert len(list(pool.answers(jobs(12)))) == 12
    assert len(set(told.read_text().split())) == 2
    assert multiprocessing.active_children() == []


def test_a_worker_that_dies_ends_the_search_with_a_reason() -> None:
    with local_workers(Landscape(dies_at=5), 2) as pool, pytest.raises(ServiceError, match=r"worker process died \(exit code 9\)"):
        list(pool.answers(jobs(8)))
    assert multiprocessing.active_children() == []


def test_what_a_worker_could_not_do_is_told_in_its_words() -> None:
    with local_workers(Landscape(fails=True), 2) as pool, pytest.raises(ServiceError, match="ValueError: the candles are gone"):
        list(pool.answers(jobs(8)))


def is_running(process_id: int) -> bool:
    status = Path(f"/proc/{process_id}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_workers_end_by_themselves_when_the_process_that_asks_is_gone(tmp_path: Path) -> None:
    script = tmp_path / "asks.py"
    script.write_text(
        "import multiprocessing, os\n"
        "from made_up_search import WHOLE, Landscape\n"
        "from binance_trade_agent.backtest.search.jobs import Job\n"
        "from binance_trade_agent.backtest.search.workers import ProcessPool\n"
        "if __name__ == '__main__':\n"
        "    job = Job({'period': 9, 'level': 0.4, 'trigger': 'zone'}, WHOLE)\n"
        "    next(ProcessPool(Landscape(seconds=0.2), 2).answers([job] * 9))\n"
        "    print(*(child.pid for child in multiprocessing.active_children()), flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    path = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parents[2])])
    asked = subprocess.run([sys.executable, script], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    workers = [int(process_id) for process_id in asked.stdout.split()]
    assert len(workers) == 2, asked.stderr
    deadline = time.monotonic() + 60
    while any(map(is_running, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_running, workers))


@contextmanager
def dask_cluster(workers: int = 2) -> Iterator[Any]:
    """A scheduler on this machine with worker processes."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1", silence_logs=50
    ) as cluster:
        yield cluster


def test_a_dask_cluster_of_two_processes_gives_what_one_process_gives(tmp_path: Path) -> None:
    from binance_trade_agent.backtest.search.dask_workers import dask_workers

    told = tmp_path / "told"
    cuts = splits(folds=1)
    alone = walked(tmp_path / "alone", plan(cuts=cuts))
    with dask_cluster() as cluster:
        with dask_workers(Landscape(seconds=0.02, told_to=told), cluster.scheduler_address) as workers:
            assert walked(tmp_path / "cluster", plan(cuts=cuts), workers) == alone
        with (
            pytest.raises(ConfigurationError, match="a worker cannot begin: ValueError: the candles are gone"),
            dask_workers(Landscape(fails=True), cluster.scheduler_address),
        ):
            pass
    assert len(set(told.read_text().split())) == 2


@dataclass
class OnceOnly(Landscape):
    """Opened once, in whatever process, it cannot be opened again."""

    mark: Path = Path()

    def opened(self) -> Evaluate:
        self.fails = self.mark.exists()
        self.mark.touch()
        return super().opened()


def test_a_worker_that_joins_a_cluster_later_and_cannot_begin_is_told(tmp_path: Path) -> None:
    from binance_trade_agent.backtest.search.dask_workers import dask_workers

    with (
        dask_cluster(1) as cluster,
        dask_workers(OnceOnly(seconds=0.3, mark=tmp_path / "mark"), cluster.scheduler_address) as workers,
    ):
        cluster.scale(2)
        cluster.wait_for_workers(2)
        with pytest.raises(
            ServiceError, match="a worker of the cluster failed: ServiceError: it cannot begin: ValueError: the candles are"
        ):
            list(workers.answers(jobs(12)))


def test_a_dask_address_that_does_not_answer_is_told() -> None:
    from binance_trade_agent.backtest.search import dask_workers

    with (
        pytest.raises(ConfigurationError, match=r"--dask tcp://127.0.0.1:9 does not answer"),
        dask_workers.dask_workers(Landscape(), "tcp://127.0.0.1:9"),
    ):
        pass
