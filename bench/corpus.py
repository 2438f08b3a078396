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
