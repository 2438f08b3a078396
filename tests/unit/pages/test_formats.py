"""A picture in the formats of other programs, read back as those programs would."""

from __future__ import annotations

import io
import json

import networkx as nx
import pytest

from mcp_server.pages.formats import FORMATS, render_format
from tests.support.pictures import HOSTILE, picture


def test_graphml_holds_names_facts_and_times():
    text = render_format(picture(), "graphml")
    graph = nx.read_graphml(io.BytesIO(text.encode()), force_multigraph=True)
    assert graph.nodes["redis"]["name"] == "Redis" and graph.nodes["node"]["name"] == "Node.js"
    edges = {key: data for _, _, key, data in graph.edges(keys=True, data=True)}
    assert edges["f1"]["statement"] == HOSTILE and edges["f1"]["replaced_by"] == "f2"
    assert edges["f1"]["ends"] == "2026-01-01T00:00:00Z" and "ends" not in edges["f2"]
    assert edges["f2"]["text"] == "Redis after all. Node 22."


def test_json_is_networkxs_own():
    graph = nx.node_link_graph(json.loads(render_format(picture(), "json")), edges="edges")
    assert graph.number_of_edges("shop", "redis") == 2
    assert graph.nodes["node"]["name"] == "Node\x0b.js"


def test_dot_quotes_whatever_a_text_holds_and_marks_what_ended():
    text = render_format(picture(), "dot")
    assert '[label="the \\"22\\"\\\\line", class="Value"];' in text
    ended, holds = (line for line in text.splitlines() if '"shop" -> "redis"' in line)
    assert 'label="REJECTED"' in ended and 'style="dashed"' in ended
    assert 'label="CHOSE"' in holds and "dashed" not in holds
    strings = text.replace("\\\\", "").replace('\\"', "")
    assert all(line.count('"') % 2 == 0 for line in strings.splitlines())


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_graph_has_a_picture_too(name: str):
    assert render_format(picture(entities=[], facts=[], memories={}), name).strip()
