"""Neo4j Browser with our guide, as a person uses it: log in, turn the pages, apply the style, run the questions."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.chromium import Page

_LOGIN = "document.querySelector('input[type=password]')"
_FRAMES = "[...document.querySelectorAll('article[data-testid=frame]')]"
GUIDE = f"{_FRAMES}.find(frame => frame.innerText.includes('/guide.html'))"
"""The frame that plays the guide, as an expression."""
_RUNNABLE = f"[...{GUIDE}.querySelectorAll('pre.runnable')]"

_ENDED = "Started streaming|Displaying|no records|no changes|completed|ERROR|Neo\\.|node \\{"
"""What a frame says at its foot when its command has ended, well or not."""


@contextmanager
def browsing(environment: Mapping[str, str]) -> Generator[dict[str, Any]]:
    """Run ``knowthread browse`` while the block runs, and yield what it said."""
    command = [sys.executable, "-I", "-m", "mcp_server", "browse", "--no-open", "--json"]
    process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.PIPE, text=True, encoding="utf-8")
    try:
        text = ""
        for line in process.stdout or ():
            text += line
            if line == "}\n":
                break
        yield json.loads(text)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def log_in(page: Page, offer: dict[str, Any]) -> None:
    """Open Browser by the link and log in by hand, as Browser demands; the guide plays by itself."""
    page.open(offer["link"])
    page.wait(f"!!{_LOGIN}")
    page.run(f"{_LOGIN}.focus()")
    page.type(Path(offer["password_file"]).read_text(encoding="utf-8").strip())
    page.run("document.querySelector('[data-testid=connect]').click()")
    page.wait("document.body.innerText.includes('You are connected')", 120)
    page.wait(f"{_RUNNABLE}.length > 0")


def turn(page: Page) -> bool:
    """Turn to the next page of the guide; False after the last one."""
    return page.run(
        f"(() => {{ const next = {GUIDE}.querySelector('[data-testid=nextSlide]');"
        " if (!next || next.disabled) return false; next.click(); return true; })()"
    )


def offered(page: Page) -> list[str]:
    """Return what the guide's present page offers to run by one click."""
    return page.run(
        f"{_RUNNABLE}.filter(one => one.querySelector('.fa-play-circle-o')).map(one => one.innerText.trim())"
    )


def click(page: Page, number: int) -> str:
    """Run one of what the present page offers, and return what its frame shows then."""
    before = page.run(f"{_FRAMES}.length")
    page.run(f"{_RUNNABLE}.filter(one => one.querySelector('.fa-play-circle-o'))[{number}].firstChild.click()")
    page.wait(f"{_FRAMES}.length > {before}")
    newest = f"{_FRAMES}.find(frame => frame !== {GUIDE})"
    page.wait(f"/{_ENDED}/.test({newest}.innerText)")
    return page.run(f"{newest}.innerText")
