"""The demo, as far as it needs no service; it runs in full as ``make demo``."""

import importlib.util
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_a_person_s_own_settings_do_not_reach_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "KNOWTHREAD_CACHE_DIR": str(tmp_path)}
    own = {
        "KNOWTHREAD_LLM": "gemini",
        "KNOWTHREAD_NEO4J_URL": "bolt://x",
        "MEM0_LLM_PROVIDER": "y",
        "MEM0_USER_ID": "z",
    }
    monkeypatch.setattr(os, "environ", kept | own)
    spec = importlib.util.spec_from_file_location("demo", ROOT / "examples" / "demo.py")
    assert spec is not None and spec.loader is not None
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    with demo.own_folders() as (data, _):
        assert not own.keys() & os.environ.keys()
        assert os.environ["KNOWTHREAD_DATA_DIR"] == str(data) == str(tmp_path / "demo")
        assert kept.items() <= os.environ.items()
