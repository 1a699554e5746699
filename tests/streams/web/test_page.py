"""The page as browsers get it: whole, from here alone, and with every word of a record as a word."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import aiohttp
import pytest

from streams.web.page import PARTS

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--virtual-time-budget=6000", "--dump-dom"),
)


@contextmanager
def served(*arguments: str) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.streams.web.served", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield address_in(process.stdout)
        finally:
            process.terminate()


def address_in(output: IO[str] | None) -> str:
    assert output is not None
    line = output.readline()
    assert line.startswith("the page is at http://"), line
    return line.rsplit(" ", 1)[1].strip()


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    with served() as address:
        yield address


async def test_the_page_holds_everything_and_no_markup_of_a_record(page: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(page) as answer:
        text = await answer.text()
    assert answer.status == 200
    for word in ("shop is unusually slow, with errors", "127.0.0.66", "allow-list", "a1b2c3d4", "scale"):
        assert word in text
    assert "document.title=" in text
    assert "<script>document.title" not in text
    assert "<img src=x" not in text
    outside = [url for url in re.findall(r'(?:src|href|url)[=(]"([^"]+)"', text) if not url.startswith("/")]
    assert outside == []


@pytest.mark.parametrize("part", sorted(path.name for path in PARTS.iterdir()))
async def test_every_part_is_served_and_names_nothing_outside(page: str, part: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{page}parts/{part}") as answer:
        text = await answer.text()
    assert answer.status == 200
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    # Nothing a record says may be put on the page as markup.
    assert "v-html" not in text
    assert "innerHTML" not in text


async def test_a_page_with_a_token_asks_for_it_and_takes_it() -> None:
    jar = aiohttp.CookieJar(unsafe=True)  # That is its word for cookies of a bare address.
    with served("a long token") as address:
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            async with session.get(address) as answer:
                assert (answer.status, "127.0.0.66" in await answer.text()) == (401, False)
            async with session.post(f"{address}login", data={"token": "a long token"}) as answer:
                assert (answer.status, "127.0.0.66" in await answer.text()) == (200, True)


def test_a_browser_shows_it_and_runs_nothing_of_a_record(page: str, tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: what a browser makes of the page is not tested")
    command = [CHROMIUM, *QUIET, f"--user-data-dir={tmp_path}", page]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    shown = done.stdout
    assert "<title>Luminar</title>" in shown
    assert shown.count('class="alert firing') == 3
    assert "&lt;script&gt;document.title='owned'&lt;/script&gt;" in shown
    assert "lift</button>" in shown
