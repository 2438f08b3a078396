"""The files that the managed Neo4j reads: its settings, its logging, its ports and its first password.

Idea: everything lies under one home folder and no setting names a path, so the folder can be moved as a whole. Every
start writes all files again, except the password and the store.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from kg.errors import ConfigurationError, SetupError
from kg.settings.paths import write_private
from kg.settings.service import Settings

USER = "neo4j"
HOST = "127.0.0.1"
REPLAN_S = 60
"""How long the plan of a query is kept at least, however much the graph changes meanwhile."""
TEMPORARY = "tmp"
"""Folder of Java's temporary files, relative to the home folder, in which Neo4j runs."""

_PORT_RANGE = range(20_000, 32_000)  # below the ports that Linux and macOS give out by themselves
_HASH_ROUNDS = 1024
_MEMORY = re.compile(r"(\d+)([kmg])", re.IGNORECASE)
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}

_SETTINGS = """\
# Written by knowthread at every start; changes here are lost.
server.default_listen_address={host}
server.bolt.listen_address={host}:{bolt}
server.bolt.advertised_address={host}:{bolt}
server.http.listen_address={host}:{http}
server.http.advertised_address={host}:{http}
server.https.enabled=false
server.http_enabled_modules=BROWSER
dbms.security.auth_enabled=true
# By default three wrong passwords, from any program on this machine, lock the right one out too.
dbms.security.auth_max_failed_attempts=0
dbms.security.allow_csv_import_from_file_urls=false
# Nothing leaves the machine. Community cannot switch off the Browser's outgoing connections, so its pages forbid them.
dbms.usage_report.enabled=false
client.allow_telemetry=false
browser.remote_content_hostname_whitelist=localhost
dbms.security.http_static_content_security_policy_header=default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; \
connect-src 'self' data: blob: ws://{host}:{bolt} ws://localhost:{bolt} http://{host}:{http} http://localhost:{http} \
http://localhost:{guide}
# A fresh store takes a few megabytes instead of 515.
db.tx_log.preallocate=false
db.tx_log.rotation.size=8M
db.tx_log.rotation.retention_policy=2 files
server.memory.pagecache.size={page_cache}
# Counts of the queues go up and down all the time. By default every query that reads one is planned anew every ten
# seconds, which takes up to a third of a second for each.
dbms.cypher.min_replan_interval={replan_s}s
# Query logs would hold people's texts.
db.logs.query.enabled=OFF
dbms.logs.http.enabled=false
# Work that nobody waits for, ten times and once a second: it took a quarter of the processor time at rest.
internal.vm_pause_monitor.enabled=false
internal.db.idcontroller.maintenance_interval=10s
# The older of the two parsers reads the same Cypher. The newer one takes a second of processor time to warm up.
internal.cypher.parser.antlr_enabled=false
# Without it, a stop waits ten seconds for connections that are closed already.
internal.dbms.bolt.netty_server_shutdown_quiet_period=0
"""

_SERVER_LOGGING = """\
<Configuration status="ERROR">
  <Appenders>
    <RollingRandomAccessFile name="DebugLog" fileName="${config:server.directories.logs}/debug.log"
                             filePattern="$${config:server.directories.logs}/debug.log.%02i">
      <Neo4jDebugLogLayout pattern="%d{yyyy-MM-dd HH:mm:ss.SSSZ}{GMT+0} %-5p [%c{1.}] %m%n"/>
      <Policies><SizeBasedTriggeringPolicy size="2 MB"/></Policies>
      <DefaultRolloverStrategy fileIndex="min" max="2"/>
    </RollingRandomAccessFile>
  </Appenders>
  <Loggers>
    <Root level="INFO"><AppenderRef ref="DebugLog"/></Root>
    <Logger name="QueryLogger" level="OFF"/>
    <Logger name="HttpLogger" level="OFF"/>
    <Logger name="SecurityLogger" level="WARN"/>
  </Loggers>
</Configuration>
"""

_USER_LOGGING = """\
<Configuration status="ERROR">
  <Appenders>
    <Console name="Console" target="SYSTEM_OUT">
      <PatternLayout pattern="%d{yyyy-MM-dd HH:mm:ss.SSSZ}{GMT+0} %-5p %m%n"/>
    </Console>
  </Appenders>
  <Loggers>
    <Root level="INFO"><AppenderRef ref="Console"/></Root>
  </Loggers>
</Configuration>
"""


@dataclass(frozen=True)
class Ports:
    """Where Neo4j listens on the loopback interface, and where its Browser may fetch our guide from."""

    bolt: int
    http: int
    guide: int


def render_settings(settings: Settings, ports: Ports, replan_s: int = REPLAN_S) -> str:
    """Return the text of ``neo4j.conf``; a plan of a query is kept for ``replan_s`` at least.

    Raises:
        ConfigurationError: a memory size is not in JVM notation.
    """
    memory_bytes("neo4j_heap", settings.neo4j_heap)
    memory_bytes("neo4j_page_cache", settings.neo4j_page_cache)
    return _SETTINGS.format(
        host=HOST,
        bolt=ports.bolt,
        http=ports.http,
        guide=ports.guide,
        page_cache=settings.neo4j_page_cache,
        replan_s=replan_s,
    )


def memory_bytes(name: str, value: str) -> int:
    """Return the value of a setting that holds a size in JVM notation (``512m``) in bytes.

    Raises:
        ConfigurationError: it holds none.
    """
    size = _MEMORY.fullmatch(value)
    if size is None:
        raise ConfigurationError(f"KNOWTHREAD_{name.upper()}", f"{value!r} is no size", "for example 512m or 1g")
    return int(size[1]) * _UNITS[size[2].lower()]


def write_configuration(home: Path, settings: Settings, ports: Ports, replan_s: int) -> None:
    """Write a home's folder ``conf``, and empty its temporary folder, in which a killed Neo4j leaves files."""
    shutil.rmtree(home / TEMPORARY, ignore_errors=True)
    (home / TEMPORARY).mkdir(mode=0o700, exist_ok=True)
    folder = home / "conf"
    folder.mkdir(exist_ok=True)
    (folder / "neo4j.conf").write_text(render_settings(settings, ports, replan_s), encoding="utf-8")
    (folder / "server-logs.xml").write_text(_SERVER_LOGGING, encoding="utf-8")
    (folder / "user-logs.xml").write_text(_USER_LOGGING, encoding="utf-8")


def choose_ports(home: Path, *, fresh: bool = False) -> Ports:
    """Return the ports of the last start. Choose free ones if there are none, one of Neo4j's is taken, or ``fresh``.

    The guide's port is chosen alone where it is taken or was never chosen: people bookmark Neo4j's own ports.
    """
    file = home / "ports.json"
    known: dict[str, int] = {}
    with suppress(OSError, ValueError, TypeError, AttributeError):  # absent or damaged: choose
        known = {name: int(port) for name, port in json.loads(file.read_text(encoding="utf-8")).items()}
    bolt, http, guide = (known.get(name, 0) for name in ("bolt", "http", "guide"))
    if fresh or not (bolt and http and _is_free(bolt) and _is_free(http)):
        bolt, http = _free_port(), _free_port()
    if not guide or not _is_free(guide):
        guide = _free_port()
    ports = Ports(bolt, http, guide)
    if asdict(ports) == known:
        return ports
    write_private(file, json.dumps(asdict(ports)), durable=True)
    return ports


def _free_port() -> int:
    """Return a port that nobody listens on, at random, so that two homes rarely get the same one."""
    while True:
        port = _PORT_RANGE[secrets.randbelow(len(_PORT_RANGE))]
        if _is_free(port):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
        return True


def ensure_password(home: Path) -> str:
    """Return the password of the user ``neo4j``. The first call makes it; no process list ever shows it.

    The password is on the disk before the store exists, and Neo4j takes it from ``auth.ini`` when it first makes its
    system database. So password and store agree after a crash at any point.

    Raises:
        SetupError: there is a store, but its password is gone.
    """
    file = home / "password"
    try:
        password = file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        password = ""
    if not password:
        if (home / "data" / "databases" / "system").exists():
            raise SetupError(
                f"the password of the graph is gone: {file} is missing or empty",
                f"write the password of the user '{USER}' into that file, or restore the file from a backup",
            )
        password = secrets.token_urlsafe(24)
        write_private(file, password + "\n", durable=True)
    auth = home / "data" / "dbms" / "auth.ini"
    auth.parent.mkdir(parents=True, exist_ok=True)
    if not auth.exists():
        write_private(auth, _credential(password), durable=True)
    return password


def _credential(password: str) -> str:
    """Return a line of Neo4j's initial-user file: salted SHA-256, as its FileUserRepository reads it."""
    salt = secrets.token_bytes(32)
    digest = hashlib.sha256(salt + password.encode()).digest()
    for _ in range(_HASH_ROUNDS - 1):
        digest = hashlib.sha256(digest).digest()
    return f"{USER}:SHA-256,{digest.hex()},{salt.hex()},{_HASH_ROUNDS}:\n"
