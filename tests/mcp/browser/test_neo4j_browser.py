"""Neo4j Browser in a real Chromium: it plays the guide, each question runs, and nothing leaves the machine."""

from __future__ import annotations

import json
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scripts.browser_guide import browsing, click, log_in, offered, turn
from scripts.chromium import chromium
from tests.support.commands import Environment, run

pytestmark = pytest.mark.browser

OURS = ("127.0.0.1", "localhost")
FACTS = (
    {"subject": "shop", "predicate": "CHOSE", "object": "Kafka", "because": "replay"},
    {"subject": "shop", "predicate": "USES", "object": "NATS"},
    {"subject": "shop", "predicate": "STOPPED_USING", "object": "NATS"},
)


@pytest.fixture
def told(live_service: Environment) -> Environment:
    environment = live_service | {"KNOWTHREAD_USER_ID": "o'Browser"}
    for fact in FACTS:
        assert run(environment, "add", f"A note on {fact['object']}.", "--fact", json.dumps(fact), "--wait").status == 0
    return environment


def test_browser_plays_the_guide_and_every_question_runs(told: Environment, tmp_path: Path) -> None:
    trace = tmp_path / "net.json"
    with browsing(told) as offer, chromium(f"--log-net-log={trace}") as browser, browser.page(1300, 900) as page:
        log_in(page, offer)
        assert page.run("document.body.innerText").count("Your memory, o'Browser") == 1
        ran: list[str] = []
        pages = 1
        while True:
            for number, query in enumerate(offered(page)):
                answer = click(page, number)
                assert "ERROR" not in answer and "Neo." not in answer, (query, answer)
                ran.append(query)
            if not turn(page):
                break
            pages += 1
        assert len(ran) == 11 and ran[0].startswith(":style ") and pages == 6
        asked = {urlsplit(address).hostname for address in page.requests if address not in page.blocked}
        assert asked <= set(OURS), "the page asked for something elsewhere, and its policy let it"
    hosts, addresses = connections(trace)
    assert addresses, "the trace holds connections"
    assert all(ip_address(address).is_loopback for address in addresses), addresses
    assert not {host for host in hosts if host.endswith(("neo4j.com", "segment.com", "canny.io", "sentry.io"))}, hosts


def connections(trace: Path) -> tuple[set[str], set[str]]:
    """The hosts that Chromium asked the name service for, and the addresses that it connected to."""
    text = trace.read_text(encoding="utf-8").rstrip()
    # Each event is a line. Chromium may end without a word before it has closed the list.
    whole = text.endswith("]}") or '"polledData"' in text[-200_000:]
    log = json.loads(text if whole else text[: text.rfind(",\n")].rstrip(",") + "]}")
    kinds = {number: name for name, number in log["constants"]["logEventTypes"].items()}
    hosts: set[str] = set()
    addresses: set[str] = set()
    for event in log["events"]:
        params = event.get("params") or {}
        match kinds.get(event["type"]):
            case "TCP_CONNECT_ATTEMPT" if "address" in params:
                addresses.add(params["address"].rpartition(":")[0].strip("[]"))
            case "HOST_RESOLVER_MANAGER_REQUEST" if "host" in params:
                hosts.add(params["host"].rpartition("//")[2].partition(":")[0])
            case _:
                pass
    return hosts, addresses
