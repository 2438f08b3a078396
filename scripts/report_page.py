"""Write ``docs/reports.md`` from the headers of the reports: ``python scripts/report_page.py``."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from kg.reports.catalog import Report, shipped_reports

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reports.md"

_INTRODUCTION = """\
# Reports

Questions that people ask of the whole graph. Each is one Cypher file in `cypher/report/`, and answers the same in four
places:

- `knowthread report` lists them; `knowthread report current --project shop` prints a table, and with `--json`, `--csv`
  or `--markdown` a document for scripts. The end of a project's name is enough: `shop` finds `github.com/acme/shop`.
- `knowthread://report/current` is the same as an MCP resource; options follow as in `?project=shop&limit=20`.
- In Neo4j Browser the file runs as it is, after the lines that are given below each report.
- Your own `.cypher` files in the `reports/` folder of the data folder (`knowthread status` shows it) run in the same
  way. `$user_id` and `$now` are set for you; other parameters are given by `--set name=value`. A header like those of
  the shipped files gives them types, defaults and explained columns. Reports cannot write: Neo4j refuses it.

Instants are in UTC. A day is empty where nobody said when a fact began.
"""


def page() -> str:
    """Return the page as the file holds it."""
    reports = shipped_reports()
    listed = "\n".join(f"- [{name}](#{name}): {_plain(report.answers)}" for name, report in sorted(reports.items()))
    return "\n".join([_INTRODUCTION, listed, *(_section(report) for _, report in sorted(reports.items())), ""])


def _section(report: Report) -> str:
    browser: dict[str, object] = {"user_id": "your login name"}
    browser |= {one.name: "a name" if one.required else one.default for one in report.parameters}
    values = ", ".join(f"{name}: {json.dumps(value)}" for name, value in browser.items() if name in report.query.params)
    lines = ["", f"## {report.name}", "", _plain(report.answers), "", "| column | |", "|---|---|"]
    lines += [f"| `{name}` | {_plain(meaning)} |" for name, meaning in report.columns.items()]
    if report.parameters:
        lines += ["", "| option | | default |", "|---|---|---|"]
        lines += [
            f"| `--{one.name}` | {_plain(one.meaning)} | {'' if one.default is None else one.default} |"
            for one in report.parameters
        ]
    lines += ["", "In Browser:", "", "```", f":param {{{values}}}"]
    lines += [":param now => datetime()", "```"] if "now" in report.query.params else ["```"]
    return "\n".join(lines)


def _plain(text: str) -> str:
    return re.sub(r"([|*_<])", r"\\\1", text)


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
