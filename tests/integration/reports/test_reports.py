"""Every report on one fixed graph, and own reports of a person: read-only, named columns, clear refusals."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import cypher
from kg.errors import ConfigurationError, InvalidInput, NotFound
from kg.facts.contentions import OPPOSITES
from kg.reports.catalog import shipped_reports
from kg.reports.run import Reports
from tests.support.user import TestClock, User, states

SHOP = "github.com/acme/shop"
REPORTS = shipped_reports()


@pytest.fixture
async def shop(user: User, clock: TestClock) -> User:
    """A year of one project's decisions, attempts and changes."""
    user.project = SHOP
    clock.at("2025-01-10")
    await user.add(
        "Kafka for events; NATS was turned down.",
        states("shop chose Kafka", "CHOSE", "shop", "Kafka", because="replay is needed", revisit_when="2025-06"),
        states(
            "shop rejected NATS", "REJECTED", "shop", "NATS", because="no replay", revisit_when="in 2025-06-01 again"
        ),
        states("shop rejected Pulsar", "REJECTED", "shop", "Pulsar", because="too big", revisit_when="2099-01"),
    )
    await user.add("We talk in the morning.", states("shop meets at nine", "HAS_CONVENTION", "shop", "meet at nine"))
    await user.add("Tabs.", states("user prefers tabs", "PREFERS", "user", "tabs"))
    clock.at("2025-02-01")
    first = await user.add("Slow checkout: DNS.", states("checkout stalls because of DNS", "CAUSED_BY", "stall", "DNS"))
    await user.add("Tried caching.", states("caching failed: misses", "FAILED_BECAUSE", "stall", "cache misses"))
    await user.add(
        "It was the lock table.",
        states(
            "checkout stalls because of the lock table", "CAUSED_BY", "stall", "lock table",
            supersedes=[first.fact], how="corrected", reason="seen in the traces",
        ),
        states("vacuum fixed the stall", "FIXED_BY", "stall", "vacuum"),
    )  # fmt: skip
    clock.at("2025-03-01")
    await user.add("Node 20.", states("node is at 20", "USES_VERSION", "node", "20", valid_at="2025-03-01"))
    clock.at("2025-12-28")
    await user.add("Node 22.", states("node is at 22", "USES_VERSION", "node", "22", valid_at="2025-12-28"))
    queue = await user.add("Queue on Redis.", states("queue runs on Redis", "RUNS_ON", "queue", "Redis"))
    await user.add(
        "Queue on Kafka.",
        states("queue runs on Kafka", "RUNS_ON", "queue", "Kafka", supersedes=[queue.fact], reason="one broker"),
    )
    await user.add("Uses Redis.", states("shop uses Redis", "USES", "shop", "Redis"))
    await user.add("No Redis.", states("shop stopped using Redis", "STOPPED_USING", "shop", "Redis"))
    clock.at("2025-12-31")
    return user


@pytest.fixture
def reports(shop: User, tmp_path: Path) -> Reports:
    return Reports(shop.parts.store, shop.clock, tmp_path)


async def table(reports: Reports, user: User, name: str, **given: Any) -> list[dict[str, Any]]:
    answer = await reports.run(user.id, name, given)
    assert answer["columns"] == list(REPORTS[name].columns)
    return answer["rows"]


def column(rows: list[dict[str, Any]], name: str) -> list[Any]:
    return [row[name] for row in rows]


async def test_current_tells_decisions_conventions_preferences_and_the_set_up(reports: Reports, shop: User):
    rows = await table(reports, shop, "current")
    found = {row["statement"]: row for row in rows}
    assert {row["kind"] for row in rows} == {"decision", "convention", "preference", "setup"}
    kafka = found["shop chose Kafka"]
    assert (kafka["because"], kafka["revisit_when"], kafka["since"]) == ("replay is needed", "2025-06", "2025-01-10")
    assert "node is at 22" in found and "node is at 20" not in found and "queue runs on Redis" not in found
    elsewhere = await table(reports, shop, "current", project="github.com/acme/other")
    assert column(elsewhere, "statement") == ["user prefers tabs"]
    assert len(await table(reports, shop, "current", limit="2")) == 2


async def test_rejected_tells_what_is_due_and_what_was_chosen_instead(reports: Reports, shop: User):
    rows = await table(reports, shop, "rejected")
    assert [(row["rejected"], row["due"]) for row in rows] == [
        ("shop rejected NATS", True),
        ("shop rejected Pulsar", False),
    ]
    assert column(rows, "instead") == ["shop chose Kafka"] * 2 and column(rows, "because") == ["no replay", "too big"]


async def test_failed_tells_attempts_and_false_leads_with_the_cause_and_the_cure(reports: Reports, shop: User):
    rows = {row["kind"]: row for row in await table(reports, shop, "failed")}
    assert rows.keys() == {"failed", "false lead"}
    assert rows["false lead"]["statement"] == "checkout stalls because of DNS"
    for row in rows.values():
        assert row["turned_out"] == "checkout stalls because of the lock table"
        assert row["fixed_by"] == "vacuum fixed the stall"


async def test_changed_tells_old_and_new_who_said_so_and_why(reports: Reports, shop: User):
    rows = await table(reports, shop, "changed")
    assert {(row["how"], row["old"], row["new"], row["decided_by"], row["reason"]) for row in rows} == {
        ("superseded", "queue runs on Redis", "queue runs on Kafka", "caller", "one broker"),
        ("ended", "node is at 20", "node is at 22", "date", None),
    }
    older = await table(reports, shop, "changed", since="2025-01")
    assert {row["how"] for row in older} == {"superseded", "ended", "corrected"}


async def test_conflicts_tells_both_sides_with_their_ids(reports: Reports, shop: User):
    (row,) = await table(reports, shop, "conflicts")
    assert (row["one"], row["other"]) == ("shop uses Redis", "shop stopped using Redis")
    assert row["project"] == SHOP and row["one_id"] != row["other_id"]


def test_conflicts_knows_every_declared_pair_of_opposites():
    written = re.findall(r"\['(\w+)', '(\w+)'\]", REPORTS["conflicts"].query.text)
    assert {tuple(sorted(pair)) for pair in OPPOSITES} == set(written)


async def test_project_tells_what_it_is_made_of(reports: Reports, shop: User):
    rows = await table(reports, shop, "project", project=SHOP)
    parts = {(row["subject"], row["relation"], row["object"]) for row in rows}
    assert {("node", "USES_VERSION", "22"), ("queue", "RUNS_ON", "Kafka"), ("shop", "CHOSE", "Kafka")} <= parts
    assert not [part for part in parts if part[2] == "20"]


async def test_person_tells_of_the_user_by_default_and_of_others_by_name(reports: Reports, shop: User):
    (own,) = await table(reports, shop, "person")
    assert (own["relation"], own["statement"]) == ("PREFERS", "user prefers tabs")
    await shop.add("Dana owns CI.", states("Dana owns the CI", "OWNS", "Dana", "CI", subject_kind="Person"))
    assert column(await table(reports, shop, "person", person="dana"), "statement") == ["Dana owns the CI"]
    assert await table(reports, shop, "person", person="nobody") == []


async def test_timeline_tells_how_facts_of_one_thing_began_and_ended(reports: Reports, shop: User):
    rows = await table(reports, shop, "timeline", entity="Node")
    assert [(row["statement"], row["how"]) for row in rows] == [("node is at 20", "ended"), ("node is at 22", None)]
    assert rows[0]["began"].startswith("2025-03-01") and rows[0]["ended"] == rows[1]["began"]
    (redis, kafka) = await table(reports, shop, "timeline", entity="queue")
    assert (redis["how"], redis["replaced_by"], redis["reason"]) == ("superseded", "queue runs on Kafka", "one broker")
    assert kafka["ended"] is None
    await shop.add("Strict_Mode is on.", states("strict mode is on", "HAS_STATUS", "Strict_Mode", "on"))
    assert column(await table(reports, shop, "timeline", entity="strict_mode "), "statement") == ["strict mode is on"]


async def test_connected_tells_what_most_depends_on(reports: Reports, shop: User):
    rows = await table(reports, shop, "connected")
    assert rows[0]["name"] == "shop" and rows[0]["neighbours"] == 5
    assert column(rows, "neighbours") == sorted(column(rows, "neighbours"), reverse=True)
    assert all(0 <= share <= 1 for share in column(rows, "share"))


async def test_stale_tells_what_nothing_confirmed_and_nobody_asked_for(reports: Reports, shop: User):
    stale = column(await table(reports, shop, "stale", days=30), "statement")
    assert "shop meets at nine" in stale and "node is at 22" not in stale
    await shop.search("When does the shop meet?")
    await shop.raw(
        "MATCH (m:Memory {user_id: $user_id}) SET m.last_recalled_at = datetime('2025-12-30'), m.recall_count = 1"
    )
    assert await table(reports, shop, "stale", days=30) == []


async def test_growth_counts_by_week_and_project(reports: Reports, shop: User):
    rows = await table(reports, shop, "growth")
    assert column(rows, "week") == sorted(column(rows, "week"), reverse=True)
    first = next(row for row in rows if row["week"] == "2025-01-06")
    assert (first["project"], first["notes"], first["messages"], first["facts"]) == (SHOP, 3, 0, 5)


async def test_cost_counts_by_model(reports: Reports, shop: User):
    await shop.raw(
        "CREATE (:Job {uuid: randomUUID(), user_id: $user_id, kind: 'extract', state: 'done', "
        "model: 'ollama:qwen3:14b', tokens: 120, cost: 0.5, created_at: datetime()}), "
        "(:Job {uuid: randomUUID(), user_id: $user_id, kind: 'extract', state: 'dead', created_at: datetime()})"
    )
    rows = {row["model"]: row for row in await table(reports, shop, "cost")}
    assert (rows["ollama:qwen3:14b"]["tokens"], rows["ollama:qwen3:14b"]["cost_usd"]) == (120, 0.5)
    assert rows["none"]["failed"] == 1


async def test_health_counts_what_should_not_be_there(reports: Reports, shop: User):
    def found(rows: list[dict[str, Any]]) -> dict[str, int]:
        return {row["check"]: row["found"] for row in rows}

    before = found(await table(reports, shop, "health"))
    assert before["facts without a memory"] == 0 and before["schema version"] > 0
    await shop.raw("MATCH (m:Memory {user_id: $user_id})-[:STATES]->() WITH m LIMIT 1 DETACH DELETE m")
    after = found(await table(reports, shop, "health"))
    assert after["facts without a memory"] > 0


@pytest.mark.parametrize("name", sorted(REPORTS))
async def test_a_report_returns_what_its_header_explains_and_nothing_of_others(reports: Reports, name: str):
    needed = {parameter.name: "Node" for parameter in REPORTS[name].parameters if parameter.required}
    answer = await reports.run("somebody-else", name, needed)
    assert answer["columns"] == list(REPORTS[name].columns)
    assert all(
        re.match(r"\w+ (string|integer|float|boolean)( or null)? - ", line) for line in REPORTS[name].query.returns
    )
    if name == "health":
        assert {row["found"] for row in answer["rows"] if row["check"] != "schema version"} == {0}
    else:
        assert answer["rows"] == []


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_each_parameter_has_a_default_in_its_header_unless_no_default_makes_sense(name: str):
    required = {parameter.name for parameter in REPORTS[name].parameters if parameter.required}
    assert required == ({"entity"} if name == "timeline" else set())
    assert all(parameter.meaning for parameter in REPORTS[name].parameters)


def own(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "reports").mkdir(exist_ok=True)
    (tmp_path / "reports" / f"{name}.cypher").write_text(text, encoding="utf-8")


async def test_an_own_report_runs_without_a_header_and_may_return_nodes(reports: Reports, shop: User, tmp_path: Path):
    own(tmp_path, "tools", "MATCH (e:Entity {user_id: $user_id}) WHERE e.name = $name RETURN e, e.created_at AS at")
    answer = await reports.run(shop.id, "tools", {"name": "Kafka"})
    ((node, at),) = [(row["e"], row["at"]) for row in answer["rows"]]
    assert node["name"] == "Kafka" and "Entity" in node["labels"] and at.startswith("2025-01-10T")
    assert "tools" in reports.names()
    own(tmp_path, "clock", "RETURN toString($now) AS now")
    assert (await reports.run(shop.id, "clock", {}))["rows"] == [{"now": "2025-12-31T00:00:00Z"}]


@pytest.mark.parametrize(
    "text",
    [
        "MATCH (m:Memory) SET m.text = 'gone' RETURN count(m) AS n",
        "CREATE (x:Memory {uuid: 'x'}) RETURN x",
        "MATCH (n) DETACH DELETE n",
        "CALL { MATCH (m:Memory) DETACH DELETE m } IN TRANSACTIONS",
        "CREATE INDEX own IF NOT EXISTS FOR (m:Memory) ON (m.text)",
        "CALL db.createLabel('Own')",
    ],
)
async def test_an_own_report_that_writes_is_refused_and_writes_nothing(
    reports: Reports, shop: User, tmp_path: Path, text: str
):
    own(tmp_path, "writes", text)
    kept = "MATCH (n {user_id: $user_id}) WHERE NOT n:Internal RETURN count(n) AS n, sum(size(n.text)) AS text"
    before = await shop.raw(kept)
    with pytest.raises(InvalidInput, match=r"writes\.cypher"):
        await reports.run(shop.id, "writes", {})
    assert await shop.raw(kept) == before
    assert await shop.raw("SHOW INDEXES YIELD name WHERE name = 'own' RETURN name") == []


async def test_what_cannot_be_run_is_refused_in_words(reports: Reports, shop: User, tmp_path: Path):
    own(tmp_path, "broken", "MATCH (n RETURN n")
    with pytest.raises(InvalidInput, match="query that Neo4j can run"):
        await reports.run(shop.id, "broken", {})
    own(tmp_path, "vague", "// mode: read\n// param: x\nRETURN 1 AS one")
    with pytest.raises(ConfigurationError, match=r"vague\.cypher:2"):
        await reports.run(shop.id, "vague", {})
    with pytest.raises(NotFound, match="there are changed, conflicts"):
        await reports.run(shop.id, "../../etc/passwd", {})
    with pytest.raises(InvalidInput, match="report timeline takes entity, limit"):
        await reports.run(shop.id, "timeline", {"entity": "x", "projct": "y"})
    with pytest.raises(InvalidInput, match="entity: "):
        await reports.run(shop.id, "timeline", {})
    with pytest.raises(InvalidInput, match="whole number"):
        await reports.run(shop.id, "stale", {"days": "many"})
    with pytest.raises(InvalidInput, match="ISO 8601"):
        await reports.run(shop.id, "changed", {"since": "last week"})


def test_reports_run_in_browser_as_they_are():
    """Nothing in a file depends on the service: parameters are plain, and no file holds a second statement."""
    for report in REPORTS.values():
        body = "\n".join(line for line in report.query.text.splitlines() if not line.startswith("//"))
        assert ";" not in re.sub(r"'[^']*'", "", body)
        assert report.query is cypher.load()[f"report/{report.name}"]


@pytest.mark.parametrize(("project", "short"), [("web~3fa1", "web"), ("github.com/acme/web", "web")])
async def test_a_project_is_found_by_its_short_name(reports: Reports, user: User, project: str, short: str):
    user.project = project
    await user.add("web uses Vite", {"subject": "web", "predicate": "USES", "object": "Vite"})
    for name in (project, short):
        assert "web uses Vite" in column(await table(reports, user, "current", project=name), "statement")
    assert "web uses Vite" not in column(await table(reports, user, "current", project="we"), "statement")
