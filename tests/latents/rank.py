"""One rank of an encoding, as torchrun starts it: prints what it read, and may be late, slow or killed."""

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parent))

from conftest import linear_backbone, small_dataset
from unbraid.core.latents import cache, encode_dataset

RANK, ATTEMPT = int(os.environ["RANK"]), int(os.environ["TORCHELASTIC_RESTART_COUNT"])
FOLDER, SHARD_ROWS = Path(sys.argv[1]), 500


class Watched:
    """Images that note which batches of the encoder were read, and act on one."""

    def __init__(self, images: npt.NDArray[np.uint8], plan: str) -> None:
        self._images = images
        self.shape = images.shape
        self._plan = plan
        self.batches: list[int] = []

    def __getitem__(self, rows: npt.NDArray[np.int64], /) -> Any:
        if len(rows) <= 256:  # the fingerprint reads more at a time
            self.batches.append(int(rows[0]))
            self._act()
        return self._images[rows]

    def _act(self) -> None:
        if self._plan == "slow":
            time.sleep(0.1)
        if self._plan == "meets" and len(self.batches) == 1:  # goes on when every rank has a shard
            Path(f"{FOLDER}-{RANK}").touch()
            while len(list(FOLDER.parent.glob(f"{FOLDER.name}-*"))) < int(os.environ["WORLD_SIZE"]):
                time.sleep(0.02)
        if self._plan == "hangs" and ATTEMPT == 0:
            time.sleep(600)
        if self._plan == "killed" and len(self.batches) == 4 and ATTEMPT == 0:  # within its second shard
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    rows, *plans = sys.argv[2:]
    plan = dict(p.split("=") for p in plans).get(str(RANK), "")
    cache.SHARD_ROWS = SHARD_ROWS
    data = small_dataset(int(rows))
    images = Watched(np.asarray(data.images), plan)
    if plan == "late":
        while len(list(FOLDER.glob("*.safetensors"))) < 2:
            time.sleep(0.05)
    latents = encode_dataset(linear_backbone(), replace(data, images=images), cache=FOLDER)
    shards = sorted({first // SHARD_ROWS for first in images.batches})
    total = float(latents.mean.double().sum())
    # one write: the ranks share their output
    sys.stdout.write(f"attempt {ATTEMPT} rank {RANK} made {','.join(map(str, shards))} sum {total:.12f}\n")
    sys.stdout.flush()


main()
