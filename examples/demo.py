"""``make demo``: two sessions of a coding agent, in two projects, with one memory between them.

All parts are real: the stdio shim as Claude Code starts it, the official MCP client, a managed Neo4j, the embedded
index and the embedding model. The data lies in a folder of its own below the cache folder, so nobody's memories are
touched. At the end the memories are erased; the schema stays, so the next run starts sooner. The demo is also a test:
a wrong answer ends it with exit status 1.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import TextContent
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from kg.errors import KgError
from kg.managed.artifacts import ensure_jars, ensure_model, progress_bar
from kg.managed.local_neo4j import LocalNeo4j
from kg.settings.paths import cache_dir
from kg.settings.service import load_settings, models_of
from mcp_server.link.lifecycle import StartFailed, ensure_running
from mcp_server.link.record import read_record
from mcp_server.link.stop import stop_service

SHOP = "github.com/acme/shop-api"
BILLING = "github.com/acme/billing"
BOOT_TIMEOUT_S = 300.0
PATIENCE_S = 60.0
KEEP = os.environ.get("KEEP") == "1"
SETTINGS = ("KNOWTHREAD_", "MEM0_")
KEPT_SETTINGS = ("KNOWTHREAD_CACHE_DIR", "KNOWTHREAD_JAVA")
NOW = datetime.now(UTC)

screen = Console(width=80, highlight=False)
progress = Console(stderr=True, highlight=False)

Answer = dict[str, Any]
Tool = Callable[..., Any]


class Note(NamedTuple):
    """What the agent of the first session passes to add_memory."""

    days_ago: int
    text: str
    facts: tuple[dict[str, str], ...] = ()


def fact(subject: str, predicate: str, obj: str, **more: str) -> dict[str, str]:
    """Return a fact as an agent writes it, without a statement: the service words that."""
    return {"subject": subject, "predicate": predicate, "object": obj, **more}


NOTES = (
    Note(240, "The user prefers TypeScript with strict mode for every new project.",
         (fact("user", "PREFERS", "TypeScript with strict mode"),)),
    Note(230, "The user prefers Jest for unit tests: it is what the team knows.",
         (fact("user", "PREFERS", "Jest", because="it is what the team knows"),)),
    Note(150, "Sessions of shop-api stay in Postgres. Redis was rejected for them: one more service to run for 2k "
              "users. Look again at 10k users.",
         (fact("shop-api", "REJECTED", "Redis", because="one more service to run for 2k users",
               revisit_when="10k users"),
          fact("shop-api", "USES", "Postgres"))),
    Note(120, "shop-api deploys to staging every night at 02:00, to production only by tag."),
    Note(96, "The flaky tests of the checkout came from state leakage between test groups, a cart fixture that was "
             "never reset; not from async timing, where we had looked for two days.",
         (fact("flaky tests", "CAUSED_BY", "state leakage between test groups"),
          fact("flaky tests", "NOT_CAUSED_BY", "async timing"),
          fact("shop-api", "HAD", "flaky tests"))),
    Note(80, "The mail worker ran out of memory on attachments above 20 MB, which it read whole. Streaming fixed it.",
         (fact("mail worker", "FIXED_BY", "streaming of attachments"),)),
    Note(60, "Built JWT middleware for shop-api: checks RS256 tokens and renews them 5 minutes before they expire.",
         (fact("shop-api", "IMPLEMENTS", "JWT middleware"),)),
)  # fmt: skip
CHANGE_OF_MIND = Note(
    20,
    "The user moved from Jest to Vitest: the same suite runs in a third of the time.",
    (fact("user", "PREFERS", "Vitest", because="the same suite runs in a third of the time"),),
)


class WrongAnswer(Exception):
    """The service gave a wrong answer; the text says what was expected."""


def expect(holds: bool, expected: str, got: object) -> None:
    """Fail unless ``holds``."""
    if not holds:
        raise WrongAnswer(f"expected {expected}; got: {got}")


@asynccontextmanager
async def session(project: str, root: Path) -> AsyncGenerator[Tool]:
    """Run one agent session in a checkout of a project, through its own shim; yields a function that calls a tool."""
    folder = root / project.rpartition("/")[2]
    git = folder / ".git"
    git.mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    (git / "config").write_text(f'[remote "origin"]\n\turl = https://{project}.git\n', encoding="utf-8")
    command = str(Path(sys.executable).with_name("knowthread"))
    server = StdioServerParameters(command=command, args=["mcp"], env=dict(os.environ), cwd=folder)
    async with stdio_client(server) as streams, ClientSession(*streams) as client:
        await client.initialize()

        async def call(tool: str, **arguments: object) -> Answer:
            deadline = time.monotonic() + PATIENCE_S
            while True:
                result = await client.call_tool(tool, arguments)
                text = "".join(block.text for block in result.content if isinstance(block, TextContent))
                if not result.is_error:
                    return result.structured_content or {}
                expect("same call again" in text and time.monotonic() < deadline, f"an answer of {tool}", text)
                await asyncio.sleep(5)  # the machine is very busy: try again, as the answer says

        yield call


async def tell(call: Tool) -> tuple[int, int]:
    """First session: store the notes; return how many memories and facts there are."""
    facts = 0
    for note in NOTES:
        facts += len((await add(call, note)).get("facts", []))
    settle = (await add(call, CHANGE_OF_MIND)).get("to_settle", [])
    older = [item["id"] for item in settle if "Jest" in item["fact"]]
    expect(len(older) == 1, "the preference for Jest among the facts to settle", settle)
    ended = (await add(call, CHANGE_OF_MIND, supersedes=older)).get("ended", [])
    expect([item["id"] for item in ended] == older, "the preference for Jest ended", ended)
    memories = (await call("get_memories"))["results"]
    expect(len(memories) == len(NOTES) + 1, f"{len(NOTES) + 1} memories", memories)
    return len(memories), facts + 1


async def add(call: Tool, note: Note, **to_fact: object) -> Answer:
    """Store one note, and wait until it can be searched."""
    occurred_at = (NOW - timedelta(days=note.days_ago)).isoformat()
    facts = [{**item, **to_fact} for item in note.facts]
    answer = await call("add_memory", text=note.text, facts=facts, occurred_at=occurred_at, wait=True)
    expect(answer["indexed"] and "facts_skipped" not in answer, "an indexed memory with all its facts", answer)
    return answer


async def ask(call: Tool) -> None:
    """Second session: ask, show and check."""
    await recall(call, "flaky test debugging", "state leakage")
    redis = await recall(call, "what went wrong with Redis?", "Redis was rejected")
    reasons = [item for item in redis["facts"] if item.get("revisit_when") == "10k users"]
    expect(bool(reasons), "the condition under which to look again", redis["facts"])
    show("look again when", reasons[0]["revisit_when"])
    await recall(call, "did I build authentication anywhere before?", "JWT middleware")
    await preferences(call)
    await entities(call)
    await neighbourhood(call, "shop-api")


async def recall(call: Tool, question: str, expected: str) -> Answer:
    """Ask a question as a person would and show the best memory."""
    results = (await call("search_memories", query=question, limit=3))["results"]
    expect(bool(results), f"a memory for {question!r}", results)
    best: Answer = results[0]
    expect(expected in best["memory"], f"{expected!r} as the answer to {question!r}", best["memory"])
    expect(best["project"] == SHOP, f"a memory of {SHOP}", best)
    heading(question)
    show("", best["memory"])
    show("", f"{best['occurred_at'][:10]}  {best['project']}  score {best['score']:.2f}", style="dim")
    return best


async def preferences(call: Tool) -> None:
    """Show what the user prefers now and what half a year ago."""
    heading("what do I prefer now, and before?")
    then = NOW - timedelta(days=180)
    now = await preferred(call)
    before = await preferred(call, as_of=then.isoformat())
    strict = "TypeScript with strict mode"
    expect(set(now) == {strict, "Vitest"}, f"{strict} and Vitest now", now)
    expect(set(before) == {strict, "Jest"}, f"{strict} and Jest on {then:%Y-%m-%d}", before)
    show("now", "; ".join(f"{name} (since {since})" for name, since in now.items()))
    show(f"{then:%Y-%m-%d}", "; ".join(before))


async def preferred(call: Tool, **instant: str) -> dict[str, str]:
    """Return what the user preferred at an instant, each with its date."""
    facts = (await call("get_entity", name="user", direction="out", **instant))["facts"]
    return {item["object"]: item["valid_at"][:10] for item in facts if item["predicate"] == "PREFERS"}


async def entities(call: Tool) -> None:
    """Show the things that the memory knows."""
    heading("show me all entities")
    found = (await call("search_graph", query="", limit=50))["results"]
    names = [item["name"] for item in found]
    for name in ("shop-api", "Redis", "JWT middleware", "Vitest", "flaky tests"):
        expect(name in names, f"{name} among the entities", names)
    show("", ", ".join(names))
    projects = (await call("list_entities"))["projects"]
    expect([item["id"] for item in projects] == [SHOP], f"memories in {SHOP} only", projects)


async def neighbourhood(call: Tool, name: str) -> None:
    """Draw the graph around one entity."""
    page = await call("get_entity", name=name)
    tree = Tree(Text(f"{page['name']} ({page['kind']})", "bold"))
    for item in page["facts"]:
        line = f"{item['predicate']} -> {item['object']}"
        if item["direction"] == "in":
            line = f"{item['predicate']} <- {item['subject']}"
        tree.add(Text.assemble(line, (f"  since {item['valid_at'][:10]}", "dim")))
    relationships = {item["predicate"] for item in page["facts"]}
    expect(relationships == {"IMPLEMENTS", "HAD", "USES", "REJECTED"}, f"four relationships of {name}", page["facts"])
    heading(f"the graph round {name}")
    screen.print(tree)


def heading(question: str) -> None:
    """Print what is asked."""
    screen.print(Text(f"\n> {question}", "bold cyan"))


def show(label: str, text: str, style: str = "") -> None:
    """Print a part of the answer."""
    content = Text.assemble((f"{label}: " if label else "", "green"), (text, style))
    for line in content.wrap(screen, 78):
        screen.print(Text("  ") + line)


async def converse(root: Path) -> None:
    """Hold both sessions."""
    async with session(SHOP, root) as call:
        memories, facts = await tell(call)
    screen.print(f"[bold]Session 1[/], in {SHOP}: {memories} notes with {facts} facts were handed over.")
    screen.print(f"[bold]Session 2[/], another process, in {BILLING}, asks:")
    async with session(BILLING, root) as call:
        await ask(call)
        if not KEEP:
            await deleting(call)


async def deleting(call: Tool) -> None:
    """Erase what this demo stored."""
    user_id = os.environ["KNOWTHREAD_USER_ID"]
    count = (await call("delete_all_memories", user_id=user_id, dry_run=True))["memories"]
    await call("delete_all_memories", user_id=user_id, confirm=count)


def boot(folder: Path) -> None:
    """Fetch what is missing and start the service; standard error says how far it is."""
    settings = load_settings()
    with progress_bar() as bar:
        for model in models_of(settings.embedder):
            ensure_model(settings.cache_dir, model, bar)
        ensure_jars(settings.cache_dir, bar)
    stop_service(folder)  # one that KEEP=1 left running may run older code
    try:
        start(folder)
    except StartFailed as error:
        progress.print(f"demo: {error}; again, on an empty data folder", style="yellow")
        shutil.rmtree(folder)
        start(folder)


def start(folder: Path) -> None:
    """Start the service and wait until it is ready."""
    ensure_running(BOOT_TIMEOUT_S, lambda phase: progress.print(f"demo: {phase} …", style="dim"), folder=folder)


def stop(folder: Path) -> None:
    """End the service and its Neo4j, and make sure of it."""
    record = read_record(folder)
    started: list[psutil.Process] = []
    if record is not None and record.is_alive():
        service = psutil.Process(record.pid)
        started = [service, *service.children(recursive=True)]
    said = stop_service(folder)
    _, left = psutil.wait_procs(started, timeout=10)
    expect(not left, "every process ended", left)
    screen.print(f"\n{said} {len(started)} processes ended.", style="dim")


def keep() -> None:
    """Say how to look at what was left running."""
    settings = load_settings()
    neo4j = LocalNeo4j(settings).running()
    if neo4j is None:
        raise WrongAnswer("expected a running Neo4j")
    screen.print(f"\nLeft running. Neo4j Browser: {neo4j.browser_url}  connect to {neo4j.bolt_url}")
    screen.print(f"user {neo4j.user}, password {neo4j.password}   try: MATCH (n) RETURN n")
    screen.print(f"To stop it: KNOWTHREAD_DATA_DIR={settings.data_dir} .venv/bin/knowthread stop", soft_wrap=True)


@contextmanager
def own_folders() -> Generator[tuple[Path, Path]]:
    """Yield the demo's data folder, for one demo at a time, and an empty folder for checkouts; set the environment."""
    data = cache_dir() / "demo"
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in [name for name in os.environ if name.startswith(SETTINGS) and name not in KEPT_SETTINGS]:
        del os.environ[name]
    os.environ |= {"KNOWTHREAD_DATA_DIR": str(data), "KNOWTHREAD_USER_ID": f"demo {NOW:%Y-%m-%d %H:%M:%S}"}
    with data.with_suffix(".lock").open("w") as lock, tempfile.TemporaryDirectory(prefix="knowthread-demo-") as root:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield data, Path(root)


def main() -> int:
    """Run the demo; returns the exit status."""
    failed = kept = False
    with own_folders() as (data, root):
        try:
            boot(data)
            asyncio.run(converse(root))
            if KEEP:
                keep()
                kept = True
        except* (WrongAnswer, KgError) as errors:
            failed = True
            progress.print(f"demo: {first(errors)}", style="bold red")
        finally:
            if not kept:
                stop(data)
    return int(failed)


def first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first failure; an error that passes through the MCP client comes wrapped in groups."""
    error = errors.exceptions[0]
    return first(error) if isinstance(error, BaseExceptionGroup) else error  # pyright: ignore[reportUnknownArgumentType]


if __name__ == "__main__":
    sys.exit(main())
