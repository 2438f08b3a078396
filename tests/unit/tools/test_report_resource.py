"""Reports as a client of the protocol reads them: one resource for each, with options, and names completed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import ResourceTemplateReference, TextResourceContents

from kg.ports import SystemClock
from kg.reports.run import Reports
from mcp_server.tools.tools import REPORT, Backend, build_server


class Store:
    """Answers every report with the parameters that it was asked with."""

    async def read_one(self, query: Any, **params: Any) -> dict[str, Any]:
        return {"last_at": None}

    async def report(self, query: Any, params: dict[str, Any], max_rows: int) -> tuple[list[str], list[Any], bool]:
        return ["asked"], [{"asked": [query.name, params["user_id"], params["project"], params["limit"]]}], True


class Service:
    """A service of which only the reports are asked for."""

    default_user = "somebody"

    def __init__(self, folder: Path) -> None:
        self.reports = Reports(cast("Any", Store()), SystemClock(), folder)


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(build_server(cast("Backend", Service(tmp_path)), "0"), mode="legacy")


async def test_a_report_is_read_with_its_options_for_the_calling_user(client: Client) -> None:
    async with client as session:
        (content,) = (await session.read_resource("knowthread://report/rejected?project=shop&limit=7")).contents
        assert isinstance(content, TextResourceContents)
        answer = json.loads(content.text)
    assert answer["rows"] == [{"asked": ["report/rejected", "somebody", "shop", 7]}]


async def test_names_of_reports_are_completed(client: Client) -> None:
    async with client as session:
        template = ResourceTemplateReference(uri=REPORT)
        found = (await session.complete(template, {"name": "name", "value": "con"})).completion
        other = (await session.complete(template, {"name": "project", "value": "con"})).completion
    assert (found.values, found.has_more, other.values) == (["conflicts", "connected"], False, [])


async def test_a_report_that_is_not_there_is_refused_with_those_that_are(client: Client) -> None:
    async with client as session:
        with pytest.raises(MCPError, match="there are changed, conflicts"):
            await session.read_resource("knowthread://report/nonsense")
