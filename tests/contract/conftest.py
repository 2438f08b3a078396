"""A real Qdrant server for the contract suites: a given executable, else a container, else a skip that says why."""

import lzma
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

IMAGE = "qdrant/qdrant:v1.18.3"
API_KEY = "a key of the tests"


@pytest.fixture(scope="session")
def qdrant_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address and key of a server; it is empty at the start of the session."""
    given = os.environ.get("KNOWTHREAD_TEST_QDRANT", "")
    if given:
        folder = tmp_path_factory.mktemp("qdrant")
        process, url = _start_executable(_unpacked(Path(given), folder), folder)
        try:
            _ready(url, process)
            yield url, API_KEY
        finally:
            process.terminate()
            process.wait(30)
    else:
        for url in _container():
            _ready(url, None)
            yield url, API_KEY


def _unpacked(given: Path, folder: Path) -> Path:
    executable = folder / "qdrant"
    if given.suffix == ".xz":
        with lzma.open(given) as packed, executable.open("wb") as out:
            shutil.copyfileobj(packed, out)
        executable.chmod(0o700)
        return executable
    return given


def _start_executable(executable: Path, folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    http, grpc = _free_port(), _free_port()
    settings = {
        "QDRANT__SERVICE__HOST": "127.0.0.1",
        "QDRANT__SERVICE__HTTP_PORT": str(http),
        "QDRANT__SERVICE__GRPC_PORT": str(grpc),
        "QDRANT__SERVICE__API_KEY": API_KEY,
        "QDRANT__STORAGE__STORAGE_PATH": str(folder / "storage"),
        "QDRANT__STORAGE__SNAPSHOTS_PATH": str(folder / "snapshots"),
        "QDRANT__TELEMETRY_DISABLED": "true",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [executable], cwd=folder, env=os.environ | settings, stdout=log, stderr=subprocess.STDOUT
        )
    return process, f"http://127.0.0.1:{http}"


def _container() -> Iterator[str]:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True, timeout=20, check=False).returncode:
        pytest.skip("no Qdrant server: set KNOWTHREAD_TEST_QDRANT to its executable, or start Docker")
    from testcontainers.core.container import DockerContainer

    container = (
        DockerContainer(IMAGE)
        .with_exposed_ports(6333)
        .with_env("QDRANT__SERVICE__API_KEY", API_KEY)
        .with_env("QDRANT__TELEMETRY_DISABLED", "true")
    )
    with container:
        yield f"http://{container.get_container_host_ip()}:{container.get_exposed_port(6333)}"


def _ready(url: str, process: subprocess.Popen[bytes] | None) -> None:
    with httpx.Client(trust_env=False) as client:
        for _ in range(600):
            if process is not None and process.poll() is not None:
                pytest.fail(f"the Qdrant server ended with {process.returncode}")
            try:
                if client.get(f"{url}/readyz").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
    pytest.fail(f"no Qdrant server at {url} within a minute")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
