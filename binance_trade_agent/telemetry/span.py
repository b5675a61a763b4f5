"""Span: a piece of a trace, by names and numbers alone; what sends it turns it into the form of its service."""

from collections.abc import Hashable, Mapping

import msgspec

AttributeValue = str | int | float | bool

FREE_TEXT = "reason"
"""The one attribute that holds sentences; what an error says stands in `error`."""


class Span(msgspec.Struct, frozen=True, gc=False):
    """Something that took from `start_ns` to `end_ns` (nanoseconds UTC, by the machine's clock).

    `trace_id` has 128 bits and span ids have 64; a span without `parent_id` is the root of its trace. `is_call` tells what another
    machine was asked for. `error` is empty unless it failed. Spans with the same `alike` differ in nothing but their ids and times.
    """

    name: str
    trace_id: int
    span_id: int
    parent_id: int | None
    start_ns: int
    end_ns: int
    attributes: Mapping[str, AttributeValue]
    error: str = ""
    is_call: bool = False
    alike: Hashable = None
