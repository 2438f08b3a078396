"""Run every check, in the order in which a person reads the results."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator, Mapping

from kg.errors import ConfigurationError, KgError
from kg.settings.service import Settings, load_settings
from mcp_server.doctor.check import Check, JsonObject, Situation
from mcp_server.doctor.machine import (
    check_artifacts,
    check_claude,
    check_data_folder,
    check_disk,
    check_java,
    check_platform,
    check_port,
    check_python,
    check_service,
    check_settings,
)
from mcp_server.link.record import read_record


def examine(environ: Mapping[str, str]) -> Iterator[Check]:
    """Yield the results; a part comes after those that it depends on."""
    yield check_python(sys.version_info[:3])
    yield check_platform(sys.platform, platform.machine())
    try:
        settings = load_settings(environ)
    except ConfigurationError as error:
        yield Check("settings", "failed", str(error), "correct the setting; everything else is checked after that")
        return
    situation = look(settings, environ)
    from mcp_server.doctor.embedder import check_embedder
    from mcp_server.doctor.models import check_models
    from mcp_server.doctor.stores import check_index, check_neo4j

    checks: tuple[Callable[[Situation], Iterator[Check]], ...] = (
        check_settings,
        check_disk,
        check_artifacts,
        check_java,
        check_data_folder,
        check_service,
        check_port,
        check_neo4j,
        check_index,
        check_embedder,
        check_models,
        check_claude,
    )
    for check in checks:
        yield from check(situation)


def look(settings: Settings, environ: Mapping[str, str]) -> Situation:
    """Look at the record, and ask the service if it runs."""
    from mcp_server.link.client import read_parts
    from mcp_server.link.lifecycle import probe

    record = read_record(settings.data_dir)
    health = None if record is not None and record.error else probe(settings.data_dir)
    parts: JsonObject = {}
    problem = ""
    if health is not None:
        try:
            parts = read_parts(health)
        except KgError as error:
            problem = str(error)
    return Situation(settings, environ, record, health, parts, problem)
