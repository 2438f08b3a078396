"""``knowthread serve``: the process of the one service.

Its port is bound and its record published at once, so that callers learn what is happening. Neo4j takes longest, so it
is started next; only then is the rest imported (``mcp_server.service.running``), beside it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import asdict
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING

import truststore

from kg.errors import Conflict
from kg.graph.migrate import SCHEMA_VERSION
from kg.settings.service import Settings
from mcp_server.link.lifecycle import ALREADY_RUNNING, STOPPED
from mcp_server.link.record import claim_service_lock, publish_record
from mcp_server.service.activity import Activity
from mcp_server.service.early_neo4j import EarlyNeo4j, Phases
from mcp_server.service.listen import bind_socket, check_exposure, ensure_token
from mcp_server.service.log import configure_logging

if TYPE_CHECKING:
    from mcp_server.service.running import Running

log = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """Serve until the service is stopped or idle; return the exit status.

    Raises:
        ConfigurationError: with these settings strangers could get in; nothing was started.
    """
    configure_logging()
    check_exposure(settings.host, settings.token)
    truststore.inject_into_ssl()  # the system knows a company's own authority, and the libraries do not
    try:
        with claim_service_lock(settings.data_dir):
            return asyncio.run(_serve(settings))
    except Conflict as error:
        log.info("%s", error)
        return ALREADY_RUNNING


async def _serve(settings: Settings) -> int:
    log.info("starting")
    token = ensure_token(settings.data_dir, settings.token)
    listener = bind_socket(settings.data_dir, settings.host, settings.port)
    host, port = listener.getsockname()[:2]
    record = publish_record(
        settings.data_dir,
        (host, port),
        version=installed_version("knowthread"),
        schema_version=SCHEMA_VERSION,
        settings=asdict(settings),
        token=token,
    )
    activity = Activity()
    activity.obey_signals()
    phases = Phases(lambda phase: record.publish(phase=phase))
    neo4j = None if settings.neo4j_url else EarlyNeo4j.begin(settings, phases.of("neo4j"))
    try:
        running = await _import_the_rest(neo4j)
        ready = await running(settings, token, record, activity, phases, neo4j).run(listener)
    finally:
        record.withdraw()
    if not ready and not record.error:
        os._exit(STOPPED)  # a thread that still fetches would keep the process, and its lock, alive for minutes
    return 0 if ready else 1


async def _import_the_rest(neo4j: EarlyNeo4j | None) -> type[Running]:
    """Import what the service consists of, beside Neo4j's start."""

    def imports() -> type[Running]:
        from mcp_server.service.running import Running

        log.info("imported")
        return Running

    try:
        return await asyncio.to_thread(imports)
    except BaseException:
        if neo4j is not None:
            await neo4j.give_up()
            await neo4j.local.stop()
        raise
