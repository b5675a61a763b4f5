"""Where programs of other people are: servers often stand outside of a person's PATH."""

import os
import shutil

_SERVER_PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin")


def find_program(name: str) -> str | None:
    """Path of a program, None when it is not installed."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *_SERVER_PLACES)))
