"""One service from its start to its end: HTTP first, so that callers are told what is happening, then the stores."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from dataclasses import dataclass
from importlib.metadata import version as installed_version

from extract.embedders.unused_memory import give_back_unused
from kg.errors import KgError
from kg.settings.service import Settings
from mcp_server.link.record import FAILED, READY, STOPPING, PublishedRecord
from mcp_server.service.activity import Activity, idle_watch
from mcp_server.service.composition import Service
from mcp_server.service.early_neo4j import EarlyNeo4j, Phases
from mcp_server.service.http import build_app, serve_http
from mcp_server.service.listen import WILDCARDS
from mcp_server.tools.tools import build_server

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Running:
    """One run of the service.

    Attributes:
        neo4j: the managed Neo4j, which is starting already; None where another server is used.
    """

    settings: Settings
    token: str
    record: PublishedRecord
    activity: Activity
    phases: Phases
    neo4j: EarlyNeo4j | None

    async def run(self, listener: socket.socket) -> bool:
        """Serve until the service is stopped or idle; False if it did not become ready."""
        settings, record, activity = self.settings, self.record, self.activity
        version = installed_version("knowthread")
        service = Service(settings, self.neo4j, quiet_s=lambda: self.activity.quiet_s, settle=settle)

        def health() -> dict[str, object]:
            return {"phase": record.phase, "error": record.error, "version": version}

        app = build_app(
            build_server(service, version),
            token=self.token,
            allowed_hosts=None if settings.host in WILDCARDS else [settings.host],
            activity=activity,
            health=health,
            backend=service,
        )
        try:
            async with serve_http(app, listener, activity) as stopping:
                ready = await self._boot(service, stopping)
                if ready:
                    watch = asyncio.create_task(idle_watch(activity, settings.idle_minutes, settings.data_dir))
                    stop = asyncio.create_task(stopping.wait())
                    await asyncio.wait([watch, stop], return_when=asyncio.FIRST_COMPLETED)
                    log.info("stopping: %s", watch.result() if watch.done() else "asked to")
                    record.publish(phase=STOPPING)
                    watch.cancel()
                    stop.cancel()
        finally:
            await service.stop()
        return ready

    async def _boot(self, service: Service, stopping: asyncio.Event) -> bool:
        """Start the service, unless it is stopped first; False if it did not start."""
        boot = asyncio.create_task(service.start(self.phases.of("service")))
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
            self.record.publish(phase=FAILED, error=str(error))
            return False
        self.record.publish(phase=READY)
        log.info("ready")
        return True


def settle() -> None:
    """Give back what a start leaves over, some 45 MB, and spare the garbage collector what stays for good."""
    gc.collect()
    gc.freeze()
    give_back_unused()
