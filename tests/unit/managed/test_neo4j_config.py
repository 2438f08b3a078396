"""What the managed Neo4j's files say, and how its failures are told apart; no Neo4j is started."""

import hashlib
import json
import re
import socket
from dataclasses import asdict
from pathlib import Path

import pytest

from kg.errors import ConfigurationError, SetupError
from kg.managed.neo4j_config import Ports, choose_ports, ensure_password, render_settings
from kg.managed.neo4j_failures import Failure, diagnose
from kg.settings.service import Settings


def test_the_password_is_private_and_stays(tmp_path: Path) -> None:
    password = ensure_password(tmp_path)
    assert len(password) >= 32
    assert ensure_password(tmp_path) == password
    for name in ("password", "data/dbms/auth.ini"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_the_initial_user_file_holds_the_password_only_as_a_hash(tmp_path: Path) -> None:
    password = ensure_password(tmp_path)
    user, credential, flags = (tmp_path / "data/dbms/auth.ini").read_text().strip().split(":")
    algorithm, digest, salt, rounds = credential.split(",")
    expected = hashlib.sha256(bytes.fromhex(salt) + password.encode()).digest()
    for _ in range(int(rounds) - 1):
        expected = hashlib.sha256(expected).digest()
    assert (user, algorithm, digest, flags) == ("neo4j", "SHA-256", expected.hex(), "")


def test_a_crash_before_the_first_boot_leaves_password_and_user_file_agreeing(tmp_path: Path) -> None:
    password = ensure_password(tmp_path)
    (tmp_path / "data/dbms/auth.ini").unlink()
    assert ensure_password(tmp_path) == password
    assert (tmp_path / "data/dbms/auth.ini").exists()


def test_a_store_without_its_password_is_an_error_and_gets_no_new_one(tmp_path: Path) -> None:
    (tmp_path / "data/databases/system").mkdir(parents=True)
    with pytest.raises(SetupError, match="password of the graph is gone"):
        ensure_password(tmp_path)
    assert not (tmp_path / "password").exists()


def test_ports_are_remembered_until_somebody_takes_one(tmp_path: Path) -> None:
    ports = choose_ports(tmp_path)
    assert choose_ports(tmp_path) == ports
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports.http))
        other.listen()
        moved = choose_ports(tmp_path)
    assert moved.http != ports.http
    assert choose_ports(tmp_path) == moved


@pytest.mark.parametrize("content", ["", "[1]", '{"bolt": "x", "http": 1}', '{"bolt": 99999, "http": 1}', "{}"])
def test_a_damaged_ports_file_is_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / "ports.json").write_text(content)
    ports = choose_ports(tmp_path)
    assert json.loads((tmp_path / "ports.json").read_text()) == asdict(ports)


@pytest.mark.parametrize("known", [{}, {"guide": 1}], ids=["of an older version", "taken"])
def test_the_port_of_the_guide_is_chosen_without_moving_the_others(tmp_path: Path, known: dict[str, int]) -> None:
    ports = choose_ports(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        known = {name: other.getsockname()[1] for name in known}
        (tmp_path / "ports.json").write_text(json.dumps({"bolt": ports.bolt, "http": ports.http, **known}))
        chosen = choose_ports(tmp_path)
    assert (chosen.bolt, chosen.http) == (ports.bolt, ports.http)
    assert chosen.guide and chosen.guide not in known.values() and choose_ports(tmp_path) == chosen


def test_browser_may_fetch_from_neo4j_and_the_guide_alone(tmp_path: Path) -> None:
    text = render_settings(Settings(data_dir=tmp_path), Ports(1, 2, 3))
    (policy,) = re.findall(r"content_security_policy_header=(.*)", text)
    allowed = policy.partition("connect-src ")[2].split()
    assert {source for source in allowed if "://" in source} == {
        *(f"{scheme}://{host}" for scheme, host in (("ws", "127.0.0.1:1"), ("ws", "localhost:1"))),
        *(f"http://{host}" for host in ("127.0.0.1:2", "localhost:2", "localhost:3")),
    }


def test_nothing_listens_beyond_loopback_and_nothing_goes_out(tmp_path: Path) -> None:
    text = render_settings(Settings(data_dir=tmp_path), Ports(1, 2, 3))
    values = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert all(value.startswith("127.0.0.1") for name, value in values.items() if name.endswith("listen_address"))
    assert values["dbms.usage_report.enabled"] == values["client.allow_telemetry"] == "false"
    assert str(tmp_path) not in text


@pytest.mark.parametrize("size", ["", "lots", "512", "1.5g", "512m\nserver.config.strict_validation.enabled=false"])
def test_a_size_that_java_would_not_understand_is_refused(size: str) -> None:
    with pytest.raises(ConfigurationError, match="KNOWTHREAD_NEO4J_PAGE_CACHE"):
        render_settings(Settings(neo4j_page_cache=size), Ports(1, 2, 3))


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        ("java.io.IOException: No space left on device", Failure.DISK_FULL),
        ("[Errno 28] No space left on device: '/x'", Failure.DISK_FULL),
        ("PortBindException: Address localhost:7687 is already in use", Failure.PORT_TAKEN),
        ("Lock file has been locked by another process: /x/store_lock", Failure.STORE_LOCKED),
        ("Error: Could not find or load main class org.neo4j.server.CommunityEntryPoint", Failure.JAR_DAMAGED),
        ("java.lang.NoClassDefFoundError: org/neo4j/Kernel", Failure.JAR_DAMAGED),
        ("Error occurred during initialization of VM\nToo small maximum heap", Failure.MEMORY),
        ("X has been compiled by a more recent version (UnsupportedClassVersionError)", Failure.JAVA_UNFIT),
        ("java.nio.file.AccessDeniedException: /x/data", Failure.FORBIDDEN),
        ("Something else happened", Failure.UNKNOWN),
        ("", Failure.UNKNOWN),
    ],
)
def test_a_failed_start_is_told_by_its_cause(text: str, failure: Failure) -> None:
    assert diagnose(text) is failure


def test_every_failure_has_a_cure_and_shows_the_log(tmp_path: Path) -> None:
    for failure in Failure:
        error = failure.error(tmp_path, "one\ntwo")
        assert error.cure
        assert "one\ntwo" in str(error)
        assert "{home}" not in str(error)
