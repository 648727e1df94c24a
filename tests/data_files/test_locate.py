"""Finding data: the root wins over the variable, and what is missing is named with the way to get it."""

from pathlib import Path
from typing import Any

import pytest

from unbraid.core.catalogue import load_dataset
from unbraid.core.data_files.locate import locate
from unbraid.core.errors import DataError

FOLDERS = {
    "mnist-writers": "mnist",
    "omniglot": "omniglot",
    "usps": "usps",
    "street-chars": "street-chars",
    "london-faces": "london-faces",
    "lpc-sprites": "lpc-sprites",
}


def find(root: str | None) -> Path:
    return locate("birds", root, "birds", ["owl.npz", "wren.npz"], source="see birds.example")


def test_root_before_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "birds").mkdir(parents=True)
        for file in ("owl.npz", "wren.npz"):
            (tmp_path / name / "birds" / file).touch()
    monkeypatch.setenv("UNBRAID_DATA", str(tmp_path / "a"))
    assert find(None) == tmp_path / "a" / "birds"
    assert find(str(tmp_path / "b")) == tmp_path / "b" / "birds"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "birds").mkdir()
    (tmp_path / "birds" / "owl.npz").touch()
    with pytest.raises(DataError, match=r"files are missing[\s\S]*no wren\.npz[\s\S]*birds\.example"):
        find(str(tmp_path))


@pytest.mark.parametrize(("name", "folder"), FOLDERS.items())
def test_every_data_set_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, folder: str
) -> None:
    monkeypatch.delenv("UNBRAID_DATA", raising=False)
    with pytest.raises(DataError, match=rf"{name}: nobody said[\s\S]*UNBRAID_DATA=/my/data[\s\S]*{folder}"):
        load_dataset(name)
    settings: dict[str, Any] = {"root": str(tmp_path)}
    with pytest.raises(DataError, match=rf"{name}: there is no such folder[\s\S]*set root or UNBRAID_DATA"):
        load_dataset(name, **settings)
