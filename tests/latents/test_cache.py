"""A latent cache is read as it was written, resumed where it stopped, and never taken for another."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from unbraid.core.errors import (
    ArtefactError,
    BackboneMismatchError,
    DamagedArtefactError,
    FormatVersionError,
    StorageError,
)
from unbraid.core.interfaces import Backbone, Dataset
from unbraid.core.latents import encode_dataset

MakeBackbone = Callable[..., Backbone]
MakeDataset = Callable[..., Dataset]
SHARDS = ["00000.safetensors", "00001.safetensors", "00002.safetensors"]


class Counting:
    """Images that count how many rows were read in batches of the encoder, and may stop at one."""

    def __init__(self, images: npt.NDArray[np.uint8], stop_at: int | None = None) -> None:
        self.images = images
        self.shape = images.shape
        self.stop_at = stop_at
        self.encoded = 0

    def __getitem__(self, rows: npt.NDArray[np.int64], /) -> npt.NDArray[np.uint8]:
        if len(rows) <= 256:  # the fingerprint reads more at a time
            self.encoded += len(rows)
            if self.stop_at is not None and rows[0] >= self.stop_at:
                raise KeyboardInterrupt
        return self.images[rows]


def counting(dataset: Dataset, stop_at: int | None = None) -> tuple[Dataset, Counting]:
    images = Counting(np.asarray(dataset.images), stop_at)
    return replace(dataset, images=images, _fingerprint=[]), images


@pytest.fixture
def cache(finished_cache: Path, tmp_path: Path) -> Path:
    """A complete cache to spoil."""
    shutil.copytree(finished_cache, tmp_path / "cache")
    return tmp_path / "cache"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in (".lock", ".claims")}


def test_round_trip(make_backbone: MakeBackbone, dataset: Dataset, finished_cache: Path) -> None:
    direct = encode_dataset(make_backbone(), dataset)
    watched, images = counting(dataset)
    read = encode_dataset(make_backbone(), watched, cache=finished_cache)
    assert images.encoded == 0, "what was cached was encoded again"
    assert torch.equal(read.mean, direct.mean)
    assert read.log_variance is not None and direct.log_variance is not None
    assert torch.equal(read.log_variance, direct.log_variance)
    assert torch.equal(read.labels["content"], direct.labels["content"])
    assert (read.spec, read.classes) == (direct.spec, direct.classes)
    assert sorted(contents(finished_cache)) == [*SHARDS, "index.json"]


@pytest.mark.parametrize("storage", ["float16", "uint8"])
def test_other_storage(make_backbone: MakeBackbone, make_dataset: MakeDataset, tmp_path: Path, storage: str) -> None:
    backbone, data = make_backbone(stochastic=False, storage=storage), make_dataset(100)
    with torch.no_grad():
        backbone.encoder.weight.abs_().div_(100)
    first = encode_dataset(backbone, data, cache=tmp_path / "cache")
    second = encode_dataset(backbone, data, cache=tmp_path / "cache")
    assert first.mean.dtype == second.mean.dtype == getattr(torch, storage)
    assert torch.equal(first.mean, second.mean)


def test_interrupted_between_shards(
    make_backbone: MakeBackbone, dataset: Dataset, finished_cache: Path, tmp_path: Path
) -> None:
    stopping, _ = counting(dataset, stop_at=20_000)
    with pytest.raises(KeyboardInterrupt):
        encode_dataset(make_backbone(), stopping, cache=tmp_path / "cache")
    assert sorted(contents(tmp_path / "cache")) == ["00000.json", SHARDS[0], "building.json"]
    resuming, images = counting(dataset)
    encode_dataset(make_backbone(), resuming, cache=tmp_path / "cache")
    assert images.encoded == len(dataset) - 16_384, "more than the unfinished shards was encoded"
    assert contents(tmp_path / "cache") == contents(finished_cache)


BUILD_AND_HANG = """
import sys, time
import numpy as np
sys.path.insert(0, sys.argv[2])
from conftest import linear_backbone, small_dataset
from dataclasses import replace
from unbraid.core.latents import encode_dataset

class Hanging:
    def __init__(self, images):
        self.images, self.shape = images, images.shape
    def __getitem__(self, rows):
        if len(rows) <= 256 and rows[0] >= 20_000:
            print("second shard", flush=True)
            time.sleep(600)
        return self.images[rows]

data = small_dataset()
encode_dataset(linear_backbone(), replace(data, images=Hanging(data.images)), cache=sys.argv[1])
"""


def test_killed_builder(make_backbone: MakeBackbone, dataset: Dataset, finished_cache: Path, tmp_path: Path) -> None:
    """While it lives nobody else builds; when it is killed the next one takes over and the bytes are the same."""
    command = [sys.executable, "-c", BUILD_AND_HANG, str(tmp_path / "cache"), str(Path(__file__).parent)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None and child.stdout.readline() == "second shard\n"
        with pytest.raises(ArtefactError, match=f"built by somebody else\n.*\n.*process {child.pid}"):
            encode_dataset(make_backbone(), dataset, cache=tmp_path / "cache")
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    first = (tmp_path / "cache" / SHARDS[0]).stat().st_ino
    encode_dataset(make_backbone(), dataset, cache=tmp_path / "cache")
    assert (tmp_path / "cache" / SHARDS[0]).stat().st_ino == first, "the finished shard was written again"
    assert contents(tmp_path / "cache") == contents(finished_cache)


def test_another_backbone(make_backbone: MakeBackbone, dataset: Dataset, cache: Path) -> None:
    other = make_backbone()
    with torch.no_grad():
        other.encoder.weight[0, 0] += 1e-6
    before = contents(cache)
    with pytest.raises(BackboneMismatchError) as caught:
        encode_dataset(other, dataset, cache=cache)
    assert other.fingerprint in str(caught.value) and make_backbone().fingerprint in str(caught.value)
    assert contents(cache) == before


def test_changed_data(make_backbone: MakeBackbone, dataset: Dataset, cache: Path) -> None:
    images = np.asarray(dataset.images).copy()
    images[12_345, 0, 1, 1] ^= 1
    changed = replace(dataset, images=images, _fingerprint=[])
    with pytest.raises(ArtefactError, match="belongs to other data") as caught:
        encode_dataset(make_backbone(), changed, cache=cache)
    assert changed.fingerprint in str(caught.value) and dataset.fingerprint in str(caught.value)


def test_fewer_rows(make_backbone: MakeBackbone, make_dataset: MakeDataset, cache: Path) -> None:
    with pytest.raises(ArtefactError, match="other data and rows"):
        encode_dataset(make_backbone(), make_dataset(100), cache=cache)


def test_changed_dtype(make_backbone: MakeBackbone, dataset: Dataset, cache: Path) -> None:
    with pytest.raises(ArtefactError, match=r"other dtype\n.*dtype float16\n.*dtype float32"):
        encode_dataset(make_backbone(storage="float16"), dataset, cache=cache)


def test_an_unfinished_cache_of_another_backbone(make_backbone: MakeBackbone, dataset: Dataset, tmp_path: Path) -> None:
    stopping, _ = counting(dataset, stop_at=0)
    with pytest.raises(KeyboardInterrupt):
        encode_dataset(make_backbone(), stopping, cache=tmp_path)
    other = make_backbone()
    with torch.no_grad():
        other.encoder.weight.zero_()
    with pytest.raises(BackboneMismatchError):
        encode_dataset(other, dataset, cache=tmp_path)


def truncate(folder: Path) -> None:
    os.truncate(folder / SHARDS[1], 100_000)


def lengthen(folder: Path) -> None:
    with open(folder / SHARDS[1], "ab") as file:
        file.write(b"x")


def flip_a_bit(folder: Path) -> None:
    raw = bytearray((folder / SHARDS[1]).read_bytes())
    raw[len(raw) // 2] ^= 4
    (folder / SHARDS[1]).write_bytes(raw)


def flip_a_bit_of_the_header(folder: Path) -> None:
    raw = bytearray((folder / SHARDS[1]).read_bytes())
    raw[20] ^= 4
    (folder / SHARDS[1]).write_bytes(raw)


def swap(folder: Path) -> None:
    (folder / SHARDS[0]).rename(folder / "aside")
    (folder / SHARDS[1]).rename(folder / SHARDS[0])
    (folder / "aside").rename(folder / SHARDS[1])


DAMAGES = {
    truncate: f"{SHARDS[1]} is truncated",
    lengthen: f"{SHARDS[1]} is longer",
    flip_a_bit: f"{SHARDS[1]} is altered",
    flip_a_bit_of_the_header: f"{SHARDS[1]} is altered",
    swap: f"{SHARDS[0]} is altered(.|\n)*what was written as {SHARDS[1]}",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damaged_shards_name_the_file_and_the_remedy_works(
    make_backbone: MakeBackbone, dataset: Dataset, cache: Path, finished_cache: Path, damage: Callable[[Path], None]
) -> None:
    damage(cache)
    with pytest.raises(DamagedArtefactError, match=DAMAGES[damage]) as caught:
        encode_dataset(make_backbone(), dataset, cache=cache)
    assert "delete that file" in str(caught.value)
    (cache / SHARDS[1]).unlink()
    if damage is swap:
        (cache / SHARDS[0]).unlink()
    watched, images = counting(dataset)
    encode_dataset(make_backbone(), watched, cache=cache)
    assert images.encoded == 16_384 * (2 if damage is swap else 1)
    assert contents(cache) == contents(finished_cache)


@pytest.mark.parametrize("damage", [truncate, lengthen, flip_a_bit_of_the_header, swap], ids=lambda d: d.__name__)
def test_what_is_noticed_even_without_checksums(
    make_backbone: MakeBackbone, dataset: Dataset, cache: Path, damage: Callable[[Path], None]
) -> None:
    damage(cache)
    with pytest.raises(DamagedArtefactError):
        encode_dataset(make_backbone(), dataset, cache=cache, verify=False)


def test_a_damaged_shard_of_an_unfinished_cache(make_backbone: MakeBackbone, dataset: Dataset, cache: Path) -> None:
    flip_a_bit(cache)
    (cache / "index.json").rename(cache / "building.json")
    (cache / SHARDS[2]).unlink()
    with pytest.raises(DamagedArtefactError, match=SHARDS[1]):
        encode_dataset(make_backbone(), dataset, cache=cache)
    assert not (cache / "index.json").exists()


def test_damaged_index(make_backbone: MakeBackbone, dataset: Dataset, cache: Path) -> None:
    index = json.loads((cache / "index.json").read_text())
    for text in ("", "{}", json.dumps(index | {"shards": []}), json.dumps(index | {"rows_per_shard": 0})):
        (cache / "index.json").write_text(text)
        with pytest.raises(DamagedArtefactError, match=r"index\.json"):
            encode_dataset(make_backbone(), dataset, cache=cache)
    (cache / "index.json").write_text(json.dumps(index | {"version": 2}))
    with pytest.raises(FormatVersionError):
        encode_dataset(make_backbone(), dataset, cache=cache)


def test_folders_of_somebody_else(make_backbone: MakeBackbone, make_dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / SHARDS[0]).write_text("precious")
    with pytest.raises(ArtefactError, match="is no latent cache"):
        encode_dataset(make_backbone(), make_dataset(10), cache=tmp_path)
    with pytest.raises(ArtefactError, match="a file"):
        encode_dataset(make_backbone(), make_dataset(10), cache=tmp_path / SHARDS[0])
    with pytest.raises(StorageError):
        encode_dataset(make_backbone(), make_dataset(10), cache=tmp_path / SHARDS[0] / "cache")
    assert contents(tmp_path) == {SHARDS[0]: b"precious"}


READ_AND_MEASURE = """
import re, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from conftest import small_dataset, wide_backbone
from unbraid.core.latents import encode_dataset

def peak():
    # not ru_maxrss, which a child inherits from its parent
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

encode_dataset(wide_backbone(), small_dataset(100))  # what first use loads is not what is measured
data, backbone = small_dataset(10_000), wide_backbone()
before = peak()
latents = encode_dataset(backbone, data, cache=sys.argv[1])
print((peak() - before) / latents.mean.nbytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_reading_takes_the_memory_of_the_latents_once(
    make_dataset: MakeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unbraid.core.latents.cache.SHARD_ROWS", 2000)
    wide = sys.modules[make_dataset.__module__].wide_backbone()
    encode_dataset(wide, make_dataset(10_000), cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache").glob("*.safetensors"))) == 5
    command = [sys.executable, "-c", READ_AND_MEASURE, str(tmp_path / "cache"), str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    copies = float(done.stdout)
    assert 0.95 < copies < 1.5, f"the latents are in memory {copies} times"  # once, and one mapped shard of 0.2
