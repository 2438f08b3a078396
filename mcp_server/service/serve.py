"""``knowthread serve``: the one service. Its port answers before the slow start, so callers learn what is happening."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import asdict
from importlib.metadata import version as installed_version

import truststore

from kg.errors import Conflict, KgError
from kg.graph.migrate import SCHEMA_VERSION
from kg.settings.service import Settings
from mcp_server.link.lifecycle import ALREADY_RUNNING, STOPPED
from mcp_server.link.record import READY, PublishedRecord, claim_service_lock, publish_record
from mcp_server.service.activity import Activity, idle_watch
from mcp_server.service.composition import Service
from mcp_server.service.http import build_app, serve_http
from mcp_server.service.listen import WILDCARDS, bind_socket, check_exposure, ensure_token
from mcp_server.service.log import configure_logging
from mcp_server.tools.tools import build_server

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
    token = ensure_token(settings.data_dir, settings.token)
    listener = bind_socket(settings.data_dir, settings.host, settings.port)
    version = installed_version("knowthread")
    host, port = listener.getsockname()[:2]
    record = publish_record(
        settings.data_dir,
        (host, port),
        version=version,
        schema_version=SCHEMA_VERSION,
        settings=asdict(settings),
        token=token,
    )
    service = Service(settings)
    activity = Activity()

    def health() -> dict[str, object]:
        return {"phase": record.phase, "error": record.error, "version": version}

    app = build_app(
        build_server(service, version),
        token=token,
        allowed_hosts=None if settings.host in WILDCARDS else [settings.host],
        activity=activity,
        health=health,
        backend=service,
    )
    ready = False
    try:
        async with serve_http(app, listener, activity) as stopping:
            ready = await _boot(service, record, stopping)
            if ready:
                watch = asyncio.create_task(idle_watch(activity, settings.idle_minutes, settings.data_dir))
                stop = asyncio.create_task(stopping.wait())
                await asyncio.wait([watch, stop], return_when=asyncio.FIRST_COMPLETED)
                log.info("stopping: %s", watch.result() if watch.done() else "asked to")
                record.publish(phase="stopping")
                watch.cancel()
                stop.cancel()
    finally:
        await service.stop()
        record.withdraw()
    if not ready and not record.error:
        os._exit(STOPPED)  # a thread that still fetches would keep the process, and its lock, alive for minutes
    return 0 if ready else 1


async def _boot(service: Service, record: PublishedRecord, stopping: asyncio.Event) -> bool:
    """Start the service, unless it is stopped first; False if it did not start."""
    boot = asyncio.create_task(service.start(lambda phase: record.publish(phase=phase)))
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait([boot, stop], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not boot.done():
        boot.cancel()
        await asyncio.gather(boot, return_exceptions=True)
        return False
    try:
        boot.result()
    except KgError as error:
        log.error("the service could not start: %s", error)
        record.publish(phase="failed", error=str(error))
        return False
    record.publish(phase=READY)
    return True
