"""A picture as one HTML page that asks nobody for anything: styles, scripts and data stand in it.

Invariant: a memory's text cannot run. The page's policy names its scripts and styles by their hashes and forbids all
else, requests included. The data stand in a block that no browser executes, with every ``<`` escaped, and the scripts
show them as text.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from functools import cache
from importlib.resources import files

from kg.values import JsonObject

_MARK = re.compile(r"\{\{(\w+)\}\}")
_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_SCRIPTS = {"graph": ("layout.js", "page.js", "graph.js"), "timeline": ("page.js", "timeline.js")}


def render_page(picture: JsonObject, title: str, library: str = "") -> str:
    """Return the page of a picture.

    Args:
        picture: what ``kg.reports.picture`` returned.
        title: of the page; names may come from anywhere.
        library: the script that draws graphs; timelines need none.
    """
    sources = [library] if library else []
    sources += [part(name) for name in _SCRIPTS[picture["picture"]]]
    scripts = "\n".join(f"<script>{_contained(source)}</script>" for source in sources)
    frame = part("page.html")
    policy = _policy(_STYLE.findall(fill(frame, {"style": part("page.css")})), _SCRIPT.findall(scripts))
    parts = {
        "policy": policy,
        "title": html.escape(title),
        "style": part("page.css"),
        "data": _as_data(picture),
        "scripts": scripts,
    }
    return fill(frame, parts)


def _policy(styles: list[str], scripts: list[str]) -> str:
    """Return a content security policy that allows these styles and scripts and nothing else."""
    return (
        f"default-src 'none'; style-src {_hashes(styles)}; script-src {_hashes(scripts)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hashes(texts: list[str]) -> str:
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def _as_data(picture: JsonObject) -> str:
    r"""Return a picture as JSON that can stand in a page: ``</script>`` becomes ``\u003c/script>``."""
    return json.dumps(picture, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _contained(source: str) -> str:
    """Return a script of ours, which must not contain what would end its block."""
    if re.search(r"</script|<!--", source, re.IGNORECASE):
        raise ValueError("a script of the page contains the end of its own block")
    return source


def fill(frame: str, parts: dict[str, str]) -> str:
    """Return a text with each ``{{name}}`` replaced, once: what is put in is not looked at again."""
    return _MARK.sub(lambda mark: parts.get(mark[1], mark[0]), frame)


@cache
def part(name: str) -> str:
    """Return a file of the kit, which ships beside this module."""
    return (files("mcp_server.pages") / "kit" / name).read_text(encoding="utf-8")
