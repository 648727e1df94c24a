"""LPC sprites, against what Pillow composes."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from unbraid.core.catalogue import load_dataset
from unbraid.core.errors import ConfigError, DataError
from unbraid.core.interfaces import Dataset


@pytest.fixture(scope="module")
def sprites(data_folder: Path) -> Dataset:
    return load_dataset("lpc-sprites", root=str(data_folder))


def test_counts_and_factors(sprites: Dataset) -> None:
    assert sprites.content.count == 1296 and sprites.style is not None and sprites.style.count == 3 * (7 + 9)
    assert sprites.images.shape == (1296 * 48, 3, 64, 64)
    row = 48 * sprites.content.classes.index("0-3-1-5") + sprites.style.classes.index("walk-left-3")
    found = {name: int(values[row]) for name, values in sprites.factors.items()}
    parts = {"body": 0, "bottomwear": 3, "topwear": 1, "hair": 5}
    assert found == {**parts, "action": 1, "direction": 0, "frame": 3}


def test_all_poses(data_folder: Path) -> None:
    actions = ["spellcast", "thrust", "walk", "slash", "shoot"]
    every = load_dataset(
        "lpc-sprites", root=str(data_folder), actions=actions, directions=["back", "left", "front", "right"]
    )
    assert every.style is not None and every.style.count == 178 - 6  # all but the row of `hurt`


def test_pictures_are_what_pillow_composes(data_folder: Path, sprites: Dataset) -> None:
    rows = {"spellcast": 0, "walk": 8}
    directions = {"left": 1, "front": 2, "right": 3}
    for row in np.random.default_rng(1).integers(0, len(sprites), 12):
        parts = sprites.content.classes[sprites.labels["content"][row]].split("-")
        action, direction, frame = sprites.style.classes[sprites.labels["style"][row]].split("-")  # type: ignore[union-attr]
        top, left = 64 * (rows[action] + directions[direction]), 64 * int(frame)
        canvas = Image.new("RGBA", (64, 64), "white")
        with zipfile.ZipFile(data_folder / "lpc-sprites" / "lpc_sheets.zip") as archive:
            for layer, part in zip(("body", "bottomwear", "topwear", "hair", "shoes"), [*parts, "0"], strict=True):
                sheet = Image.open(archive.open(f"{layer}/{part}.png")).convert("RGBA")
                canvas = Image.alpha_composite(canvas, sheet.crop((left, top, left + 64, top + 64)))
        wanted = np.asarray(canvas.convert("RGB")).astype(int)
        found = sprites.images[np.array([row])][0].transpose(1, 2, 0)
        assert abs(found - wanted).max() <= 2  # rounding of half-transparent pixels


def test_no_two_characters_are_alike(sprites: Dataset) -> None:
    front = sprites.style.classes.index("walk-front-0")  # type: ignore[union-attr]
    pictures = sprites.images[np.arange(1296) * 48 + front].reshape(1296, -1)
    assert len(np.unique(pictures, axis=0)) == 1296


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"actions": []}, "at least one"),
        ({"directions": ["left", "left"]}, "each once"),
        ({"actions": ["run"]}, "spellcast"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_dataset("lpc-sprites", **settings)


def test_a_missing_and_a_damaged_sheet_are_named(data_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "lpc-sprites").mkdir()
    file = tmp_path / "lpc-sprites" / "lpc_sheets.zip"
    for name, content in (("hair/3.png", b"no picture"), ("hair/3.png", None)):
        with (
            zipfile.ZipFile(data_folder / "lpc-sprites" / "lpc_sheets.zip") as source,
            zipfile.ZipFile(file, "w") as target,
        ):
            for each in source.namelist():
                if each != name:
                    target.writestr(each, source.read(each))
                elif content is not None:
                    target.writestr(each, content)
        with pytest.raises(DataError, match=r"lpc_sheets\.zip/hair/3\.png cannot be read"):
            load_dataset("lpc-sprites", root=str(tmp_path))
