"""Workers of a Dask cluster: the same jobs on many machines, each of which has read the candles from the same folder."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from binance_trade_agent.backtest.search.jobs import Evaluate, Evaluation, Job, Outcome
from binance_trade_agent.backtest.search.workers import Workers
from binance_trade_agent.domain.errors import ConfigurationError, ServiceError

try:
    import distributed
except ImportError:  # the extra is not installed
    raise ConfigurationError(
        "--dask needs the package distributed, which comes with the extra `cluster`: scripts/environment bench"
    ) from None

PLUGIN = "binance-trade-agent-search"
CONNECT_S = 10
_ADDRESS = re.compile(r"((tcp|tls|ws|wss)://)?(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):[0-9]{1,5}")


class EvaluationPlugin(distributed.WorkerPlugin):
    """Opens the evaluation once on each worker, also on those that join later."""

    name = PLUGIN

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self.evaluate: Evaluate | None = None
        self.failure = "it has not begun"

    def setup(self, worker: Any) -> None:
        """Read the candles; an error ends the search with its text, on a worker that joins later by its first job."""
        try:
            self.evaluate = self._evaluation.opened()
        except Exception as error:
            self.failure = f"it cannot begin: {type(error).__name__}: {error}"
            raise


def evaluate_here(job: Job) -> Outcome:
    """What runs on a Dask worker: one job, by the evaluation that its plugin has opened."""
    plugin = distributed.get_worker().plugins[PLUGIN]
    assert isinstance(plugin, EvaluationPlugin)  # noqa: S101 - the name is ours
    if plugin.evaluate is None:
        raise ServiceError(plugin.failure)
    return plugin.evaluate(job)


class DaskWorkers:
    """Sends jobs to a cluster."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def answers(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """The outcomes in order; the scheduler spreads the jobs, and runs those of a lost worker again elsewhere."""
        futures = self._client.map(evaluate_here, jobs, pure=False)
        for future in futures:
            try:
                outcome: Outcome = future.result()
            except Exception as error:
                raise ServiceError(f"a worker of the cluster failed: {type(error).__name__}: {error}") from None
            yield outcome


@contextmanager
def dask_workers(evaluation: Evaluation, address: str) -> Iterator[Workers]:
    """The workers of the scheduler at `address`, such as tcp://host:8786.

    Raises ConfigurationError when it does not answer, has no workers, or one of them cannot open the evaluation.
    """
    if not _ADDRESS.fullmatch(address):
        raise ConfigurationError(f"--dask {address} is no address; allowed: a scheduler such as tcp://host:8786")
    try:
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]  # theirs is not typed
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"--dask {address} does not answer ({type(error).__name__}); allowed: a scheduler such as tcp://host:8786"
        ) from None
    with client:
        if not client.scheduler_info()["workers"]:
            raise ConfigurationError(f"--dask {address} has no workers; start some by: dask worker {address}")
        try:
            client.register_plugin(EvaluationPlugin(evaluation))
        except Exception as error:
            raise ConfigurationError(f"--dask {address}: a worker cannot begin: {type(error).__name__}: {error}") from None
        yield DaskWorkers(client)
