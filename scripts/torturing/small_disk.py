"""SmallDisk: a file system of some megabytes under the daemon's data, which can really be full."""

import errno
import shutil
import subprocess
from pathlib import Path

SIZE = "16m"
"""Room for a book and twice its log of changes, which SQLite empties at four megabytes."""

_BLOCK = b"\0" * 4096


class SmallDisk:
    """Mounted on `folder`, which is made; needs leave to mount, which root has."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._filler = folder / "filler"
        subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "torture", str(folder)), check=True, capture_output=True)

    @staticmethod
    def can_be(folder: Path) -> bool:
        """Whether one can be mounted here."""
        try:
            SmallDisk(folder).close()
        except (OSError, subprocess.SubprocessError):
            return False
        finally:
            if folder.exists():
                folder.rmdir()
        return True

    def fill(self) -> None:
        """Until not a byte is left."""
        with self._filler.open("ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(_BLOCK)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def make_room(self) -> None:
        """As before."""
        self._filler.unlink(missing_ok=True)

    def close(self, keep_at: Path | None = None) -> None:
        """Unmount it; what it holds is copied to `keep_at` first."""
        if keep_at is not None:
            shutil.copytree(self._folder, keep_at)
        subprocess.run(("umount", str(self._folder)), check=True, capture_output=True)
