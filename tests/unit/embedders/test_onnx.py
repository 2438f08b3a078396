"""The embedder's library is loaded without its reports to its maker."""

import os
import subprocess
import sys
from pathlib import Path

LOAD = """
import asyncio, sys
from pathlib import Path
from extract.embedders.onnx import OnnxEmbedder
from kg.errors import StoreUnavailable
from kg.managed.artifacts import ModelFiles
embedder = OnnxEmbedder("onnx:all-minilm-l6-v2", [ModelFiles(Path("absent"), Path("absent"), "")])
try:
    asyncio.run(embedder.warm())
except StoreUnavailable:
    print("onnxruntime" in sys.modules)
"""


def test_loading_the_library_leaves_no_device_id_and_no_queue_of_reports(tmp_path: Path) -> None:
    """Reports begin with a device id and a database in the person's own folders; without them there are none."""
    home = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME"), str(tmp_path))
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        env=kept | home,
        cwd=Path.cwd(),
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
    assert list(tmp_path.iterdir()) == []
