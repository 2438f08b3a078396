"""The service's process: how it ends while it is still on its way up."""

import signal
import subprocess
import sys
from pathlib import Path

from mcp_server.link.lifecycle import STOPPED
from mcp_server.link.record import RECORD, publish_record, read_record
from tests.support.toy import PATIENCE_S, wait_for

FETCHING = """
import asyncio, sys, time
from pathlib import Path
from kg.settings.service import Settings
from mcp_server.service import running, serve

def fetch(on_phase):
    for percent in range(6000):
        on_phase(f"fetching {percent}% of 137 MB")
        time.sleep(0.1)

class Service(running.Service):
    async def start(self, on_phase):
        await asyncio.to_thread(fetch, on_phase)

running.Service = Service
sys.exit(serve.run(Settings(data_dir=Path(sys.argv[1]), neo4j_url="bolt://127.0.0.1:1")))
"""


def test_a_service_told_to_end_while_it_fetches_ends_at_once(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", FETCHING, str(tmp_path)])
    try:
        wait_for(lambda: (record := read_record(tmp_path)) and record.phase.startswith("fetching"), "the fetch")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == STOPPED
    finally:
        process.kill()
        process.wait()
    assert not (tmp_path / RECORD).exists()


def test_a_withdrawn_record_is_not_written_again(tmp_path: Path) -> None:
    record = publish_record(tmp_path, ("127.0.0.1", 1), version="1", schema_version=1, settings={}, token="t" * 20)
    record.withdraw()
    record.publish(phase="fetching 99% of 137 MB")
    assert read_record(tmp_path) is None
