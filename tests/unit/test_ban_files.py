"""BanFiles keep until when a host wants silence, whole or not at all."""

import os
from pathlib import Path

import pytest

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.ports.ban_memory import BanMemory
from binance_trade_agent.storage.ban_files import FOLDER, BanFiles


def test_what_one_process_remembers_the_next_one_knows(tmp_path: Path) -> None:
    memory: BanMemory = BanFiles(tmp_path / "data")
    assert memory.banned_until_ms("api.binance.com") is None
    assert not (tmp_path / "data").exists()
    assert memory.remember("api.binance.com", 1_750_000_000_000)
    assert memory.remember("127.0.0.1:8080", 5)
    assert memory.remember("api.binance.com", 1_750_000_000_007)
    later = BanFiles(tmp_path / "data")
    assert later.banned_until_ms("api.binance.com") == 1_750_000_000_007
    assert later.banned_until_ms("API.binance.com") == 1_750_000_000_007
    assert later.banned_until_ms("127.0.0.1:8080") == 5
    assert later.banned_until_ms("testnet.binance.vision") is None
    assert len(list((tmp_path / "data" / FOLDER).iterdir())) == 2


def test_a_name_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    assert BanFiles(tmp_path).remember("../../etc/passwd", 7)
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [".._.._etc_passwd"]


def test_a_crash_while_writing_leaves_the_old_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = BanFiles(tmp_path)
    memory.remember("api.binance.com", 1)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert memory.remember("api.binance.com", 2) is False
    assert BanFiles(tmp_path).banned_until_ms("api.binance.com") == 1


@pytest.mark.parametrize("content", [b"", b"soon", b"-5", b"9" * 40, b"\xff\n"])
def test_a_file_that_holds_no_time_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "api.binance.com").write_bytes(content)
    with pytest.raises(BookError, match=r"api\.binance\.com holds no time"):
        BanFiles(tmp_path).banned_until_ms("api.binance.com")
