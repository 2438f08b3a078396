"""Watches the managed Neo4j, and starts it again when it dies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from kg.errors import KgError
from kg.graph.store import GraphAddress, GraphStore

if TYPE_CHECKING:
    from kg.managed.local_neo4j import LocalNeo4j, Neo4jAddress

log = logging.getLogger(__name__)


async def keep_neo4j(
    local: LocalNeo4j,
    store: GraphStore,
    found: Neo4jAddress | None,
    moved: Callable[[Neo4jAddress], None],
    retry_s: float,
) -> None:
    """Start Neo4j again whenever it has died, until cancelled; calls fail with the reason until it answers.

    Args:
        local: the managed Neo4j.
        store: the connections to it, which are moved to where it answers.
        found: where it answers now.
        moved: told where it answers from then on.
        retry_s: how often it is looked for.
    """
    while True:
        await asyncio.sleep(retry_s)
        try:
            running = local.running()
            if running is None:
                log.warning("Neo4j has ended by itself and is started again")
                running = await local.start()
            if running != found or not store.is_open:
                await store.move(graph_address(running))
                moved(running)
                found = running
        except KgError as error:
            log.error("Neo4j could not be started again: %s", error)
        except Exception as error:  # this task must go on, or a Neo4j that dies later would stay dead
            log.error("Neo4j could not be started again", exc_info=error)


def graph_address(found: Neo4jAddress) -> GraphAddress:
    """Return the address of a managed Neo4j as a store takes it."""
    return GraphAddress(found.bolt_url, found.user, found.password)
