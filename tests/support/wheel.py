"""The built wheel, and an environment in which nothing but it and what it declares is installed."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return next(folder.glob("knowthread-*.whl"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and the packages that it declares, those taken from ours; its folder of scripts."""
    folder = tmp_path_factory.mktemp("installed") / "env"
    venv.create(folder, symlinks=True, with_pip=False)
    scripts = folder / "bin"
    pip = [sys.executable, "-m", "pip", "--python", str(scripts / "python")]
    options = ["--no-index", "--no-deps", "--no-warn-script-location"]
    subprocess.run([*pip, "install", *options, str(wheel)], check=True, capture_output=True, timeout=120)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (installed,) = Distribution.discover(name="knowthread", path=[str(site)])
    for package in _declared(installed, set()):
        for name in {file.parts[0] for file in package.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / name).exists():
                (site / name).symlink_to(package.locate_file(name))
    return scripts


def _declared(package: Distribution, seen: set[str], extras: Iterable[str] = ()) -> Iterator[Distribution]:
    """What a package requires here with some of its extras, and what that requires."""
    for line in package.requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is not None and not any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            continue
        wanted = f"{requirement.name}{sorted(requirement.extras)}"
        if wanted in seen:
            continue
        seen.add(wanted)
        try:
            found = distribution(requirement.name)
        except PackageNotFoundError:
            pytest.fail(f"{requirement.name} is declared but not in the development environment")
        yield found
        yield from _declared(found, seen, requirement.extras)
