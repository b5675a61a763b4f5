"""The study file: everything that was tried, in optuna's SQLite form, so that a search goes on after a kill and other programs can show it.

One process writes it (a lock beside it sees to that), one transaction a trial. Trials stand in the order in which they were proposed.
"""

import fcntl
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import OperationalError

from binance_trade_agent.backtest.search.proposals import Tried, frozen_trial
from binance_trade_agent.backtest.search.ranges import Space
from binance_trade_agent.domain.errors import AgentError, BookLockedError, ConfigurationError, DiskFullError

TERMS = "terms"
_OUTCOME = "outcome"
_RESULTS = "results"

_SQLITE = b"SQLite format 3\0"
_ITS_TABLES = frozenset({"studies", "version_info"})
"""Of optuna's tables those that it makes first."""

_TABLES_NAMED = 3


class StudyFile:
    """Studies by name, each a list of outcomes in order, with results beside them."""

    def __init__(self, path: Path, space: Space, terms: Mapping[str, str]) -> None:
        """Open or make the file; use `opened_study_file`, which holds its lock.

        `terms` are what the search was made with, by name: raises ConfigurationError naming those that differ from the file's.
        """
        self.path = path
        self._space = space
        self._terms = dict(terms)
        try:
            self._storage = RDBStorage(f"sqlite:///{path}")
        except OperationalError:
            raise
        except Exception as error:  # whatever the database library makes of a file that is none of its own
            raise _no_study(path, type(error).__name__) from None
        self._studies: dict[str, optuna.Study] = {}

    def study(self, name: str) -> optuna.Study:
        """The study of that name, made when it is new."""
        if name not in self._studies:
            study = optuna.create_study(storage=self._storage, study_name=name, direction="maximize", load_if_exists=True)
            kept = study.user_attrs.get(TERMS)
            if kept is None:
                study.set_user_attr(TERMS, self._terms)
            else:
                self._compare(kept)
            self._studies[name] = study
        return self._studies[name]

    def _compare(self, kept: Mapping[str, str]) -> None:
        different = [
            f"{name}: the file has {kept.get(name)}, asked for is {wanted}"
            for name, wanted in self._terms.items()
            if kept.get(name) != wanted
        ]
        if different:
            lines = "\n".join(different)
            raise ConfigurationError(f"{self.path} holds another search; name a new file by --study, or ask for the same\n{lines}")

    def close(self) -> None:
        """Let go of the database."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def outcomes(self, name: str) -> list[dict[str, Any]]:
        """What is kept of each trial of a study, in order."""
        return [trial.user_attrs[_OUTCOME] for trial in self.study(name).get_trials(deepcopy=False)]

    def add(self, name: str, tried: Tried, outcome: Mapping[str, Any]) -> None:
        """Keep one trial, the next in order."""
        self.study(name).add_trial(frozen_trial(self._space, tried, {_OUTCOME: dict(outcome)}))

    def result(self, name: str, key: str) -> dict[str, Any] | None:
        """A result that was kept beside a study; None when there is none."""
        found: dict[str, Any] | None = self.study(name).user_attrs.get(f"{_RESULTS}.{key}")
        return found

    def keep_result(self, name: str, key: str, value: Mapping[str, Any]) -> None:
        """Keep a result beside a study."""
        self.study(name).set_user_attr(f"{_RESULTS}.{key}", dict(value))


@contextmanager
def opened_study_file(path: Path, space: Space, terms: Mapping[str, str]) -> Iterator[StudyFile]:
    """The study file, held for this process alone. Raises BookLockedError when another process has it.

    A file that is no study is refused before anything is written to it or beside it: optuna would make its tables in any database.
    """
    _require_study(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f"{path.name}.lock").open("a")
    except OSError as error:
        raise ConfigurationError(f"--study {path} cannot be written ({error.strerror}); allowed: a file in a folder that can") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BookLockedError(f"--study {path} is in use by another process") from None
        try:
            file = StudyFile(path, space, terms)
            try:
                yield file
            finally:
                file.close()
        except (OperationalError, StorageInternalError) as error:
            raise _not_written(path, error) from None


def _require_study(path: Path) -> None:
    """Raise ConfigurationError where `path` is another file than a study or an empty one; whatever cannot be read is told later."""
    try:
        with path.open("rb") as file:
            beginning = file.read(len(_SQLITE))
    except OSError:
        return
    if beginning and beginning != _SQLITE:
        raise _no_study(path, "it is no SQLite file")
    try:
        # Only what is in the file itself, so that nothing appears beside it, as a database that is written ahead would have it.
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error:
        return  # perhaps another process is writing it
    if tables and not tables & _ITS_TABLES:
        raise _no_study(path, f"its tables are {', '.join(sorted(tables)[:_TABLES_NAMED])}")


def _no_study(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"--study {path} is no study file ({why}); name a new one")


def _not_written(path: Path, error: Exception) -> AgentError:
    """What SQLite had against a write, said by what can be done about it."""
    cause = error if isinstance(error, OperationalError) else error.__cause__
    why = str(getattr(cause, "orig", None) or cause or error)
    if "full" in why:
        return DiskFullError(f"--study {path}: the disk is full; make room, and the same command goes on with what is kept")
    return ConfigurationError(f"--study {path} cannot be written ({why}); allowed: a file in a folder that can")
