"""Kill a fit at random moments, resume it until it is done, and compare with one nobody touched, bit for bit.

python tests/reliability/kill_and_resume.py --times 20
"""

import argparse
import random
import sys
import tempfile
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "zoo"))

from zoo_children import fit_head, start

from unbraid.core.artefacts import read_tensors, verify_folder

STEPS, EVERY = 120, 2


def finish(out: Path, steps: int = STEPS) -> float:
    """Let a fit run to its end; gives the seconds it took."""
    begun = time.monotonic()
    child = start(fit_head, out, steps, EVERY)
    child.join(300)
    if child.exitcode != 0:
        raise AssertionError(f"the fit ended with {child.exitcode}: {(out / 'stderr').read_text()}")
    return time.monotonic() - begun


def found(out: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted((out / "run" / "checkpoints").glob("step-*"))


def wait_for_progress(out: Path, child: BaseProcess) -> None:
    """Wait until there is a checkpoint that was not there before, or the child ends."""
    before = found(out)[-1:]
    while found(out)[-1:] == before and child.is_alive():
        time.sleep(0.002)


def kill_and_resume(out: Path, times: int, lifetime: float, rng: random.Random) -> list[int]:
    """Kill so many times, each within the lifetime of a whole fit; gives the step each attempt came to."""
    reached = []
    for _ in range(times):
        child = start(fit_head, out, STEPS, EVERY)
        if rng.random() < 0.5:
            child.join(rng.uniform(0, lifetime))
        else:  # on a busy machine most of a lifetime is imports: make sure that training and saving are hit too
            wait_for_progress(out, child)
            child.join(rng.uniform(0, 0.1))
        child.kill()
        child.join()
        checkpoints = found(out)
        for path in checkpoints:
            verify_folder(path, kind="checkpoint")  # what has its name is whole
        reached.append(int(checkpoints[-1].name.removeprefix("step-")) if checkpoints else 0)
        if reached[-1] == STEPS:
            break  # nothing is left to interrupt
    finish(out)
    return reached


def differences(first: Path, second: Path) -> list[str]:
    """Name what differs between the last checkpoints and the metrics of two runs."""
    last = Path("run", "checkpoints", f"step-{STEPS:09d}")
    differing = []
    for file in ("module", "best", "optimisers"):
        a, b = (read_tensors(run / last / f"{file}.safetensors") for run in (first, second))
        differing += [f"{file}: {name}" for name in a.keys() | b.keys() if name not in a or name not in b]
        differing += [f"{file}: {name}" for name in a.keys() & b.keys() if not torch.equal(a[name], b[name])]
    if (first / "run" / "metrics.jsonl").read_bytes() != (second / "run" / "metrics.jsonl").read_bytes():
        differing.append("metrics.jsonl")
    return differing


def rehearse(folder: Path, times: int, rounds: int, seed: int) -> None:
    """Compare `rounds` killed runs with a whole one.

    Raises:
        AssertionError: a killed run ended differently, or a checkpoint was not whole.
    """
    rng = random.Random(seed)
    finish(folder / "warm-up", steps=1)  # starts the fork server, which is no part of a lifetime
    lifetime = finish(folder / "whole")
    for number in range(rounds):
        out = folder / f"killed-{number}"
        reached = []
        while len(reached) < times:
            attempt = out / str(len(reached))
            reached += kill_and_resume(attempt, times - len(reached), lifetime, rng)
            differing = differences(folder / "whole", attempt)
            if differing:
                raise AssertionError(f"round {number}, killed at steps {reached}: {', '.join(differing)} differ")
        print(f"round {number}: killed {len(reached)} times at checkpoints {reached}, same weights bit for bit")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, help="kills a round")
    parser.add_argument("--rounds", type=int, default=2, help="killed runs, one after another")
    parser.add_argument("--seed", type=int, default=None, help="of the moments; random unless given")
    arguments = parser.parse_args()
    seed = random.randrange(2**32) if arguments.seed is None else arguments.seed
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory() as folder:
        rehearse(Path(folder), arguments.times, arguments.rounds, seed)


if __name__ == "__main__":
    main()
