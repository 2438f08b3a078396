"""Fetch what the tests need into the cache folder: Neo4j's jars, every embedding model and the script of pictures."""

from __future__ import annotations

import sys

from kg.errors import KgError
from kg.managed.artifacts import ensure_jars, ensure_model, ensure_script, progress_bar
from kg.settings.paths import cache_dir
from kg.settings.service import EMBEDDERS, models_of


def main() -> int:
    """Fetch what is missing; return the exit status. The user's settings are not read."""
    folder = cache_dir()
    try:
        with progress_bar() as bar:
            ensure_jars(folder, bar)
            ensure_script(folder, bar)
            for model in {model: None for embedder in EMBEDDERS for model in models_of(embedder)}:
                ensure_model(folder, model, bar)
    except KgError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
