"""The wheel holds what git tracks, and the links of a checkout lead where they should."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("core", "plugins", "adapters", "registry")
FRONT_DOOR = ("__init__.py", "__main__.py", "testing.py", "py.typed")


def tracked(folder: str) -> set[str]:
    """Files git tracks, or would with the next `git add`."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return {name for name in done.stdout.splitlines() if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return set(zipfile.ZipFile(built).namelist())


def test_the_wheel_holds_the_rooms_and_the_front_door(wheel: set[str]) -> None:
    rooms = {f"unbraid/{name}" for room in ROOMS for name in tracked(room)}
    content = {name for name in wheel if ".dist-info/" not in name}
    assert content == rooms | {f"unbraid/{name}" for name in FRONT_DOOR}


def test_the_wheel_carries_its_licence_and_entry_points(wheel: set[str]) -> None:
    names = {name.partition(".dist-info/")[2] for name in wheel}
    assert {"METADATA", "entry_points.txt", "licenses/LICENSE"} <= names


def test_the_front_door_holds_nothing_else() -> None:
    entries = {path.name for path in (ROOT / "src" / "unbraid").iterdir() if path.name != "__pycache__"}
    assert entries == {*FRONT_DOOR, *ROOMS}


@pytest.mark.parametrize("room", ROOMS)
def test_each_link_leads_to_its_room(room: str) -> None:
    link = ROOT / "src" / "unbraid" / room
    assert link.resolve() == ROOT / room, (
        f"{link} does not lead to {ROOT / room}: this checkout was made without symbolic links; "
        "run `git config core.symlinks true`, then `git checkout -- src/unbraid`"
    )
