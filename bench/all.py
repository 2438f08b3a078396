"""Everything that is measured, in one go: ``make bench ARGS="--set ../locomo"``; it takes an hour and more.

Each part is a script of this folder, run by itself. Its raw figures go to ``bench/results`` (not kept in git, as they
hold the questions of sets that must not be shipped); its table becomes a section of ``docs/measured.md`` and its plots
go to ``docs/pictures``. ``--only recall,peers`` runs some parts again; the sections of the others stay.
``--only scale,users --sizes 1000,3000 --users-sizes 1000`` tries the parts on growth out in a few minutes.
"""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.machine import described
from bench.plots import draw
from bench.recall_sets import OWN_SETS

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "measured.md"


@dataclass(frozen=True)
class Part:
    """One script and what it answers.

    Attributes:
        on_set: it also measures a set that is named, beside the repository's own.
        arguments: with what it is run; ``{json}`` is where its raw figures go, ``{sizes}`` and ``{users-sizes}`` are
            the numbers of memories.
        tabular: it prints Markdown; otherwise plain text.
    """

    name: str
    question: str
    script: str
    arguments: tuple[str, ...] = ()
    on_set: bool = False
    tabular: bool = False

    def command(self, json_file: Path, options: argparse.Namespace) -> list[str]:
        """Return how it is run."""
        given = {"{json}": str(json_file), "{sizes}": options.sizes, "{users-sizes}": options.users_sizes}
        arguments = [given.get(argument, argument) for argument in self.arguments]
        if self.on_set and options.set:
            arguments += ["--set", options.set]
            arguments += ["--conversations", options.conversations] if options.conversations else []
        return [str(Path(".venv") / "bin" / "python"), f"bench/{self.script}", *arguments]


PARTS = (
    Part(
        "peers",
        "Beside what one would use instead",
        "peers/compare.py",
        ("--json", "{json}"),
        on_set=True,
        tabular=True,
    ),
    Part(
        "recall", "Recall, and what each part of it gives", "recall.py", ("--ablate", "--json", "{json}"), tabular=True
    ),
    Part("scale", "Growth", "scale.py", ("--sizes", "{sizes}", "--json", "{json}")),
    Part("users", "Fifty users", "scale.py", ("--sizes", "{users-sizes}", "--users", "50", "--json", "{json}")),
    Part("latency", "Latency with the real embedder", "latency.py"),
    Part("footprint", "Memory, disk, and processor time at rest", "footprint.py", ("--json", "{json}")),
    Part("bulk", "A long conversation", "bulk.py"),
    Part("startup", "Start, by parts", "startup.py", ("--parts", "--runs", "5")),
    Part("before", "Beside an earlier version: notes", "before.py", ("--list", "10"), tabular=True),
    Part(
        "before-conversations",
        "Beside an earlier version: conversations",
        "before.py",
        ("--list", "10", "--set", str(OWN_SETS / "conversations")),
        tabular=True,
    ),
)


def run(part: Part, options: argparse.Namespace) -> str:
    """Run a part and return its section: the command, the machine, the plots, and what was printed."""
    raw = RESULTS / f"{part.name}.json"
    raw.unlink(missing_ok=True)
    command = part.command(raw, options)
    shown = [Path(word).name if word == options.set else word.removeprefix(f"{ROOT}/") for word in command]
    shown = ["FILE" if word == str(raw) else word for word in shown]
    print("+", " ".join(command), file=sys.stderr, flush=True)
    on, day = described(), datetime.datetime.now(datetime.UTC).date().isoformat()
    printed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    if not part.tabular:
        printed = f"```text\n{printed}\n```"
    machine = f"{on['cores']} cores, {on['memory GB']} GB, {on['system']}, Python {on['python']}"
    parts = [
        part.question,
        f"`{' '.join(shown)}`, {day}, on {machine}, load {on['load']} at its start.",
        "\n\n".join(f"![{plot.stem}](pictures/{plot.name})" for plot in draw(part.name, RESULTS, PAGE.parent)),
        printed.replace("\n## ", "\n### ").removeprefix("## "),
    ]
    return "\n\n".join(text for text in parts if text) + "\n"


def renewed(page: str, section: str) -> str:
    """Return the page with one section new, in the order of the parts; the others stay as they are."""
    head, *sections = page.split("\n## ")
    by_question = {text.partition("\n")[0]: text.rstrip() for text in [*sections, section]}
    kept = [by_question[part.question] for part in PARTS if part.question in by_question]
    return "\n\n## ".join([head.rstrip(), *kept]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="which parts, separated by commas; default: all")
    parser.add_argument("--set", help="a further set of texts and questions, for the comparison with peers")
    parser.add_argument("--conversations", help="only that many scopes of it")
    parser.add_argument("--sizes", default="1000,10000,100000", help="how many memories one user has, ascending")
    parser.add_argument("--users-sizes", default="10000", help="how many memories fifty users share, ascending")
    options = parser.parse_args()
    wanted = [part.name for part in PARTS] if options.only is None else options.only.split(",")
    RESULTS.mkdir(exist_ok=True)
    for part in PARTS:
        if part.name in wanted:
            section = run(part, options)
            PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), section), encoding="utf-8")


if __name__ == "__main__":
    main()
