"""Ranks under torchrun make the files of one process, whoever is late or killed."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from unbraid.core.errors import ArtefactError, ConfigError
from unbraid.core.interfaces import Backbone, Dataset
from unbraid.core.latents import encode_cache, encode_dataset
from unbraid.core.latents.ranks import Rank

MakeBackbone = Callable[..., Backbone]
MakeDataset = Callable[..., Dataset]
RANK_SCRIPT = Path(__file__).with_name("rank.py")
ROWS, SHARDS = 5_700, 12  # of 500 rows, the last of 200: two batches each, but one in the last

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no locks on Windows")


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unbraid.core.latents.cache.SHARD_ROWS", 500)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as torchrun sets it


@pytest.fixture
def alone(make_backbone: MakeBackbone, make_dataset: MakeDataset, tmp_path: Path) -> tuple[dict[str, str], float]:
    """What one process makes: the hash of every file, and the sum of the latents."""
    latents = encode_dataset(make_backbone(), make_dataset(ROWS), cache=tmp_path / "alone")
    assert len(hashes(tmp_path / "alone")) == SHARDS + 1
    return hashes(tmp_path / "alone"), float(latents.mean.double().sum())


def hashes(folder: Path) -> dict[str, str]:
    """Hash every file, hidden ones too: nothing unfinished may be left."""
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.name != ".lock"}


def torchrun(ranks: int, folder: Path, *plans: str, options: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks), *options]
    command = [*launcher, str(RANK_SCRIPT), str(folder), str(ROWS), *plans]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def made(output: str) -> dict[int, set[int]]:
    """Rank -> the shards it encoded."""
    found = re.findall(r"rank (\d+) made ([\d,]*) sum", output)
    return {int(rank): {int(shard) for shard in shards.split(",") if shard} for rank, shards in found}


def test_two_ranks_make_the_files_of_one_process(alone: tuple[dict[str, str], float], tmp_path: Path) -> None:
    done = torchrun(2, tmp_path / "cache", "0=meets", "1=meets")
    assert done.returncode == 0, done.stderr
    shards = made(done.stdout)
    assert 0 in shards[0] and 1 in shards[1], "one rank did all the work"
    assert not shards[0] & shards[1], "work was done twice"
    assert shards[0] | shards[1] == set(range(SHARDS))
    assert hashes(tmp_path / "cache") == alone[0]
    sums = re.findall(r"sum (\S+)", done.stdout)
    assert sums == [f"{alone[1]:.12f}"] * 2, "the ranks did not both get all latents"


def test_a_killed_rank_and_a_restart(alone: tuple[dict[str, str], float], tmp_path: Path) -> None:
    """Rank 1 is killed within its second shard; torchrun ends the other, which is within its first, and starts both."""
    done = torchrun(2, tmp_path / "cache", "0=hangs", "1=killed", options=["--max-restarts", "1"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("attempt 1 rank") == 2 and "attempt 0" not in done.stdout, "nobody was killed"
    after = set().union(*made(done.stdout).values())
    assert after == set(range(SHARDS)) - {1}, "what the killed rank had finished was encoded again"
    assert hashes(tmp_path / "cache") == alone[0]


@pytest.mark.slow
def test_three_ranks_of_which_one_is_late(alone: tuple[dict[str, str], float], tmp_path: Path) -> None:
    done = torchrun(3, tmp_path / "cache", "0=slow", "1=late", "2=slow")
    assert done.returncode == 0, done.stderr
    shards = made(done.stdout)
    assert sum(len(each) for each in shards.values()) == SHARDS and set().union(*shards.values()) == set(range(SHARDS))
    assert hashes(tmp_path / "cache") == alone[0]


@pytest.mark.parametrize("world", [2, 3, 40])
def test_a_rank_whose_fellows_never_come_does_it_all(
    make_backbone: MakeBackbone,
    make_dataset: MakeDataset,
    alone: tuple[dict[str, str], float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    world: int,
) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", str(world))
    latents = encode_dataset(make_backbone(), make_dataset(ROWS), cache=tmp_path / "cache")
    assert hashes(tmp_path / "cache") == alone[0]
    assert float(latents.mean.double().sum()) == alone[1]


HOLD = """
import sys, time
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from conftest import linear_backbone, small_dataset
from dataclasses import replace
from unbraid.core.latents import cache, encode_dataset

class Hanging:
    def __init__(self, images):
        self.images, self.shape = images, images.shape
    def __getitem__(self, rows):
        if len(rows) <= 256 and rows[0] >= 1_500:
            Path(sys.argv[1], ".00003.safetensors.new-" + sys.argv[3]).write_text("half")
            print("holds shard 3", flush=True)
            time.sleep(600)
        return self.images[rows]

cache.SHARD_ROWS = 500
data = small_dataset(5_700)
encode_dataset(linear_backbone(), replace(data, images=Hanging(data.images)), cache=sys.argv[1])
"""


def test_the_living_take_over_from_a_killed_rank_and_tidy_up(
    make_backbone: MakeBackbone,
    make_dataset: MakeDataset,
    alone: tuple[dict[str, str], float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rank 1 has made shard 1 and hangs in shard 3 until it is killed; meanwhile this process makes all the others."""
    from unbraid.core.artefacts.storage import host_id

    folder = tmp_path / "cache"
    command = [sys.executable, "-c", HOLD, str(folder), str(Path(__file__).parent), f"{host_id()}-999999999-ab"]
    environment = {**os.environ, "RANK": "1", "WORLD_SIZE": "2"}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert child.stdout is not None and child.stdout.readline() == "holds shard 3\n"
        assert sorted(path.name for path in folder.glob("*.safetensors")) == ["00001.safetensors"]
        with pytest.raises(ArtefactError, match="built by somebody else"):
            encode_dataset(make_backbone(), make_dataset(ROWS), cache=folder)  # no rank of that job
        monkeypatch.setenv("RANK", "0")
        monkeypatch.setenv("WORLD_SIZE", "2")
        killer = threading.Timer(1.0, child.kill)
        killer.start()
        encode_dataset(make_backbone(), make_dataset(ROWS), cache=folder)
        assert killer.finished.is_set(), "shard 3 was not left to its rank while that lived"
    finally:
        child.kill()
        child.communicate()
    assert hashes(folder) == alone[0]


def test_encode_cache_makes_the_same_files_and_checks_what_is_there(
    make_backbone: MakeBackbone, make_dataset: MakeDataset, alone: tuple[dict[str, str], float], tmp_path: Path
) -> None:
    encode_cache(make_backbone(), make_dataset(ROWS), tmp_path / "cache")
    assert hashes(tmp_path / "cache") == alone[0]
    raw = bytearray((tmp_path / "cache" / "00002.safetensors").read_bytes())
    raw[-1] ^= 1
    (tmp_path / "cache" / "00002.safetensors").write_bytes(raw)
    with pytest.raises(ArtefactError, match=r"00002\.safetensors is altered"):
        encode_cache(make_backbone(), make_dataset(ROWS), tmp_path / "cache")


def test_an_unfinished_cache_of_the_form_before_is_completed(
    make_backbone: MakeBackbone, make_dataset: MakeDataset, alone: tuple[dict[str, str], float], tmp_path: Path
) -> None:
    """Its finished shards were noted in `building.json` alone."""
    folder = tmp_path / "alone"
    document = json.loads((folder / "index.json").read_text())
    del document["shards"]["00004.safetensors"]
    (folder / "index.json").unlink()
    (folder / "building.json").write_text(json.dumps(document))
    kept = (folder / "00000.safetensors").stat().st_ino
    encode_cache(make_backbone(), make_dataset(ROWS), folder)
    assert hashes(folder) == alone[0]
    assert (folder / "00000.safetensors").stat().st_ino == kept


@pytest.mark.parametrize(("rank", "world"), [("2", "2"), ("-1", "2"), ("0", "0"), ("one", "2")])
def test_ranks_that_cannot_be(monkeypatch: pytest.MonkeyPatch, rank: str, world: str) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", world)
    with pytest.raises(ConfigError, match="RANK"):
        Rank.here()


def test_ranks_begin_with_different_shares() -> None:
    orders = [Rank(index, 3).order(range(8)) for index in range(3)]
    assert [order[0] for order in orders] == [0, 1, 2]
    assert all(sorted(order) == list(range(8)) for order in orders)
