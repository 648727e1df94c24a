"""What tests run in processes of their own, to be stopped, killed or starved; started fast from a fork server."""

import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["torch", "unbraid.core.training", "unbraid.core.attached.fitting", "zoo_methods"])


def start(work: Callable[..., None], out: Path, *arguments: Any) -> ForkServerProcess:
    """Run `work(out, *arguments)` in a process that answers errors of ours with their exit code and `stderr`."""
    out.mkdir(parents=True, exist_ok=True)
    child = CONTEXT.Process(target=_run, args=(work, out, *arguments))
    child.start()
    return child


def stderr(out: Path) -> str:
    """What the last process that worked on `out` had to say."""
    return _log(out).read_text()


def _log(out: Path) -> Path:
    return Path(f"{out}.stderr")  # beside it: the disk of `out` may be full


def _run(work: Callable[..., None], out: Path, *arguments: Any) -> None:
    from unbraid import UnbraidError

    code = 0
    with _log(out).open("w") as sys.stderr:
        try:
            work(out, *arguments)
        except UnbraidError as error:
            print(error, file=sys.stderr)
            code = error.exit_code
    os._exit(code) if code else None


def fit_slowly(out: Path, steps: int, seconds: float) -> None:
    """Train a linear map whose every step takes so long, and say in `alive` which step is at work."""
    import torch
    from torch import nn

    from unbraid import LatentSpec, Objective, Samples, Term
    from unbraid.core.latents import Latents
    from unbraid.core.training import FitSettings, train

    # where tests run in the background of a script, SIGINT is ignored, and children inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.manual_seed(0)
    net, z = nn.Linear(4, 4), torch.randn(100, 4)
    labels = {"content": torch.zeros(100, dtype=torch.long)}
    latents = Latents(mean=z, log_variance=None, labels=labels, spec=LatentSpec((4,)), classes={"content": 1})
    calls = 0

    def loss(batch: Any, draws: Any) -> dict[str, Term]:
        nonlocal calls
        calls += 1
        (out / "alive").write_text(str(calls))
        time.sleep(seconds)
        return {"keep": Term((net(batch["rows"].z) - batch["rows"].z).square().mean())}

    objective = Objective(name="keep", batch={"rows": Samples(8)}, loss=loss, updates=[net])
    settings = FitSettings(steps=steps, quiet=True, log_every=7)
    train(net, [objective], {"default": latents}, settings, out=out, resume=True)


def fit_head(out: Path, steps: int, every: int, largest_file: int | None = None) -> None:
    """Fit a gated adversary with a checkpoint every so many steps, going on where a checkpoint is found.

    `largest_file` bytes are what the system then lets the process write to one file.
    """
    import zoo_backbones
    import zoo_data
    import zoo_manifest

    import unbraid
    from unbraid.registry import Registry, use_registry

    with use_registry(Registry([zoo_manifest])):
        model = unbraid.attach("gated-adversary", zoo_backbones.vector())
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
        settings = {"steps": steps, "checkpoint_every": every, "eval_every": 7, "log_every": 3, "quiet": True}
        model.fit(zoo_data.stripes(), out=out / "run", resume=True, **settings)


def save_head(out: Path, largest_file: int) -> None:
    """Save a head where the system lets the process write so many bytes to one file."""
    import zoo_backbones
    import zoo_manifest

    import unbraid
    from unbraid.registry import Registry, use_registry

    with use_registry(Registry([zoo_manifest])):
        model = unbraid.attach("split", zoo_backbones.vector())
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
        model.save(out / "head")
