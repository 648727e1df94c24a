"""torchvision's data sets: real MNIST where it is there, and every layout as torchvision documents it.

The checksums that torchvision demands are those of the whole data sets, so the layouts of small made-up ones are
tested with that demand lifted; everything else is torchvision's own reading.
"""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision.datasets as tv
from PIL import Image
from scipy.io import savemat

from unbraid.core.catalogue import load_dataset
from unbraid.core.errors import ConfigError, DataError, EnvironmentFault

RNG = np.random.default_rng(0)


@pytest.fixture
def without_checksums(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("omniglot", "celeba", "flowers102", "svhn"):
        monkeypatch.setattr(f"torchvision.datasets.{module}.check_integrity", lambda path, md5=None: True)


def picture(path: Path, number: int, size: tuple[int, int] = (16, 16)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (number % 256, number // 256, 100)).save(path)


def test_mnist_is_the_same_as_read_here(data_folder: Path, tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        stored = (data_folder / "mnist" / f"{name}-ubyte.gz").read_bytes()
        (raw / f"{name}-ubyte").write_bytes(gzip.decompress(stored))
    data = load_dataset("torchvision", dataset="MNIST", root=str(tmp_path))
    ours = load_dataset("mnist-writers", root=str(data_folder))
    rows = np.arange(0, 70_000, 13)
    np.testing.assert_array_equal(data.images[rows], ours.images[rows])
    np.testing.assert_array_equal(data.labels["content"], ours.labels["content"])
    assert data.content.classes[0] == "0 - zero" and data.style is None
    test = load_dataset("torchvision", dataset="MNIST", root=str(tmp_path), part="test", size=14)
    assert test.images.shape == (10_000, 1, 14, 14)
    # the same file format, other names for the classes
    (tmp_path / "MNIST").rename(tmp_path / "FashionMNIST")
    fashion = load_dataset("torchvision", dataset="FashionMNIST", root=str(tmp_path))
    assert "Trouser" in fashion.content.classes and len(fashion) == 70_000


@pytest.mark.usefixtures("without_checksums")
def test_svhn(tmp_path: Path) -> None:
    stored = {part: RNG.integers(0, 256, (32, 32, 3, 20), dtype=np.uint8) for part in ("train", "test")}
    for part, pictures in stored.items():
        savemat(tmp_path / f"{part}_32x32.mat", {"X": pictures, "y": np.arange(20)[:, None] % 10 + 1})
    data = load_dataset("torchvision", dataset="SVHN", root=str(tmp_path))
    assert data.images.shape == (40, 3, 32, 32) and data.content.classes == tuple("0123456789")
    np.testing.assert_array_equal(data.images[np.array([23])][0], stored["test"][..., 3].transpose(2, 0, 1))
    assert data.labels["content"][[0, 9]].tolist() == [1, 0]  # its label 10 is the digit 0


def omniglot(root: Path) -> None:
    for part, alphabet in (("background", "Greek"), ("evaluation", "Tengwar")):
        for character in range(1, 4):
            for drawer in range(1, 6):
                folder = root / "omniglot-py" / f"images_{part}" / alphabet / f"character{character:02d}"
                folder.mkdir(parents=True, exist_ok=True)
                ink = Image.new("1", (105, 105), 1)
                ink.paste(0, (drawer * 10, character * 20, 80, 100))
                ink.save(folder / f"{character:04d}_{drawer:02d}.png")


@pytest.mark.usefixtures("without_checksums")
def test_omniglot(tmp_path: Path) -> None:
    omniglot(tmp_path)
    data = load_dataset("torchvision", dataset="Omniglot", root=str(tmp_path))
    assert data.images.shape == (30, 1, 105, 105) and data.content.count == 6
    assert data.style is not None and data.style.count == 10
    for row in range(30):
        content, style = (
            data.content.classes[data.labels["content"][row]],
            data.style.classes[data.labels["style"][row]],
        )
        character, drawer = int(content[-2:]), int(style[-2:])
        assert content.split("/")[0] == style.split("/")[0]
        ink = np.argwhere(data.images[np.array([row])][0, 0] == 0)
        assert ink.min(0).tolist() == [character * 20, drawer * 10]
    test = {data.content.classes[i].split("/")[0] for i in data.splits["content"]["test"]}
    assert test == {"Tengwar"} and len(data.splits["content"]["test"]) == 3
    assert {data.style.classes[i].split("/")[0] for i in data.splits["style"]["test"]} == {"Tengwar"}
    assert len(data.rows(content="test", style="test")) == 15


def celeba(root: Path) -> None:
    base = root / "celeba"
    names = [f"{number + 1:06d}.jpg" for number in range(24)]
    for number, name in enumerate(names):
        picture(base / "img_align_celeba" / name, number, (178, 218))
    lines: dict[str, list[str]] = {
        "list_eval_partition.txt": [f"{name} {number // 8}" for number, name in enumerate(names)],
        "identity_CelebA.txt": [f"{name} {number // 2 + 5}" for number, name in enumerate(names)],
        "list_bbox_celeba.txt": ["24", "image_id x_1 y_1 width height", *(f"{name} 1 1 2 2" for name in names)],
        "list_landmarks_align_celeba.txt": ["24", "lefteye_x lefteye_y", *(f"{name} 1 1" for name in names)],
        "list_attr_celeba.txt": [
            *("24", "Smiling Young "),
            *(f"{name} {1 if number % 2 else -1} 1" for number, name in enumerate(names)),
        ],
    }
    for file, content in lines.items():
        (base / file).write_text("\n".join(content) + "\n")


@pytest.mark.usefixtures("without_checksums")
def test_celeba(tmp_path: Path) -> None:
    celeba(tmp_path)
    data = load_dataset("torchvision", dataset="CelebA", root=str(tmp_path), style="Smiling", size=32)
    assert data.images.shape == (24, 3, 32, 32) and data.content.count == 12
    assert data.style is not None and data.style.classes == ("no", "yes") and data.style.name == "Smiling"
    for row in (0, 9, 23):
        assert abs(int(data.images[np.array([row])][0, 0].mean()) - row) <= 3
        assert int(data.content.classes[data.labels["content"][row]]) == row // 2 + 5
        assert data.labels["style"][row] == row % 2
    assert load_dataset("torchvision", dataset="CelebA", root=str(tmp_path)).style is None
    with pytest.raises(ConfigError, match="did you mean 'Smiling'"):
        load_dataset("torchvision", dataset="CelebA", root=str(tmp_path), style="Smilling")
    with pytest.raises(DataError, match="'Young' is no style"):
        load_dataset("torchvision", dataset="CelebA", root=str(tmp_path), style="Young")


@pytest.mark.usefixtures("without_checksums")
def test_flowers_and_a_corrupt_file_among_them(tmp_path: Path) -> None:
    base = tmp_path / "flowers-102"
    for number in range(1, 31):
        picture(base / "jpg" / f"image_{number:05d}.jpg", number, (40, 20))
    savemat(base / "imagelabels.mat", {"labels": np.arange(30) % 3 + 1})
    savemat(base / "setid.mat", {"trnid": np.arange(1, 11), "valid": np.arange(11, 21), "tstid": np.arange(21, 31)})
    data = load_dataset("torchvision", dataset="Flowers102", root=str(tmp_path), size=16)
    assert data.images.shape == (30, 3, 16, 16)
    assert {data.content.classes[i] for i in data.labels["content"][[0, 3, 6]]} == {"pink primrose"}
    (base / "jpg" / "image_00017.jpg").write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"image_00017\.jpg cannot be read"):
        data.images[np.arange(30)]
    skipped = load_dataset("torchvision", dataset="Flowers102", root=str(tmp_path), size=16, on_error="skip")
    assert skipped.images[np.arange(29)].shape == (29, 3, 16, 16) and len(skipped.labels["content"]) == 29


@pytest.mark.parametrize("dataset", ["MNIST", "FashionMNIST", "SVHN", "Omniglot", "CelebA", "Flowers102"])
def test_a_missing_root_is_one_clear_error(tmp_path: Path, dataset: str) -> None:
    with pytest.raises(DataError, match=rf"{dataset} is not in .*absent[\s\S]*no such folder[\s\S]*download=true"):
        load_dataset("torchvision", dataset=dataset, root=str(tmp_path / "absent"))
    assert not (tmp_path / "absent").exists()
    with pytest.raises(DataError, match=rf"{dataset} is not in"):
        load_dataset("torchvision", dataset=dataset, root=str(tmp_path))


def test_a_download_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server answers at these addresses, on any machine."""
    monkeypatch.setattr(tv.FashionMNIST, "mirrors", ["http://127.0.0.1:9/"])
    monkeypatch.setattr(tv.FashionMNIST, "resources", [("nothing.gz", "0" * 32)])
    with pytest.raises(EnvironmentFault, match="FashionMNIST could not be downloaded"):
        load_dataset("torchvision", dataset="FashionMNIST", root=str(tmp_path), download=True)


Case = tuple[dict[str, Any], str]
CASES: list[Case] = [
    ({"dataset": "mnist"}, "did you mean 'MNIST'"),
    ({"dataset": "CelebaA"}, "did you mean 'CelebA'"),
    ({"dataset": "ImageNet"}, "one of MNIST, FashionMNIST"),
    ({"dataset": "MNIST", "part": "validation"}, "no part 'validation'"),
    ({"dataset": "MNIST", "size": 2}, "size is out of range"),
    ({"dataset": "MNIST", "style": "Smiling"}, "no attributes"),
    ({"dataset": "MNIST", "downlaod": True}, "did you mean 'download'"),
]


@pytest.mark.parametrize(("settings", "message"), CASES)
def test_settings_that_make_no_sense(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_dataset("torchvision", root=str(tmp_path), **settings)
