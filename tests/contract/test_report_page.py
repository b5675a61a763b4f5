"""The page of a report in a real browser, opened as a file: it shows what the report says, needs nothing else, and fits a phone."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from browser import Page, browser_page
from finished_runs import random_bars, record_of, traded

from binance_trade_agent.backtest.report.page import report_page
from binance_trade_agent.backtest.report.report import RunRecord, report_of

MARKUP = "<img src=x onerror=alert(1)>"
DRAWN = "(element) => element.getContext('2d').getImageData(0, 0, element.width, element.height).data.some((value) => value)"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with browser_page(tmp_path / "profile") as page:
        yield page


def written(folder: Path, record: RunRecord) -> str:
    file = folder / "report.html"
    file.write_text(report_page(report_of(record)), encoding="utf-8")
    return file.as_uri()


def run() -> RunRecord:
    histories = [traded("AAAUSDT", random_bars(1, 3000), 41), traded("BBBUSDT", random_bars(2, 3000), 67, quantity="1.5")]
    return record_of(*histories, strategy=f"rsi {MARKUP}", refusals={"cooldown": 12}, settings={"RISK_COOLDOWN_SECONDS": "60"})


async def opened(page: Page, address: str, **screen: object) -> None:
    await page.open(address, **screen)
    await page.wait_for("document.querySelectorAll('#settings td').length > 1")


async def test_it_shows_every_part_and_asks_nobody_for_anything(page: Page, tmp_path: Path) -> None:
    address = written(tmp_path, run())
    await opened(page, address, height=4000)
    assert await page.text("title") == f"Backtest: rsi {MARKUP}"
    report = report_of(run())
    money = await page.text("money")
    assert f"{report.figures.total_return * 100:,.2f} %" in money
    assert f"{report.all.trades.trades}" in await page.text("figures")
    symbols = await page.text("symbols")
    assert all(name in symbols for name in ("AAAUSDT", "BBBUSDT", "all"))
    assert "2025" in await page.text("months")
    assert "cooldown12" in await page.text("refusals")
    assert "RISK_COOLDOWN_SECONDS60" in await page.text("settings")
    assert "exactly" in await page.text("proof")
    assert await page.text("which") == f"The best and the worst of {report.all.trades.trades} closed trades"
    assert "take-profit: it is enough" in await page.text("trades")
    await page.wait_for(f"[...document.querySelectorAll('canvas')].length === 5 && [...document.querySelectorAll('canvas')].every({DRAWN})")
    assert page.problems == []
    assert {url for url in page.requests if not url.startswith("data:")} == {address}


async def test_pointing_tells_the_moment_and_dragging_chooses_a_range(page: Page, tmp_path: Path) -> None:
    await opened(page, written(tmp_path, run()), height=4000)
    whole = await page.text("told")
    at = await page.value("JSON.stringify(document.getElementById('equity').getBoundingClientRect())")
    box = json.loads(at)
    x, y = box["x"] + box["width"] / 2, box["y"] + 20
    await page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    await page.wait_for(f"document.getElementById('told').textContent !== {whole!r}")
    assert "2025-01-02" in await page.text("told")
    for kind, place in (("mousePressed", x), ("mouseMoved", x + 100), ("mouseReleased", x + 100)):
        await page.call("Input.dispatchMouseEvent", type=kind, x=place, y=y, button="left", clickCount=1)
    await page.wait_for("!document.getElementById('whole').hidden")
    await page.value("document.getElementById('whole').click()")
    await page.wait_for("document.getElementById('whole').hidden")
    assert page.problems == []


@pytest.mark.parametrize("is_dark", [False, True])
async def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, tmp_path: Path, is_dark: bool) -> None:
    await opened(page, written(tmp_path, run()), width=390, height=844, is_phone=True, is_dark=is_dark)
    assert await page.value("document.documentElement.scrollWidth") <= 390
    back = await page.value("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(17, 21, 28)") is is_dark
    assert page.problems == []


async def test_a_run_that_never_traded_and_one_that_differs_are_shown_as_such(page: Page, tmp_path: Path) -> None:
    idle = record_of(traded("AAAUSDT", random_bars(1, 300), 5000))
    await opened(page, written(tmp_path, idle))
    assert await page.text("which") == "Closed trades"
    assert await page.text("verdict") == ""
    await opened(page, written(tmp_path, record_of(*idle.histories, equity=idle.equity + 1)))
    assert "see below" in await page.text("verdict")
    assert "the book has 1001, fills and candles give 1000" in await page.text("proof")
    assert page.problems == []
