"""The locked fetch against a fetcher that can fail in every way a network and a disk can."""

import errno
import hashlib
import json
import os
import ssl
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from filelock import FileLock

from kg.errors import ConfigurationError, SetupError
from kg.managed.artifact_lock import CYTOSCAPE, NEO4J, ROOTS, LockedFile, LockedGroup, LockedJar, load_lock
from kg.managed.artifacts import ArtifactCache, ensure_model, missing_bytes, progress_bar
from kg.managed.maven import FetchFailed
from kg.settings.service import EMBEDDERS, models_of

CONTENT = {f"a:jar{i}:1": bytes([65 + i]) * 1000 for i in range(12)}


def locked(path: str, data: bytes) -> LockedFile:
    return LockedFile(path, len(data), hashlib.sha256(data).hexdigest())


JARS = tuple(LockedJar(c, locked(f"a/{c.split(':')[1]}.jar", data)) for c, data in CONTENT.items())
LOCK = {"jars": LockedGroup("jars", "Jars", JARS)}


def change(path: Path, data: bytes) -> None:
    """Write a file later than it was written before, also where a file system's clock is coarse."""
    before = path.stat().st_mtime_ns
    path.write_bytes(data)
    os.utime(path, ns=(before, before + 10**9))


class Repository:
    """Hands jars out and counts; ``broken`` maps a coordinate to what happens instead, once per entry."""

    def __init__(self, content: dict[str, bytes] = CONTENT) -> None:
        self.content = content
        self.asked: list[str] = []
        self.broken: dict[str, list[Exception | bytes]] = {}

    def __call__(self, coordinate: str, folder: Path, received: Callable[[int], None]) -> Path:
        self.asked.append(coordinate)
        data = self.content[coordinate]
        if faults := self.broken.get(coordinate):
            fault = faults.pop(0)
            if isinstance(fault, Exception):
                raise fault
            data = fault
        file = folder / (coordinate.split(":")[1] + ".jar")
        file.write_bytes(data)
        received(len(data))
        return file


@pytest.fixture
def repository() -> Repository:
    return Repository()


@pytest.fixture
def cache(tmp_path: Path, repository: Repository) -> ArtifactCache:
    return ArtifactCache(tmp_path, LOCK, repository, pause_s=0)


def test_everything_arrives_with_its_progress(cache: ArtifactCache, repository: Repository) -> None:
    seen: list[tuple[str, int, int]] = []
    paths = cache.ensure("jars", lambda *step: seen.append(step))
    assert [path.read_bytes() for path in paths] == list(CONTENT.values())
    assert seen[0] == ("fetching Jars", 0, 12_000)
    assert seen[-1] == ("fetching Jars", 12_000, 12_000)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert sorted(repository.asked) == sorted(CONTENT)


def test_a_second_start_fetches_and_hashes_nothing(cache: ArtifactCache, repository: Repository) -> None:
    first = cache.ensure("jars")
    repository.asked.clear()
    before = first[3].stat()
    first[3].write_bytes(bytes(before.st_size))
    os.utime(first[3], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert cache.ensure("jars") == first
    assert repository.asked == [], "only a hash can see this damage"
    cache.ensure("jars", verify=True)
    assert repository.asked == ["a:jar3:1"]


def test_a_changed_file_is_found_and_fetched_again(cache: ArtifactCache, repository: Repository) -> None:
    paths = cache.ensure("jars")
    repository.asked.clear()
    change(paths[3], b"x" * 1000)
    paths[5].unlink()
    cache.ensure("jars")
    assert sorted(repository.asked) == ["a:jar3:1", "a:jar5:1"]
    assert paths[3].read_bytes() == CONTENT["a:jar3:1"]


def test_verify_finds_damage_that_size_and_time_hide(cache: ArtifactCache, repository: Repository) -> None:
    paths = cache.ensure("jars")
    before = paths[0].stat()
    paths[0].write_bytes(b"x" * 1000)
    os.utime(paths[0], ns=(before.st_atime_ns, before.st_mtime_ns))
    repository.asked.clear()
    cache.ensure("jars")
    assert repository.asked == []
    cache.ensure("jars", verify=True)
    assert repository.asked == ["a:jar0:1"]
    assert paths[0].read_bytes() == CONTENT["a:jar0:1"]


def test_lost_stamps_cost_hashing_but_no_fetch(cache: ArtifactCache, repository: Repository, tmp_path: Path) -> None:
    cache.ensure("jars")
    repository.asked.clear()
    (tmp_path / "artifacts" / ".stamps.json").write_text("{damaged")
    cache.ensure("jars")
    assert repository.asked == []
    assert len(json.loads((tmp_path / "artifacts" / ".stamps.json").read_text())) == 12


def test_wrong_bytes_are_fetched_again(cache: ArtifactCache, repository: Repository) -> None:
    repository.broken["a:jar2:1"] = [b"cut off", b"y" * 1000]
    assert cache.ensure("jars")[2].read_bytes() == CONTENT["a:jar2:1"]
    assert repository.asked.count("a:jar2:1") == 3


def test_bytes_that_stay_wrong_are_never_kept(cache: ArtifactCache, repository: Repository, tmp_path: Path) -> None:
    repository.broken["a:jar2:1"] = [b"y" * 1000] * 3
    with pytest.raises(SetupError, match="a:jar2:1 arrived 3 times, but never with the checksum") as caught:
        cache.ensure("jars")
    assert "knowthread setup" in caught.value.cure
    assert not (tmp_path / "artifacts" / "a" / "jar2.jar").exists()
    assert not (tmp_path / "artifacts" / ".incoming").exists()


def test_without_a_network_the_error_says_what_is_missing(cache: ArtifactCache, repository: Repository) -> None:
    repository.broken = {coordinate: [FetchFailed("ConnectionError")] * 3 for coordinate in list(CONTENT)[4:]}
    with pytest.raises(SetupError, match=r"cannot fetch Jars: \d+ of 12 files .* missing .*ConnectionError") as caught:
        cache.ensure("jars")
    assert "offline" in caught.value.cure


def test_a_network_that_comes_back_is_enough(cache: ArtifactCache, repository: Repository) -> None:
    seen: list[int] = []
    repository.broken["a:jar7:1"] = [FetchFailed("reset"), FetchFailed("reset")]
    assert len(cache.ensure("jars", lambda _label, done, _total: seen.append(done))) == 12
    assert seen[-1] == 12_000


def test_what_arrived_before_a_failure_is_kept(cache: ArtifactCache, repository: Repository, tmp_path: Path) -> None:
    repository.broken["a:jar11:1"] = [b""] * 3
    with pytest.raises(SetupError):
        cache.ensure("jars")
    kept = {f"a:{file.stem}:1" for file in (tmp_path / "artifacts" / "a").iterdir()}
    repository.asked.clear()
    cache.ensure("jars")
    assert kept
    assert set(repository.asked) == set(CONTENT) - kept


def test_too_small_a_disk_is_told_before_fetching(repository: Repository, tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path, LOCK, repository, free=lambda _folder: 5_000_000)
    with pytest.raises(SetupError, match=r"no space for Jars .* 34 MB needed, 5 MB free") as caught:
        cache.ensure("jars")
    assert "KNOWTHREAD_CACHE_DIR" in caught.value.cure
    assert repository.asked == []


def test_a_disk_that_fills_up_meanwhile(cache: ArtifactCache, repository: Repository) -> None:
    repository.broken["a:jar1:1"] = [OSError(errno.ENOSPC, "No space left on device")]
    with pytest.raises(SetupError, match="no space for Jars"):
        cache.ensure("jars")


def test_a_read_only_cache_serves_what_it_has_and_names_what_it_lacks(
    cache: ArtifactCache, tmp_path: Path, repository: Repository
) -> None:
    paths = cache.ensure("jars")
    (tmp_path / "artifacts" / ".stamps.json").unlink()

    class ReadOnly(FileLock):
        """A lock in a folder that cannot be written, also not by a privileged user."""

        def _acquire(self) -> None:
            raise OSError(errno.EROFS, "Read-only file system")

    read_only = ArtifactCache(tmp_path, LOCK, repository, ReadOnly)
    assert read_only.ensure("jars") == paths
    paths[0].write_bytes(b"damaged")
    with pytest.raises(SetupError, match=r"not complete .*read-only") as caught:
        read_only.ensure("jars")
    assert "writable" in caught.value.cure


def test_a_cache_folder_that_is_a_file_is_an_error_with_a_cure(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="cannot be used"):
        ArtifactCache(tmp_path / "file", LOCK, repository).ensure("jars")


def test_two_processes_fetch_each_jar_once(tmp_path: Path) -> None:
    script = tmp_path / "fetch.py"
    script.write_text(
        f"""
import sys, time
from pathlib import Path
sys.path[:0] = [{str(Path(__file__).parents[3])!r}]
from tests.unit.managed.test_artifacts import LOCK, Repository
from kg.managed.artifacts import ArtifactCache
repository = Repository()
def slow(coordinate, folder, received):
    time.sleep(0.1)
    return repository(coordinate, folder, received)
labels = []
paths = ArtifactCache(Path(sys.argv[1]), LOCK, slow).ensure("jars", lambda label, done, total: labels.append(label))
print(len(repository.asked), sum(path.stat().st_size for path in paths))
"""
    )
    command = [sys.executable, str(script), str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = sorted(process.communicate(timeout=240)[0].split() for process in processes)
    assert answers == [["0", "12000"], ["12", "12000"]]


def test_who_waits_for_another_fetcher_sees_its_progress(tmp_path: Path, repository: Repository) -> None:
    waiting, labels = threading.Event(), set[str]()
    plain = repository.__call__

    def held(coordinate: str, folder: Path, received: Callable[[int], None]) -> Path:
        assert waiting.wait(240)
        return plain(coordinate, folder, received)

    def note(label: str, _done: int, _total: int) -> None:
        labels.add(label)
        waiting.set()

    cache = ArtifactCache(tmp_path, LOCK, held)
    first = threading.Thread(target=cache.ensure, args=("jars",))
    first.start()
    while not list(tmp_path.rglob(".incoming")):
        threading.Event().wait(0.01)
    cache.ensure("jars", note)
    first.join()
    assert labels == {"fetching Jars in another process"}
    assert sorted(repository.asked) == sorted(CONTENT)


def test_of_a_model_only_weights_and_tokenizer_stay(tmp_path: Path) -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("m.onnx", b"weights")
        archive.writestr("m-tokenizer.json", b"{}")
        archive.writestr("other.class", b"code")
    members = (locked("m/m.onnx", b"weights"), locked("m/m-tokenizer.json", b"{}"))
    jar = LockedJar("a:model:1", locked("m/model.jar", buffer.getvalue()), members)
    repository = Repository({"a:model:1": buffer.getvalue()})
    cache = ArtifactCache(tmp_path, {"model": LockedGroup("model", "Model", (jar,))}, repository)
    paths = cache.ensure("model")
    assert [path.read_bytes() for path in paths] == [b"weights", b"{}"]
    assert sorted(path.name for path in (tmp_path / "artifacts" / "m").iterdir()) == ["m-tokenizer.json", "m.onnx"]
    change(paths[0], b"damaged")
    assert cache.ensure("model")[0].read_bytes() == b"weights"
    assert len(repository.asked) == 2


def test_a_member_in_folders_of_its_jar_keeps_them(tmp_path: Path) -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("META-INF/web/dist/draw.js", b"draw()")
        archive.writestr("META-INF/web/other/draw.js", b"other()")
    jar = LockedJar(
        "a:script:1",
        locked("s/1/script.jar", buffer.getvalue()),
        (locked("s/1/META-INF/web/dist/draw.js", b"draw()"),),
    )
    cache = ArtifactCache(
        tmp_path,
        {"script": LockedGroup("script", "Script", (jar,))},
        Repository({"a:script:1": buffer.getvalue()}),
    )
    assert [path.read_bytes() for path in cache.ensure("script")] == [b"draw()"]


def test_the_shipped_lock_covers_neo4j_the_script_of_pictures_and_every_embedder(tmp_path: Path) -> None:
    lock = load_lock()
    models = {model for embedder in EMBEDDERS for model in models_of(embedder)}
    assert set(lock) == set(ROOTS) == {NEO4J, CYTOSCAPE, *models}
    assert [Path(file.path).name for file in lock[CYTOSCAPE].kept] == ["cytoscape.min.js"]
    assert len(lock[NEO4J].jars) == 214
    assert missing_bytes(tmp_path, NEO4J) == sum(jar.file.size_bytes for jar in lock[NEO4J].jars)
    for name in models:
        assert sorted(Path(file.path).suffix for file in lock[name].kept) == [".json", ".onnx"]
    assert all(len(file.sha256) == 64 for group in lock.values() for file in group.kept)


def test_an_unknown_embedder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"onnx:all-minilm-l6-v2"):
        ensure_model(tmp_path, "neo4j")


def test_progress_without_a_terminal_is_a_few_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(line_every_s=600.0) as progress:
        for done in range(0, 101):
            progress("Jars", done * 1_000_000, 100_000_000)
        progress("Jars", 100_000_000, 100_000_000)
    assert capsys.readouterr().err.splitlines() == ["Jars: 0 MB of 100 MB", "Jars: 100 MB of 100 MB"]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 with its key, by an authority that only its own file knows; and that file."""
    folder = tmp_path_factory.mktemp("company")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A company's proxy")])
    today = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), today, today + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    both, authority = folder / "both.pem", folder / "authority.pem"
    both.write_bytes(certificate + secret)
    authority.write_bytes(certificate)
    return both, authority


class JarHandler(BaseHTTPRequestHandler):
    """Answers every request for a jar."""

    def do_GET(self) -> None:
        found = self.path.endswith(".jar")
        self.send_response(200 if found else 404)
        self.send_header("content-length", "3" if found else "0")
        self.end_headers()
        self.wfile.write(b"jar" if found else b"")

    def log_message(self, *_: object) -> None:
        pass


FETCH = """
import sys
from pathlib import Path
import jgo.constants
jgo.constants.MAVEN_CENTRAL_URL = sys.argv[1]
from kg.managed.maven import FetchFailed, MavenClient
try:
    print(MavenClient().fetch("group:name:1", Path(sys.argv[2]), lambda size: None).read_text())
except FetchFailed as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "darwin", reason="the system's authorities are in the Keychain there")
@pytest.mark.parametrize("trusted", [True, False])
def test_jars_come_through_a_proxy_whose_authority_only_the_system_knows(
    tmp_path: Path, company: tuple[Path, Path], *, trusted: bool
) -> None:
    both, authority = company
    server = ThreadingHTTPServer(("127.0.0.1", 0), JarHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
        if trusted:  # how OpenSSL is told of the system's authorities
            environment["SSL_CERT_FILE"] = str(authority)
        command = [sys.executable, "-c", FETCH, f"https://127.0.0.1:{server.server_port}/maven", str(tmp_path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
    assert done.stdout.strip() == "jar" if trusted else "SSLError" in done.stdout
