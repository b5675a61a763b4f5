"""The commit that figures belong to."""

import subprocess

from torturing.process import ROOT


def commit() -> str:
    """Of the code that is run; with a + when files differ from it."""
    told = subprocess.run(("git", "describe", "--always", "--dirty=+"), cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"
