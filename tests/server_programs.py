"""Programs of other people that tests run against: found, or the test is skipped; with REQUIRE_SERVERS set their absence is a failure."""

import os

import pytest
from benchmarks.programs import find_program


def server_program(name: str, package: str) -> str:
    """Path of the program `name`, which the Debian package `package` brings."""
    path = find_program(name)
    if path is not None:
        return path
    reason = f"{name} is not installed; on Debian and Ubuntu: apt-get install {package}"
    if os.environ.get("REQUIRE_SERVERS"):
        pytest.fail(reason)
    pytest.skip(reason)
