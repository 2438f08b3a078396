"""The plots of ``docs/measured.md``: recall by method, cost by number of memories, memory by method."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

OWN = "#1f6f8b"
OTHERS = "#b8c4cc"
SIZE = (6.0, 2.6)
STYLE = {"svg.hashsalt": "knowthread", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False,
         "axes.spines.right": False}  # fmt: skip


def draw(part: str, results: Path, docs: Path) -> list[Path]:
    """Draw the plots of one part from its raw figures and return their files; none where it has none."""
    raw = results / f"{part}.json"
    made: list[Path] = []
    for name, plot in PLOTS.get(part, {}).items():
        if raw.exists():
            file = docs / "pictures" / f"{name}.svg"
            with matplotlib.rc_context(STYLE):
                figure = plot(raw.read_text(encoding="utf-8"))
                figure.savefig(file, metadata={"Date": None}, bbox_inches="tight")
                pyplot.close(figure)
            made.append(file)
    return made


def _recall_by_method(raw: str) -> Figure:
    """Bars: recall at 1, 5 and 10 of each method."""
    results = json.loads(raw)["results"]
    figure, axes = pyplot.subplots(figsize=SIZE)
    depths = ("@1", "@5", "@10")
    width = 0.8 / len(results)
    shades = [OWN if result["peer"] == "knowthread" else OTHERS for result in results]
    for place, result in enumerate(results):
        at = [group + (place - (len(results) - 1) / 2) * width for group in range(len(depths))]
        bars = axes.bar(at, [result["recall"][depth] for depth in depths], width * 0.9, color=shades[place])
        axes.bar_label(bars, [result["peer"]] * len(depths), rotation=90, padding=2, fontsize=6)
    axes.set_xticks(range(len(depths)), depths)
    axes.set_ylim(0, 1.25)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_ylabel("recall")
    axes.set_title(f"{results[0]['set']}: {results[0]['questions']} questions", loc="left", fontsize=9)
    return figure


def _memory_by_method(raw: str) -> Figure:
    """Bars: resident memory of each method."""
    results = json.loads(raw)["results"][::-1]
    figure, axes = pyplot.subplots(figsize=SIZE)
    bars = axes.barh(
        [result["peer"] for result in results],
        [result["MB"] for result in results],
        color=[OWN if result["peer"] == "knowthread" else OTHERS for result in results],
    )
    axes.bar_label(bars, fmt="%.0f", padding=3)
    axes.set_xlabel(f"resident MB, all processes, {results[0]['messages']} messages")
    return figure


def _latency_by_size(raw: str) -> Figure:
    """Lines: the median of each operation by the number of memories."""
    rows = [json.loads(line) for line in raw.splitlines()]
    names = rows[0]["operations"]
    return _lines(rows, {name: [row["operations"][name]["median"] for row in rows] for name in names}, "ms, median")


def _memory_by_size(raw: str) -> Figure:
    """Lines: what service and Neo4j hold by the number of memories."""
    rows = [json.loads(line) for line in raw.splitlines()]
    names = rows[0]["resident_mb"]
    return _lines(rows, {name: [row["resident_mb"][name] for row in rows] for name in names}, "resident MB")


def _lines(rows: list[dict[str, Any]], lines: dict[str, list[float]], label: str) -> Figure:
    """Draw one line a name over the number of memories, the names in the order in which the lines end."""
    sizes = [row["memories"] for row in rows]
    figure, axes = pyplot.subplots(figsize=SIZE)
    for name, values in sorted(lines.items(), key=lambda line: -line[1][-1]):
        axes.plot(sizes, values, marker="o", markersize=3, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.minorticks_off()
    axes.set_xlabel("memories")
    axes.set_ylabel(label)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=7)
    return figure


PLOTS: dict[str, dict[str, Callable[[str], Figure]]] = {
    "peers": {"recall-by-method": _recall_by_method, "memory-by-method": _memory_by_method},
    "scale": {"latency-by-size": _latency_by_size, "memory-by-size": _memory_by_size},
}
