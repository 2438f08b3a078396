"""The eleven tools as agents use them: every parameter with an effect that shows, through the shim and over HTTP."""

from __future__ import annotations

import pytest

from mcp_server.link.project import detect_project
from tests.support.live import Agent, Live, id_of, says

TOOLS = {
    "add_memory", "search_memories", "get_memories", "get_memory", "update_memory", "delete_memory",
    "delete_all_memories", "list_entities", "delete_entities", "search_graph", "get_entity",
}  # fmt: skip
FLAKY = "Flaky tests in the shop came from state leakage between test groups, not from async timing."
REDIS = "Sessions stay in Postgres. Redis was rejected: one more service for 2k users. Look again at 10k users."


async def test_sdk_clients_of_both_eras_see_eleven_tools_with_their_hints_the_prompt_and_the_status(
    ready: Live, user: str
) -> None:
    for way in (ready.shim, ready.http):
        for mode in ("legacy", "2026-07-28", "auto"):
            async with way(user, mode=mode) as agent:
                await _sees_everything(agent)


async def _sees_everything(agent: Agent) -> None:
    tools = {tool.name: tool for tool in (await agent.client.list_tools()).tools}
    assert tools.keys() == TOOLS
    hints = {name: tool.annotations for name, tool in tools.items()}
    reading = {name for name, hint in hints.items() if hint and hint.read_only_hint}
    assert reading == {
        "search_memories", "get_memories", "get_memory", "list_entities", "search_graph", "get_entity",
    }  # fmt: skip
    destroying = {name for name, hint in hints.items() if hint and hint.destructive_hint}
    assert destroying == {"update_memory", "delete_memory", "delete_all_memories", "delete_entities"}
    assert {name for name, hint in hints.items() if hint and not hint.idempotent_hint} == {"add_memory"}
    (prompt,) = (await agent.client.list_prompts()).prompts
    assert prompt.name == "memory_assistant"
    assert not prompt.arguments
    shown = await agent.client.get_prompt("memory_assistant")
    assert "search_memories" in shown.messages[0].content.text  # pyright: ignore
    (resource,) = (await agent.client.list_resources()).resources
    assert str(resource.uri) == "knowthread://status"
    status = await agent.status()
    assert status["neo4j"]["version"].startswith("Neo4j/5.26")
    assert (await agent.call("list_entities"))["user_id"] == agent.user


async def test_a_session_s_project_is_its_checkout_s_remote_and_search_prefers_it_slightly(
    ready: Live, user: str
) -> None:
    shop = ready.folder("shop", "git@github.com:Acme/Shop.git")
    blog = ready.folder("blog")
    note = "The deploy job needs Node 22 and fails with Node 18"
    async with ready.shim(user, shop) as agent:
        await agent.add(note)
    async with ready.shim(user, blog) as agent:
        await agent.add(note)
    for place, nearest in ((shop, "github.com/acme/shop"), (blog, detect_project(blog))):
        async with ready.shim(user, place) as agent:
            hits = (await agent.call("search_memories", query="deploy job Node"))["results"]
            assert hits[0]["project"] == nearest
            assert {hit["project"] for hit in hits} == {"github.com/acme/shop", detect_project(blog)}
    async with ready.shim(user, shop, KNOWTHREAD_PROJECT="named") as agent:
        await agent.add("Said in a project with a name of its own")
        assert {hit["project"] for hit in await agent.listed(project="named")} == {"named"}


async def test_scope_narrows_every_read(ready: Live, user: str) -> None:
    async with ready.http(user, project="p1") as agent:
        await agent.add("Build caches live in S3", agent_id="a1")
        await agent.add("Build logs live in S3", run_id="r1")
        images = says("Images live in S3", "Build images", "USES", "S3")
        await agent.add("Build images live in S3", images, project="p2")
        await agent.add("Somebody else's build lives in S3", user_id=f"{user}-other")
        whole = {"Build caches live in S3", "Build logs live in S3", "Build images live in S3"}
        assert set(await agent.found("where does the build keep things?")) == whole
        for narrowed, expected in (
            ({"agent_id": "a1"}, {"Build caches live in S3"}),
            ({"run_id": "r1"}, {"Build logs live in S3"}),
            ({"project": "p2"}, {"Build images live in S3"}),
            ({"project": "p1"}, {"Build caches live in S3", "Build logs live in S3"}),
            ({"project": "p1", "agent_id": "a1", "run_id": "r1"}, set[str]()),
            ({"user_id": f"{user}-other"}, {"Somebody else's build lives in S3"}),
        ):
            assert set(await agent.found("S3 build", **narrowed)) == expected, narrowed
            assert {hit["memory"] for hit in await agent.listed(**narrowed)} == expected, narrowed
        assert (await agent.call("get_entity", name="S3", project="p2"))["facts"]
        assert not (await agent.call("get_entity", name="S3", project="p1"))["facts"]
        assert not (await agent.call("get_entity", name="S3", agent_id="a1"))["facts"]
        assert (await agent.call("search_graph", query="S3", project="p2"))["results"]
        assert not (await agent.call("search_graph", query="S3", run_id="r1"))["results"]
        scopes = await agent.call("list_entities")
        assert scopes["memories"] == 3
        assert {row["id"]: row["memories"] for row in scopes["projects"]} == {"p1": 2, "p2": 1}
        assert {row["id"] for row in scopes["agents"]} == {"a1"}
        assert {row["id"] for row in scopes["runs"]} == {"r1"}
        assert all(row["last_used"] for row in scopes["projects"])
        assert {user, f"{user}-other"} <= {row["id"] for row in scopes["users"]}


async def test_the_session_s_agent_and_run_are_on_what_it_stores(ready: Live, user: str) -> None:
    async with ready.shim(user, KNOWTHREAD_AGENT_ID="reviewer", KNOWTHREAD_RUN_ID="run 7") as agent:
        shown = await agent.call("get_memory", memory_id=id_of(await agent.add("Reviews need two approvals")))
        assert (shown["agent_id"], shown["run_id"], shown["user_id"]) == ("reviewer", "run 7", user)
        assert shown["project"].startswith("elsewhere~")


async def test_messages_are_strings_or_blocks_with_roles_names_and_neighbours(ready: Live, user: str) -> None:
    async with ready.http(user) as agent:
        added = await agent.call(
            "add_memory",
            messages=[
                {"role": "user", "content": "Which port does the gateway listen on?", "name": "Caroline"},
                {"role": "assistant", "content": [{"type": "text", "text": "The gateway"}, "listens on 8443."]},
                {"role": "user", "content": [{"type": "image", "data": "…"}, {"type": "text", "text": "Thanks"}]},
                {"role": "user", "content": ""},
            ],
            facts=[says("The gateway listens on 8443", "gateway", "CONFIGURED_AS", "8443")],
            run_id="talk",
            wait=True,
        )
        assert [result["event"] for result in added["results"]] == ["ADD"] * 3
        assert len(added["warnings"]) == 2
        first, second, third = [result["id"] for result in added["results"]]
        shown = await agent.call("get_memory", memory_id=second)
        assert shown["memory"] == "The gateway\nlistens on 8443."
        assert (shown["role"], shown["previous"], shown["next"]) == ("assistant", first, third)
        assert (await agent.call("get_memory", memory_id=first))["speaker"] == "Caroline"
        assert [fact["object"] for fact in (await agent.call("get_memory", memory_id=third))["facts"]] == ["8443"]
        by_text = await agent.call("add_memory", messages="A conversation in one string")
        assert [result["event"] for result in by_text["results"]] == ["ADD"]


async def test_a_note_said_twice_is_one_memory(ready: Live, user: str) -> None:
    async with ready.http(user) as agent:
        first = await agent.add(FLAKY)
        again = await agent.add(FLAKY)
        assert again["results"] == [{"id": id_of(first), "event": "NONE", "duplicate": True}]
        assert len(await agent.listed()) == 1


async def test_infer_wait_and_enable_graph_of_an_add(ready: Live, user: str) -> None:
    async with ready.http(user) as agent:
        assert (await agent.call("add_memory", text="one", infer=True))["extraction"] == "skipped"
        assert (await agent.call("add_memory", text="two", infer=False))["extraction"] == "none"
        assert (await agent.call("add_memory", text="three", wait=True, enable_graph=False))["indexed"] is True
        added = await agent.call("add_memory", text="four", enable_graph=True, facts=["four is a number"])
        assert added["facts"][0]["fact"] == "four is a number"


async def test_facts_keep_reason_condition_and_dates(ready: Live, user: str) -> None:
    rejected = says(
        "Redis was rejected for session storage", "session storage", "rejected", "Redis",
        because="one more service", revisit_when="10k users", valid_at="2024-03", invalid_at="2030",
    )  # fmt: skip
    async with ready.http(user) as agent:
        added = await agent.add(REDIS, rejected, {"statement": "", "subject": "x"}, occurred_at="2024-03-05")
        assert [skipped["index"] for skipped in added["facts_skipped"]] == [1]
        (hit,) = (await agent.call("search_memories", query="what went wrong with Redis?"))["results"]
        assert hit["memory"] == REDIS
        assert hit["occurred_at"] == "2024-03-05T00:00:00Z"
        (fact,) = hit["facts"]
        assert (fact["because"], fact["revisit_when"]) == ("one more service", "10k users")
        assert (fact["valid_at"], fact["invalid_at"]) == ("2024-03-01T00:00:00Z", "2030-01-01T00:00:00Z")
        page = await agent.call("get_entity", name="redis")
        assert page["facts"][0]["predicate"] == "REJECTED"
        assert page["facts"][0]["memory"]["id"] == hit["id"]


async def test_two_calls_settle_what_a_new_fact_replaces(ready: Live, user: str) -> None:
    old = says("user prefers tabs", "user", "PREFERS", "tabs")
    new = says("user prefers spaces", "user", "PREFERS", "spaces")
    text = "I prefer spaces since the formatter changed"
    async with ready.shim(user) as agent:
        await agent.add("I prefer tabs", old)
        first = await agent.add(text, new)
        (open_question,) = first["to_settle"]
        assert open_question["fact"] == "user prefers tabs"
        second = await agent.add(text, {**new, "supersedes": [open_question["id"]], "reason": "the formatter"})
        assert second["results"][0]["duplicate"] is True
        assert [fact["fact"] for fact in second["ended"]] == ["user prefers tabs"]
        assert "to_settle" not in second
        current = await agent.call("get_entity", name="user")
        assert [fact["object"] for fact in current["facts"]] == ["spaces"]
        assert current["hidden"] == 1
        whole = await agent.call("get_entity", name="user", include_superseded=True)
        assert {fact["object"] for fact in whole["facts"]} == {"spaces", "tabs"}
        answer = await agent.call("search_memories", query="do I prefer tabs or spaces?")
        hits = {hit["memory"]: hit for hit in answer["results"]}
        assert answer["hidden"] == 1
        (superseded,) = hits["I prefer tabs"]["superseded"]
        assert (superseded["replaced_by"][0]["fact"], superseded["replaced_by"][0]["how"]) == (
            "user prefers spaces",
            "superseded",
        )
        assert superseded["replaced_by"][0]["reason"] == "the formatter"
        assert "facts" not in hits["I prefer tabs"]
        assert [fact["fact"] for fact in hits[text]["facts"]] == ["user prefers spaces"]


async def test_a_corrected_fact_was_never_true(ready: Live, user: str) -> None:
    wrong = says("The API runs on Flask", "API", "USES", "Flask", valid_at="2023")
    async with ready.http(user) as agent:
        added = await agent.add("The API runs on Flask", wrong)
        (fact,) = added["facts"]
        right = says("The API runs on Django", "API", "USES", "Django", valid_at="2023", how="corrected")
        await agent.add("No: the API runs on Django", {**right, "supersedes": [fact["id"]]})
        then = await agent.call("get_entity", name="API", as_of="2023-06")
        assert [fact["object"] for fact in then["facts"]] == ["Django"]


async def test_as_of_and_known_at_ask_the_past(ready: Live, user: str) -> None:
    async with ready.http(user) as agent:
        await agent.add("Moved to Lyon", says("lives in Lyon", "user", "LIVES_IN", "Lyon"), occurred_at="2019-04-01")
        known = await agent.graph("MATCH (m:Memory {user_id: $user}) RETURN toString(max(m.created_at)) AS at")
        before_second = str(known[0]["at"])
        await agent.add("Moved to Oslo", says("lives in Oslo", "user", "LIVES_IN", "Oslo"), occurred_at="2022-09-01")

        async def home(**instant: str) -> list[str]:
            return [fact["object"] for fact in (await agent.call("get_entity", name="user", **instant))["facts"]]

        assert await home() == ["Oslo"]
        assert await home(as_of="2020") == ["Lyon"]
        assert await home(as_of="2018") == []
        assert await home(known_at=before_second) == ["Lyon"]
        assert await agent.found("where do I live?", as_of="2020") == ["Moved to Lyon"]
        assert await agent.found("where do I live?", known_at=before_second) == ["Moved to Lyon"]
        assert set(await agent.found("where do I live?")) == {"Moved to Lyon", "Moved to Oslo"}
        (hit,) = (await agent.call("search_memories", query="where do I live?", as_of="2020"))["results"]
        assert [fact["fact"] for fact in hit["facts"]] == ["lives in Lyon"]
        graph = await agent.call("search_graph", query="user", as_of="2020")
        assert [fact["object"] for fact in graph["results"][0]["relations"]] == ["Lyon"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"topic": "db"}, {"one", "two"}),
        ({"topic": {"eq": "web"}}, {"three"}),
        ({"topic": {"ne": "db"}}, {"three", "four"}),
        ({"priority": {"gt": 1}}, {"two", "three"}),
        ({"priority": {"gte": 1, "lt": 3}}, {"one", "two"}),
        ({"priority": {"lte": 1}}, {"one"}),
        ({"topic": {"in": ["web", "none"]}}, {"three"}),
        ({"topic": ["web", "db"]}, {"one", "two", "three"}),
        ({"topic": {"nin": ["web"]}}, {"one", "two", "four"}),
        ({"tags": {"contains": "x"}}, {"one", "three"}),
        ({"title": {"icontains": "GREAT"}}, {"two"}),
        ({"topic": "*"}, {"one", "two", "three"}),
        ({"AND": [{"topic": "db"}, {"priority": 2}]}, {"two"}),
        ({"OR": [{"topic": "web"}, {"priority": 1}]}, {"one", "three"}),
        ({"NOT": [{"topic": "db"}]}, {"three", "four"}),
        ({"AND": [{"OR": [{"topic": "db"}, {"topic": "web"}]}, {"NOT": {"tags": "x"}}]}, {"two"}),
        ({"run_id": "r"}, {"four"}),
        ({"created_at": {"gte": "2000"}, "topic": "web"}, {"three"}),
        ({"occurred_at": {"lt": "2001"}}, {"one"}),
        ({"memory": {"contains": "two"}}, {"two"}),
        ({"extraction": "none", "recall_count": {"gte": 0}}, {"one"}),
        ({"user_id": "tools-filters", "kind": "note", "priority": 2}, {"two"}),
        ('{"topic": "web"}', {"three"}),
    ],
)
async def test_filters_choose_the_same_memories_in_search_and_listing(
    ready: Live, filtered_user: str, filters: object, expected: set[str]
) -> None:
    async with ready.http(filtered_user) as agent:
        listed = {hit["memory"].split()[-1] for hit in await agent.listed(filters=filters)}
        found = {text.split()[-1] for text in await agent.found("memory number", filters=filters)}
        assert (listed, found) == (expected, expected)


@pytest.fixture(scope="module")
async def filtered_user(live: Live) -> str:
    """Somebody with four memories that differ in everything that a filter can see."""
    user = "tools-filters"
    async with live.shim(user) as agent:
        await agent.add(
            "memory number one", metadata={"topic": "db", "priority": 1, "tags": ["x", "y"]}, occurred_at="2000-01-01",
            infer=False,
        )  # fmt: skip
        await agent.add("memory number two", metadata={"topic": "db", "priority": 2, "title": "A great one"})
        await agent.add("memory number three", metadata='{"topic": "web", "priority": 3.0, "tags": ["x"]}')
        await agent.add("memory number four", run_id="r")
    return user


async def test_pages_give_every_memory_once_newest_first(ready: Live, user: str) -> None:
    async with ready.http(user) as agent:
        for i in range(11):
            await agent.call("add_memory", text=f"note {i}", metadata={"odd": i % 2 == 1})
        newest_first = [f"note {i}" for i in reversed(range(11))]
        for limit in (1, 3, 10, 11, 12):
            assert [hit["memory"] for hit in await agent.listed(limit=limit)] == newest_first
        odd = [f"note {i}" for i in (9, 7, 5, 3, 1)]
        for limit in (1, 2, 5):
            assert [hit["memory"] for hit in await agent.listed(limit=limit, filters={"odd": True})] == odd
        page = await agent.call("get_memories", limit=3)
        await agent.call("add_memory", text="meanwhile")
        rest = await agent.call("get_memories", cursor=page["cursor"], limit=200)
        assert [hit["memory"] for hit in rest["results"]] == newest_first[3:]


async def test_limit_threshold_max_tokens_and_explain_shape_an_answer(ready: Live, user: str) -> None:
    async with ready.http(user) as agent:
        for i in range(8):
            await agent.add(f"Release {i} of the payment service was rolled back because of a broken migration. " * 4)
        await agent.add("The office plants are watered on Fridays")
        question = "why was the payment service rolled back?"
        assert len(await agent.found(question, limit=3)) == 3
        answer = await agent.call("search_memories", query=question, limit=9, explain=True, weak=True)
        best = answer["results"][0]
        assert best["explain"]["shares"]["lexical"] > 0
        assert best["explain"]["ranks"]["text"] >= 1
        assert [hit["score"] for hit in answer["results"]] == sorted(
            (hit["score"] for hit in answer["results"]), reverse=True
        )
        assert answer["results"][-1]["memory"] == "The office plants are watered on Fridays"
        plants = answer["results"][-1]["similarity"]
        kept = await agent.call("search_memories", query=question, threshold=plants + 0.01)
        assert all(hit["similarity"] > plants for hit in kept["results"])
        assert len(kept["results"]) == 8
        assert not await agent.found("unheard-of matters entirely", threshold=0.99)
        small = await agent.call("search_memories", query=question, max_tokens=300)
        assert 0 < len(small["results"]) < 8
        assert "did not fit" in small["omitted"]
        assert "explain" not in small["results"][0]


async def test_enable_graph_adds_relations_round_the_entities_of_the_question(ready: Live, user: str) -> None:
    async with ready.http(user) as agent:
        await agent.add(REDIS, says("Redis was rejected", "session storage", "REJECTED", "Redis"))
        plain = await agent.call("search_memories", query="what about Redis?")
        assert "relations" not in plain
        answer = await agent.call("search_memories", query="what about Redis?", enable_graph=True, rerank=True)
        (relation,) = answer["relations"]
        assert (relation["source"], relation["relationship"], relation["target"]) == (
            "session storage", "REJECTED", "Redis",
        )  # fmt: skip
        assert any("reranked" in note for note in answer["notes"])


async def test_get_memory_shows_facts_versions_and_provenance_and_update_keeps_the_past(ready: Live, user: str) -> None:
    async with ready.http(user) as agent:
        added = await agent.add("CI uses Jenkins", says("CI uses Jenkins", "CI", "USES", "Jenkins"), metadata={"a": 1})
        memory_id = id_of(added)
        first = await agent.call("update_memory", memory_id=memory_id, metadata={"a": 2})
        assert first["event"] == "UPDATE"
        assert "facts_expired" not in first
        second = await agent.call(
            "update_memory",
            memory_id=memory_id,
            text="CI uses Buildkite",
            facts=[says("CI uses Buildkite", "CI", "USES", "Buildkite")],
        )
        assert [fact["fact"] for fact in second["facts_expired"]] == ["CI uses Jenkins"]
        assert (await agent.call("update_memory", memory_id=memory_id, text="CI uses Buildkite"))["event"] == "NONE"
        shown = await agent.call("get_memory", memory_id=memory_id)
        assert (shown["memory"], shown["metadata"], shown["extraction"]) == ("CI uses Buildkite", {"a": 2}, "none")
        assert [version["memory"] for version in shown["versions"]] == ["CI uses Jenkins", "CI uses Jenkins"]
        assert shown["facts"][0]["origin"] == "caller"
        assert shown["updated_at"] >= shown["created_at"] if "updated_at" in shown else True
        assert await agent.found("which CI?") == ["CI uses Buildkite"]
        assert (await agent.call("get_entity", name="Jenkins"))["facts"] == []
        assert [fact["object"] for fact in (await agent.call("get_entity", name="CI"))["facts"]] == ["Buildkite"]


async def test_deleting_a_memory_brings_back_what_it_had_superseded(ready: Live, user: str) -> None:
    async with ready.http(user) as agent:
        old = (await agent.add("Deploys go by Ansible", says("by Ansible", "deploys", "USES", "Ansible")))["facts"][0]
        new = await agent.add(
            "Deploys go by Terraform", says("by Terraform", "deploys", "USES", "Terraform", supersedes=[old["id"]])
        )
        gone = await agent.call("delete_memory", memory_id=id_of(new))
        assert gone["deleted"] == {"memories": 1, "versions": 0, "facts": 1, "entities": 1}
        page = await agent.call("get_entity", name="deploys")
        assert [fact["object"] for fact in page["facts"]] == ["Ansible"]
        assert "no memory" in await agent.refusal("get_memory", memory_id=id_of(new))
        assert "no memory" in await agent.refusal("delete_memory", memory_id=id_of(new))


async def test_deleting_a_scope_asks_for_its_count(ready: Live, user: str) -> None:
    async with ready.http(user) as agent:
        for i in range(12):
            await agent.call("add_memory", text=f"run note {i}", run_id="long run")
        await agent.call("add_memory", text="another run's", run_id="short run")
        looked = await agent.call("delete_all_memories", run_id="long run", dry_run=True)
        assert (looked["memories"], looked["confirm"]) == (12, 12)
        for wrong in ({}, {"confirm": 11}, {"confirm": 13}):
            assert "confirm=12" in await agent.refusal("delete_all_memories", run_id="long run", **wrong)
        assert len(await agent.listed(run_id="long run")) == 12
        erased = await agent.call("delete_all_memories", run_id="long run", confirm=12)
        assert erased["deleted"]["memories"] == 12
        assert [hit["memory"] for hit in await agent.listed()] == ["another run's"]
        assert "scope" in await agent.refusal("delete_all_memories")
        await agent.call("delete_all_memories", user_id=user)
        assert await agent.inventory() == {}


async def test_deleting_an_entity_keeps_the_texts_unless_they_are_named_too(ready: Live, user: str) -> None:
    async with ready.http(user) as agent:
        await agent.add("Kafka carries the events", says("Kafka carries events", "Kafka", "CARRIES", "events"))
        await agent.add("Kafka is run by team blue", says("blue runs Kafka", "team blue", "OWNS", "Kafka"))
        looked = await agent.call("delete_entities", name="kafka", dry_run=True)
        assert (looked["entity"], looked["texts_kept"]) == ("Kafka", 2)
        gone = await agent.call("delete_entities", name="Kafka")
        assert gone["deleted"]["facts"] == 2
        assert "2 texts" in gone["note"]
        assert len(await agent.found("Kafka")) == 2
        assert "no entity" in await agent.refusal("get_entity", name="Kafka")
        await agent.add("Nats replaced it", says("Nats carries events", "Nats", "CARRIES", "events"))
        gone = await agent.call("delete_entities", name="Nats", with_memories=True)
        assert gone["deleted"]["memories"] == 1
        assert "Nats replaced it" not in await agent.found("Nats")
        await agent.add("by an agent", agent_id="a")
        assert (await agent.call("delete_entities", agent_id="a"))["deleted"]["memories"] == 1
        await agent.call("delete_entities", user_id=user, confirm=2)
        assert await agent.inventory() == {}


async def test_search_graph_finds_by_part_of_a_name_by_words_and_by_meaning(ready: Live, user: str) -> None:
    async with ready.http(user) as agent:
        await agent.add("Sessions", says("Postgres keeps sessions", "session storage", "USES", "PostgreSQL 16 cluster"))
        await agent.add("Queues", says("RabbitMQ brokers", "order service", "USES", "RabbitMQ"))
        await agent.add("More", says("RabbitMQ is owned", "team blue", "OWNS", "RabbitMQ"))

        async def names(query: str, **more: object) -> list[str]:
            return [row["name"] for row in (await agent.call("search_graph", query=query, **more))["results"]]

        assert (await names("postgresql"))[0] == "PostgreSQL 16 cluster"
        assert (await names("rabbit"))[0] == "RabbitMQ"
        assert "session storage" in await names("where logins are kept, storing a session")
        most = await agent.call("search_graph", query="", limit=1)
        assert [row["name"] for row in most["results"]] == ["RabbitMQ"]
        assert {fact["direction"] for fact in most["results"][0]["relations"]} == {"in"}


async def test_get_entity_goes_both_directions_and_by_uuid(ready: Live, user: str) -> None:
    async with ready.http(user) as agent:
        await agent.add("a", says("gateway uses Envoy", "gateway", "USES", "Envoy"))
        await agent.add("b", says("Envoy depends on TLS", "Envoy", "DEPENDS_ON", "TLS"))
        await agent.add("c", says("mesh uses Envoy", "mesh", "USES", "Envoy"))
        page = await agent.call("get_entity", name="envoy")
        assert (page["name"], len(page["facts"])) == ("Envoy", 3)

        async def seen(**more: object) -> set[tuple[str, str]]:
            facts = (await agent.call("get_entity", uuid=page["id"], **more))["facts"]
            return {(fact["direction"], fact["fact"]) for fact in facts}

        assert await seen(direction="out") == {("out", "Envoy depends on TLS")}
        assert await seen(direction="in") == {("in", "gateway uses Envoy"), ("in", "mesh uses Envoy")}
        assert len(await seen(limit=2)) == 2
        assert "raise limit" in (await agent.call("get_entity", name="Envoy", limit=2))["more"]
        assert "Envoy" in await agent.refusal("get_entity", name="Envoi proxy Envoy")


async def test_results_speak_mem0_s_field_names(ready: Live, user: str) -> None:
    async with ready.http(user, project="p") as agent:
        await agent.add(FLAKY, metadata={"ticket": "AB-12"}, run_id="r", agent_id="a")
        (hit,) = (await agent.call("search_memories", query="flaky test debugging"))["results"]
        (row,) = await agent.listed()
        whole = await agent.call("get_memory", memory_id=hit["id"])
        for shown in (hit, row, whole):
            assert shown["memory"] == FLAKY
            assert shown["metadata"] == {"ticket": "AB-12"}
            assert (shown["project"], shown["run_id"], shown["agent_id"]) == ("p", "r", "a")
            assert shown["created_at"].endswith("Z")
        assert 0 < hit["similarity"] <= 1
        assert whole["user_id"] == user


async def test_a_thing_built_elsewhere_is_found_in_other_words(ready: Live, user: str) -> None:
    async with ready.shim(user, ready.folder("alpha")) as agent:
        await agent.add(FLAKY, says("leakage caused flaky tests", "flaky tests", "CAUSED_BY", "state leakage"))
        await agent.add(
            "Built a JWT middleware: tokens are checked before the router, keys rotate weekly",
            says("JWT middleware checks tokens before the router", "JWT middleware", "DECIDED", "check before routing"),
        )
        await agent.add(
            "The printer on the second floor jams on thick paper",
            says("The printer jams on thick paper", "printer", "FAILED_BECAUSE", "thick paper"),
        )
    async with ready.shim(user, ready.folder("beta")) as agent:
        answer = await agent.call("search_memories", query="did I build authentication anywhere before?")
        best = answer["results"][0]
        assert best["memory"].startswith("Built a JWT middleware")
        assert best["project"].startswith("alpha~")
        assert (await agent.found("unreliable specs"))[0] == FLAKY
