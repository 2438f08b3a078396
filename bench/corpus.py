"""Synthetic developer notes for the benchmarks: seeded, so that every run sees the same texts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

TOOLS = (
    "Redis Postgres Kafka RabbitMQ Celery Docker Terraform Ansible Nginx Envoy Grafana Prometheus Vitest Jest"
    " Playwright Cypress"
    " Webpack Vite Rollup esbuild React Svelte Django FastAPI Flask SQLAlchemy Alembic GraphQL gRPC Protobuf"
    " OpenTelemetry Sentry Elasticsearch OpenSearch ClickHouse DuckDB SQLite Kubernetes Helm ArgoCD Vault Consul"
).split()
AREAS = (
    "session storage|build pipeline|login flow|search page|nightly import|billing job|image upload|mobile API|"
    "feature flags|rate limiter|cache layer|audit log|email sender|test suite|deployment|data export|job queue|"
    "admin console|schema migration|webhook handler"
).split("|")
REASONS = (
    "it needs one more service to run|the licence changed|it was too slow at 2k users|nobody on the team knows it|"
    "the client library is unmaintained|it lost messages on restart|the memory use doubled|cold starts took 9 seconds|"
    "its error messages hide the cause|it does not work behind our proxy"
).split("|")
CAUSES = (
    "state leaking between test groups|a missing index on the tenant column|clock skew between two hosts|"
    "a connection pool of size one|an unbounded retry loop|a stale DNS entry|a race in the shutdown hook|"
    "float rounding in the totals|a timezone that was not set|a lock held over an HTTP call"
).split("|")
PROJECTS = tuple(f"github.com/acme/{name}" for name in ("shop", "backoffice", "mobile", "infra", "website"))


def notes(count: int, seed: int = 7) -> Iterator[dict[str, Any]]:
    """Yield arguments of ``add_memory``: a note, its project, and one or two facts."""
    rng = random.Random(seed)
    for number in range(count):
        tool, other, area = rng.choice(TOOLS), rng.choice(TOOLS), rng.choice(AREAS)
        reason, cause = rng.choice(REASONS), rng.choice(CAUSES)
        kind = number % 4
        if kind == 0:
            text = f"For the {area} we rejected {tool} because {reason}. {other} stays. Ticket AB-{number}."
            facts = [
                {"statement": f"{tool} was rejected for the {area}", "subject": area, "predicate": "REJECTED",
                 "object": tool, "because": reason},
                {"statement": f"The {area} uses {other}", "subject": area, "predicate": "USES", "object": other},
            ]  # fmt: skip
        elif kind == 1:
            text = f"The failure of the {area} in run {number} came from {cause}, not from {tool}."
            facts = [
                {"statement": f"The {area} failed because of {cause}", "subject": area, "predicate": "CAUSED_BY",
                 "object": cause},
            ]  # fmt: skip
        elif kind == 2:
            text = f"The {area} runs {tool} {number % 9}.{number % 13} since this week; {other} was tried and failed."
            facts = [
                {"statement": f"The {area} is on {tool} {number % 9}.{number % 13}", "subject": area,
                 "predicate": "USES_VERSION", "object": f"{number % 9}.{number % 13}"},
            ]  # fmt: skip
        else:
            text = f"Convention {number}: in the {area}, wrap calls to {tool} in withRetry{number}() and log the id."
            facts = []
        yield {"text": text, "project": PROJECTS[number % len(PROJECTS)], "facts": facts}


QUESTIONS = (
    "why did the build pipeline fail?",
    "what was rejected for session storage and why",
    "which version does the rate limiter run",
    "withRetry convention for the webhook handler",
    "problems caused by clock skew",
    "do we use Kafka anywhere?",
    "memory use doubled",
    "what did we try for the nightly import",
)

COMPONENTS = tuple(
    f"{first} {second}"
    for second in "parser,router,scheduler,exporter,validator,registry,planner,mirror,watcher,resolver".split(",")
    for first in (
        "invoice,tenant,seat map,voucher,shipment,avatar,contract,refund,catalogue,calendar,chat,device,fleet,grant,"
        "lead,menu,newsletter,parcel,playlist,quota,recipe,roster,sensor,ticket,visa"
    ).split(",")
)
PEOPLE = "Ana Bo Chen Dimitri Esra Femi Gita Hugo Ines Jun Kofi Lars Mina Noor Otis Pia Rosa Sven Tara Umar".split()
"""Things that no pair of ``bench/data/settle`` is about."""
TEMPLATES = (
    ("The {c} uses {tool}", "USES", "{tool}"),
    ("The {c} rejected {tool}", "REJECTED", "{tool}"),
    ("{person} owns the {c}", "OWNED_BY", "{person}"),
    ("The {c} times out after {n} seconds", "TIMES_OUT_AFTER", "{n} seconds"),
    ("The {c} retries {n} times", "RETRIES", "{n} times"),
    ("The {c} runs every {n} hours", "RUNS_EVERY", "{n} hours"),
    ("The {c} listens on port {port}", "LISTENS_ON_PORT", "{port}"),
    ("The {c} failed because of {cause}", "CAUSED_BY", "{cause}"),
    ("The {c} is deployed to cluster {n}", "DEPLOYED_TO", "cluster {n}"),
    ("The {c} keeps its data for {n} days", "KEEPS_DATA_FOR", "{n} days"),
    ("The {c} is tested with {tool}", "TESTED_WITH", "{tool}"),
    ("The {c} limits requests to {n} MB", "LIMITS_REQUESTS_TO", "{n} MB"),
    ("The {c} is documented on page {n} of the handbook", None, None),
    ("The {c} must be restarted after a change of its configuration", None, None),
    ("Alerts of the {c} go to channel {n}", None, None),
    ("Never call the {c} from a request handler", None, None),
    ("The {c} writes its metrics to {tool}", "WRITES_METRICS_TO", "{tool}"),
    ("The {c} was slow because {reason}", "SLOW_BECAUSE", "{reason}"),
    ("The {c} is configured through {tool}", "CONFIGURED_THROUGH", "{tool}"),
    ("The {c} caches answers for {n} minutes", "CACHES_FOR", "{n} minutes"),
)


def facts(count: int, seed: int = 7) -> Iterator[dict[str, Any]]:
    """Yield facts of a large project, at most 5,000: each component has each property once."""
    rng = random.Random(seed)
    said = [(component, template) for component in COMPONENTS for template in TEMPLATES]
    rng.shuffle(said)
    for component, (statement, predicate, value) in said[:count]:
        words = {
            "c": component, "tool": rng.choice(TOOLS), "person": rng.choice(PEOPLE), "n": rng.randrange(2, 60),
            "port": rng.randrange(2000, 9000), "cause": rng.choice(CAUSES), "reason": rng.choice(REASONS),
        }  # fmt: skip
        fact = {"statement": statement.format(**words)}
        if predicate is not None and value is not None:
            fact |= {"subject": component, "predicate": predicate, "object": value.format(**words)}
        yield fact
