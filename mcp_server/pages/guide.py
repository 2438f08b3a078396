"""What Neo4j Browser is shown: a guide that plays by itself, the style, and saved queries.

Every query in them is one of ``cypher/browse`` or ``cypher/report``, written with the person's own name in place of
``$user_id``, so that it runs at one click and can be changed by hand.
"""

from __future__ import annotations

import html
import io
import zipfile
from collections.abc import Mapping
from urllib.parse import quote

import cypher
from cypher import Expression, QueryFile
from mcp_server.pages.page import fill, part

_SETTLE = "browse/settle"
_FIRST_PAGE = 5
_PLACEHOLDERS = {"older": "id of the older fact", "newer": "id of the newer fact", "reason": "why"}
_EXAMPLES = {"entity": "Redis", "project": "shop"}
"""What stands in a saved query where a report asks for a value that has no default."""


def browser_link(browser_url: str, bolt_url: str, user: str, database: str, guide_url: str) -> str:
    """Return the address that opens Browser, with everything but the password filled in, and plays the guide."""
    scheme, _, place = bolt_url.partition("://")
    dbms = quote(f"{scheme}://{user}@{place}", safe="")
    return f"{browser_url}?dbms={dbms}&db={quote(database, safe='')}&cmd=play&arg={quote(guide_url, safe='')}"


def render_guide(user_id: str, base_url: str) -> str:
    """Return the guide for one person; ``base_url`` is where the style and the saved queries lie beside it."""
    asked = [_question(number, query, user_id) for number, query in enumerate(_questions(), start=1)]
    settle = cypher.filled(cypher.load()[_SETTLE], {"user_id": user_id, **_PLACEHOLDERS})
    parts = {
        "user": html.escape(user_id),
        "base": html.escape(base_url),
        "questions_1": "\n".join(asked[:_FIRST_PAGE]),
        "questions_2": "\n".join(asked[_FIRST_PAGE:]),
        "settle": f'<pre class="runnable remove-play-icon">{html.escape(settle)}</pre>',
    }
    return fill(part("guide.html"), parts)


def style() -> str:
    """Return the style of nodes and relationships, as Browser's ``:style`` takes it."""
    return part("style.grass")


def saved_queries(user_id: str) -> bytes:
    """Return the questions and the reports as a zip of folders, which Browser imports as favourites."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for query in _questions():
            archive.writestr(_entry(f"knowthread/{_title(query)}.cypher"), _favourite(query, {"user_id": user_id}))
        for name, query in sorted(cypher.load().items()):
            if query.folder == "report":
                archive.writestr(_entry(f"knowthread reports/{query.path.stem}.cypher"), _report(query, name, user_id))
    return out.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    """Return an entry with a fixed date, so that the same queries make the same file."""
    return zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))


def _questions() -> list[QueryFile]:
    found = (query for query in cypher.load().values() if query.folder == "browse" and query.mode == "read")
    return sorted(found, key=lambda query: query.path.stem)


def _title(query: QueryFile) -> str:
    return query.path.stem.replace("_", " ")


def _question(number: int, query: QueryFile, user_id: str) -> str:
    text = html.escape(cypher.filled(query, {"user_id": user_id}))
    return f'<p><b>{number}.</b> {html.escape(query.doc)}</p>\n<pre class="runnable">{text}</pre>'


def _favourite(query: QueryFile, values: Mapping[str, object]) -> str:
    """Return a query as a favourite: its first line is what Browser shows as its name."""
    return f"// {query.doc}\n{cypher.filled(query, values)}\n"


def _report(query: QueryFile, name: str, user_id: str) -> str:
    values: dict[str, object] = {
        parameter: query.defaults.get(parameter, _EXAMPLES.get(parameter)) for parameter in query.params
    }
    values |= {"user_id": user_id} if "user_id" in query.params else {}
    values |= {"now": Expression("datetime()")} if "now" in query.params else {}
    told = [f"// {parameter}: {query.meanings[parameter]}" for parameter in values if parameter in query.meanings]
    return "\n".join([f"// {name.partition('/')[2]}: {query.doc}", *told, cypher.filled(query, values), ""])
