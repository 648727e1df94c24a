"""Fixtures every room shares."""

import os

# Before anything imports torch: idle OpenMP threads sleep, and small tensors stay on one thread.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["OMP_NUM_THREADS"] = "1"

import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

ROOT = Path(__file__).parent.parent
THIRD_PARTY = ROOT / "tests" / "third_party"


@dataclass(frozen=True)
class ScratchEnv:
    """A virtual environment that sees this one's packages and holds the plug-ins of `tests/third_party`."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(
        self, args: Sequence[str], *, env: Mapping[str, str] | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run `python *args` in it; `UNBRAID_*` variables come from `env` only."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("UNBRAID_", "PYTHON"))}
        return subprocess.run(
            [str(self.python), *args],
            env={**inherited, **(env or {})},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


class MakeScratchEnv(Protocol):
    """Makes environments that see this one's packages."""

    def __call__(self, *installed: Path, checkout: bool = True) -> ScratchEnv:
        """Make one, with some distributions or wheels installed; without `checkout`, Unbraid must be among them."""
        ...


@pytest.fixture(scope="session")
def make_scratch_env(tmp_path_factory: pytest.TempPathFactory) -> MakeScratchEnv:
    """Environments for plug-ins under test: nothing is fetched, and torch is not installed again."""

    def make(*installed: Path, checkout: bool = True) -> ScratchEnv:
        scratch = ScratchEnv(tmp_path_factory.mktemp("scratch") / "venv")
        _run(sys.executable, "-m", "venv", "--without-pip", str(scratch.folder))
        site = scratch.run(["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).stdout.strip()
        ours = [str(ROOT / "src")] if checkout else []
        parents = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *ours))
        Path(site, "parent.pth").write_text("\n".join(parents) + "\n")
        install = (
            "install",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--no-index",
            "--disable-pip-version-check",
        )
        if installed:
            _run(sys.executable, "-m", "pip", "--python", str(scratch.python), *install, *map(str, installed))
        return scratch

    return make


@pytest.fixture(scope="session")
def scratch_env(make_scratch_env: MakeScratchEnv) -> ScratchEnv:
    """The environment of somebody who installed third-party plug-ins, good and broken ones."""
    return make_scratch_env(*(each for each in sorted(THIRD_PARTY.iterdir()) if (each / "pyproject.toml").exists()))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
