"""Take the documents' pictures again: ``python scripts/pictures.py``, in a headless Chromium, from the demo's graph."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from examples import demo
from mcp_server.link.stop import stop_service
from scripts.browser_guide import GUIDE, browsing, click, log_in, turn
from scripts.chromium import Chromium, Page, chromium

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
_SETTLE_S = 2.0
"""How long what moves on a page takes to come to rest."""


@contextmanager
def demo_graph(folder: Path) -> Generator[None]:
    """Tell the demo's notes to a service with an empty data folder, which runs while the block runs."""
    for name in [name for name in os.environ if name.startswith("KNOWTHREAD_") and name != "KNOWTHREAD_CACHE_DIR"]:
        del os.environ[name]
    os.environ |= {"KNOWTHREAD_DATA_DIR": str(folder / "data"), "KNOWTHREAD_USER_ID": "ada"}
    (folder / "data").mkdir(mode=0o700)
    try:
        demo.start(folder / "data")
        asyncio.run(_tell(folder))
        yield
    finally:
        stop_service(folder / "data")


async def _tell(folder: Path) -> None:
    async with demo.session(demo.SHOP, folder) as call:
        await demo.tell(call)


def picture_pages(browser: Chromium, folder: Path) -> None:
    """Take the graph and a timeline."""
    command = [sys.executable, "-I", "-m", "mcp_server"]
    graph, timeline = folder / "graph.html", folder / "timeline.html"
    subprocess.run([*command, "graph", "--output", str(graph)], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*command, "timeline", "user", "--output", str(timeline)], check=True, stdout=subprocess.DEVNULL)
    rejected = "knowthread.page.data.facts.find(fact => fact.predicate === 'REJECTED').id"
    replaced = "knowthread.page.data.facts.find(fact => fact.replaced_by).id"
    with browser.page(1200, 720) as page:
        _take(page, graph, f"knowthread.page.choose({rejected}); knowthread.page.picture.fit()", "graph.png")
    with browser.page(1200, 560) as page:
        _take(page, timeline, f"knowthread.page.choose({replaced})", "timeline.png")


def _take(page: Page, file: Path, prepare: str, name: str) -> None:
    page.open(file.as_uri())
    page.wait("!!window.knowthread")
    page.run(f"{{{prepare}}}")
    time.sleep(_SETTLE_S)
    page.picture(FOLDER / name)


def picture_browser(browser: Chromium) -> None:
    """Take Neo4j Browser with its guide, then with the style and the answer to the first question."""
    with browsing(os.environ) as offer, browser.page(1200, 820) as page:
        log_in(page, offer)
        time.sleep(_SETTLE_S)
        page.run(f"{GUIDE}.scrollIntoView()")
        page.picture(FOLDER / "browser-guide.png")
        click(page, 0)
        turn(page)
        click(page, 0)
        time.sleep(3 * _SETTLE_S)
        page.run("document.querySelector('[data-testid=main]').scrollTo(0, 0)")
        page.picture(FOLDER / "browser.png")


def main() -> int:
    """Take all pictures."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="knowthread-pictures-") as name:
        folder = Path(name)
        with demo_graph(folder), chromium() as browser:
            picture_pages(browser, folder)
            picture_browser(browser)
    return 0


if __name__ == "__main__":
    sys.exit(main())
