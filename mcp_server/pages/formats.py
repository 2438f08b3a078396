"""A picture of the graph for other programs: GraphML, node-link JSON and DOT, through networkx.

Nodes are entities and literal values, edges are facts, one each. A missing attribute is one that the fact lacks.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import networkx as nx

from kg.values import JsonObject

_UNFIT_FOR_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_VALUE_KIND = "Value"


def as_graph(picture: JsonObject) -> nx.MultiDiGraph[str]:
    """Return a picture as a graph whose attributes are texts and flags."""
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for entity in picture["entities"]:
        aliases = "; ".join(entity["aliases"])
        graph.add_node(entity["id"], **_filled({"name": entity["name"], "kind": entity["kind"], "aliases": aliases}))
    for fact in picture["facts"]:
        target: str | None = fact.get("object")
        if target is None:
            value: str = fact.get("value") or fact["statement"]
            target = f"{fact['subject']} {fact['predicate']} {value}"
            graph.add_node(target, name=value, kind=_VALUE_KIND)
        memory: JsonObject = picture["memories"].get(fact["memory"], {})
        replaced = "; ".join(by["id"] for by in fact.get("replaced_by", ()))
        attributes = {
            **{name: fact.get(name) for name in _OF_FACT},
            "memory": fact["memory"],
            "project": memory.get("project"),
            "text": memory.get("text"),
            "replaced_by": replaced,
        }
        graph.add_edge(fact["subject"], target, key=fact["id"], **_filled(attributes))
    return graph


_OF_FACT = ("predicate", "statement", "because", "revisit_when", "begins", "ends", "corrected", "stored", "origin")


def _filled(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value not in (None, "")}


def _graphml(graph: nx.MultiDiGraph[str]) -> str:
    """Return GraphML; characters that XML cannot hold are left out."""
    clean: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for node, data in graph.nodes(data=True):
        clean.add_node(_xml(node), **_clean(data))
    for source, target, key, data in graph.edges(keys=True, data=True):
        clean.add_edge(_xml(source), _xml(target), key=key, **_clean(data))
    out = io.BytesIO()
    nx.write_graphml(clean, out, encoding="utf-8")
    return out.getvalue().decode()


def _clean(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _xml(value) if isinstance(value, str) else value for name, value in data.items()}


def _xml(text: str) -> str:
    return _UNFIT_FOR_XML.sub("", text)


def _json(graph: nx.MultiDiGraph[str]) -> str:
    return json.dumps(nx.node_link_data(graph, edges="edges"), ensure_ascii=False, indent=1) + "\n"


def _dot(graph: nx.MultiDiGraph[str]) -> str:
    """Return a graph for Graphviz: names on the nodes, predicates on the edges; what has ended is dashed."""
    lines = ["digraph knowthread {", "  graph [overlap=false, splines=true];", '  node [shape=box, style="rounded"];']
    for node, data in graph.nodes(data=True):
        lines.append(f"  {_quoted(node)} [label={_quoted(data.get('name', node))}, class={_quoted(data['kind'])}];")
    for source, target, data in graph.edges(data=True):
        past = ', style="dashed", color="gray60"' if "ends" in data or "corrected" in data else ""
        label, tip = _quoted(data["predicate"]), _quoted(data["statement"])
        lines.append(f"  {_quoted(source)} -> {_quoted(target)} [label={label}, tooltip={tip}{past}];")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    escaped = _xml(text).replace("\\", "\\\\").replace('"', '\\"').replace("\r", "").replace("\n", "\\n")
    return f'"{escaped}"'


FORMATS: Mapping[str, Callable[[nx.MultiDiGraph[str]], str]] = {"graphml": _graphml, "json": _json, "dot": _dot}
"""The formats beside HTML, by name; a file's extension is its format's name."""


def render_format(picture: JsonObject, name: str) -> str:
    """Return a picture in one of ``FORMATS``."""
    return FORMATS[name](as_graph(picture))
