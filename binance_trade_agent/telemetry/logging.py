"""Logging: structlog and the standard library through one chain of processors, as JSON lines or for a terminal."""

import logging
import sys
from collections.abc import Callable, Iterable, MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import FilteringBoundLogger, Processor

from binance_trade_agent.telemetry.redaction import Redactor

# httpx logs whole URLs at INFO, signatures included; the transports below it log headers at DEBUG.
QUIET_LOGGERS = ("httpx", "httpcore", "hpack", "aiosqlite", "urllib3")
_FORMATS = ("auto", "json", "console")


class StructlogHandler(logging.Handler):
    """Hands records of the standard library to structlog, so that every line passes the same processors."""

    def __init__(self) -> None:
        super().__init__()
        self._log: FilteringBoundLogger = structlog.get_logger()

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record through structlog; a record that cannot be formatted is handled as the standard library does."""
        try:
            self._log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)
        except Exception:  # the contract of logging.Handler.emit
            self.handleError(record)


def configure_logging(
    level: str = "INFO",
    format: str = "auto",
    stream: TextIO | None = None,
    *,
    secrets: Iterable[str] = (),
    trace_ids: Processor | None = None,
) -> Redactor:
    """Set up all logging of the process; call it once, before the first line is logged. Returns the redactor it uses.

    `level` is a standard level name. `format` is `json` (one object a line), `console` (for people) or `auto`, which is console when
    `stream` (stderr unless given) is a terminal. `secrets` are values that must appear in no line. `trace_ids` adds to a line
    the id of the trace that it belongs to.
    """
    if format not in _FORMATS:
        raise ValueError(f"format is {format!r}; allowed: {', '.join(_FORMATS)}")
    target = stream or sys.stderr
    redactor = Redactor(secrets)
    number = logging.getLevelNamesMapping()[level.upper()]
    on_terminal = target.isatty()
    is_for_people = format == "console" or (format == "auto" and on_terminal)
    structlog.configure(
        processors=[_Line(redactor, trace_ids, _console(on_terminal) if is_for_people else _json)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(target),  # a line and its end in one write
        cache_logger_on_first_use=True,
    )
    _route_standard_library(number)
    return redactor


_Fields = MutableMapping[str, Any]
_Rendering = Callable[[Any, str, _Fields, datetime], str]
_MERGED = "correlation_id"
"""The one field that is bound to tasks instead of lines, so a line that has it needs no look at what is bound."""


class _Line:
    """A processor of structlog that does all that is to be done for a line: a processor for each step costs twice as much."""

    def __init__(self, redactor: Redactor, trace_ids: Processor | None, render: _Rendering) -> None:
        self._redacted = redactor.masked_fields
        self._trace_ids = trace_ids
        self._render = render

    def __call__(self, logger: Any, method: str, fields: _Fields) -> str:
        """The line's text."""
        now = datetime.now(UTC)
        if _MERGED not in fields:
            structlog.contextvars.merge_contextvars(logger, method, fields)
        if "exc_info" in fields:
            # Text without local variables: they hold keys and signed requests. It is masked with the rest.
            structlog.processors.format_exc_info(logger, method, fields)
        masked = self._redacted(fields)
        masked["level"] = method
        if self._trace_ids is not None:
            self._trace_ids(logger, method, masked)
        return self._render(logger, method, masked, now)


def _json(_: Any, __: str, fields: _Fields, now: datetime) -> str:
    fields["timestamp"] = now
    return orjson.dumps(fields, option=orjson.OPT_UTC_Z).decode()


def _console(colors: bool) -> _Rendering:
    # The renderer's own traceback formatter would print local variables.
    render = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)

    def rendered(logger: Any, method: str, fields: _Fields, now: datetime) -> str:
        fields["timestamp"] = now.isoformat().replace("+00:00", "Z")
        return str(render(logger, method, fields))

    return rendered


def _route_standard_library(number: int) -> None:
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, (StructlogHandler, logging.StreamHandler)):
            root.removeHandler(handler)
    root.addHandler(StructlogHandler())
    root.setLevel(number)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    logging.captureWarnings(True)
