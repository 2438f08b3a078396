"""The Qdrants of the contract suites. A real server is a given executable, else a container, else a skip."""

import lzma
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.support.local_qdrant import LocalQdrant, QdrantPlace

IMAGE = "qdrant/qdrant:v1.20.0"
API_KEY = "a key of the tests"
READY_WITHIN_S = 180
STARTS = 5


@pytest.fixture(scope="session")
def qdrant_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address and key of a server; it is empty at the start of the session."""
    given = os.environ.get("KNOWTHREAD_TEST_QDRANT", "")
    if given:
        folder = tmp_path_factory.mktemp("qdrant")
        with _running(_unpacked(Path(given), folder), folder) as url:
            yield url, API_KEY
    else:
        for url in _container():
            assert _becomes_ready(url, None)
            yield url, API_KEY


@pytest.fixture(params=["engine", "server"])
async def qdrant(request: pytest.FixtureRequest) -> AsyncIterator[QdrantPlace]:
    """What an index on a server speaks to: qdrant-client's own engine always, a real server where there is one."""
    if request.param == "server":
        yield QdrantPlace(*request.getfixturevalue("qdrant_server"))
        return
    engine = LocalQdrant()
    yield QdrantPlace("http://127.0.0.1:6333", "", engine)
    await engine.close()


@contextmanager
def _running(executable: Path, folder: Path) -> Generator[str]:
    """Run the server; it is started again where somebody takes one of its ports between our look and its own."""
    for _ in range(STARTS):
        process, url = _start_executable(executable, folder)
        try:
            if _becomes_ready(url, process):
                yield url
                return
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        log = (folder / "log").read_text(errors="replace")
        if "ddress already in use" not in log:
            break
    pytest.fail(f"the Qdrant server ended with {process.returncode}: {log[-2000:]}")


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


def _becomes_ready(url: str, process: subprocess.Popen[bytes] | None) -> bool:
    """Wait until the server answers; False once its process has ended."""
    deadline = time.monotonic() + READY_WITHIN_S
    with httpx.Client(trust_env=False, timeout=30) as client:
        while time.monotonic() < deadline:
            if process is not None and process.poll() is not None:
                return False
            with suppress(httpx.TransportError):
                if client.get(f"{url}/readyz").is_success:
                    return True
            time.sleep(0.1)
    pytest.fail(f"no Qdrant server at {url} within {READY_WITHIN_S} s")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
