"""Checkpoints: everything a run needs to go on as if it had never stopped."""

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unbraid.core.artefacts import (
    atomic_folder,
    read_json,
    read_tensors,
    storage_errors,
    verify_folder,
    write_json,
    write_tensors,
)
from unbraid.core.errors import ArtefactError, ConfigError, NonFiniteError
from unbraid.core.training.runner import ObjectiveRunner

log = logging.getLogger("unbraid")


@dataclass(slots=True)
class RunState:
    """Where a run is, beside its weights."""

    step: int = 0
    best_value: float | None = None
    best_step: int | None = None
    looks_without_gain: int = 0
    finished: bool = False
    history: list[dict[str, Any]] = field(default_factory=list)


class Checkpoints:
    """The checkpoints of one run folder; each is an atomic folder, and the newest valid one counts.

    Args:
        folder: where they live.
        identity: what must be the same for a run to go on (data, backbone, method, seed, ...).
        keep: how many are kept.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], keep: int) -> None:
        self.folder = folder
        self.identity = dict(identity)
        self.keep = keep

    def __iter__(self) -> Iterator[Path]:
        """Walk over the checkpoints, newest first."""
        found = self.folder.glob("step-*") if self.folder.is_dir() else ()
        return iter(sorted(found, reverse=True))

    def save(
        self,
        state: RunState,
        module: nn.Module,
        best: Mapping[str, Tensor] | None,
        runners: Sequence[ObjectiveRunner],
    ) -> Path:
        """Write a checkpoint, then drop the oldest beyond `keep`.

        Raises:
            NonFiniteError: a weight is not finite; the earlier checkpoints stay.
            StorageError: writing failed; the earlier checkpoints stay.
        """
        weights = module.state_dict()
        _check_finite(weights)
        target = self.folder / f"step-{state.step:09d}"
        with atomic_folder(target, kind="checkpoint") as folder:
            write_tensors(folder / "module.safetensors", weights)
            if best is not None:
                write_tensors(folder / "best.safetensors", best)
            write_tensors(folder / "optimisers.safetensors", _flatten(runners))
            running = {runner.objective.name: runner.running() for runner in runners}
            write_json(folder / "state.json", {"identity": self.identity, "state": asdict(state), "running": running})
        self._drop_beyond_keep()
        return target

    def _drop_beyond_keep(self) -> None:
        for old in list(self)[self.keep :]:
            with suppress(OSError):
                old.rename(old.with_name(f".dropped-{old.name}"))  # first, so that what has its name is always whole
        for dropped in self.folder.glob(".dropped-*"):
            shutil.rmtree(dropped, ignore_errors=True)

    def load(
        self, module: nn.Module, runners: Sequence[ObjectiveRunner], device: torch.device
    ) -> tuple[RunState, dict[str, Tensor] | None]:
        """Restore the newest valid checkpoint into module and optimisers; a fresh state where there is none.

        A damaged checkpoint is skipped with a warning, renamed to `damaged-step-*`, and the one before it is used.

        Raises:
            ConfigError: the checkpoint belongs to another run; the message says what differs.
        """
        for path in self:
            try:
                verify_folder(path, kind="checkpoint")
            except ArtefactError as error:
                log.warning("skipping checkpoint %s: %s", path.name, error)
                _put_aside(path)
                continue
            return self._restore(path, module, runners, device)
        return RunState(), None

    def _restore(
        self, path: Path, module: nn.Module, runners: Sequence[ObjectiveRunner], device: torch.device
    ) -> tuple[RunState, dict[str, Tensor] | None]:
        stored = read_json(path / "state.json")
        self._check_identity(path, stored["identity"])
        module.load_state_dict(read_tensors(path / "module.safetensors", device), strict=True)
        _unflatten(runners, read_tensors(path / "optimisers.safetensors", device))
        for runner in runners:
            runner.resume(stored["running"][runner.objective.name])
        best = path / "best.safetensors"
        log.info("resuming at step %d from %s", stored["state"]["step"], path)
        return RunState(**stored["state"]), read_tensors(best, device) if best.exists() else None

    def _check_identity(self, path: Path, stored: Mapping[str, Any]) -> None:
        differing = [k for k in self.identity.keys() | stored.keys() if self.identity.get(k) != stored.get(k)]
        if differing:
            key = min(differing)
            raise ConfigError(
                f"the checkpoint {path} belongs to another run: {', '.join(sorted(differing))} differ",
                expected=f"{key} = {self.identity.get(key)}",
                found=f"{key} = {stored.get(key)}",
                hint="resume with the settings of that run, or write to another folder",
            )


def _put_aside(path: Path) -> None:
    """Rename a damaged checkpoint: its step will be saved again, and it must not count among those that are kept."""
    aside = path.with_name(f"damaged-{path.name}")
    with storage_errors(path):
        shutil.rmtree(aside, ignore_errors=True)
        path.rename(aside)


def _check_finite(weights: Mapping[str, Tensor]) -> None:
    bad = [name for name, t in weights.items() if t.is_floating_point() and not bool(torch.isfinite(t).all())]
    if bad:
        raise NonFiniteError(
            "weights are not finite; the checkpoint was not written",
            expected="finite weights",
            found=", ".join(bad[:5]),
            hint="the checkpoints before this one are intact; lower the learning rate and resume",
        )


def _flatten(runners: Sequence[ObjectiveRunner]) -> dict[str, Tensor]:
    """Name every tensor of every optimiser `objective/parameter index/entry`."""
    return {
        f"{runner.objective.name}/{index}/{entry}": value
        for runner in runners
        for index, entries in runner.optimiser.state_dict()["state"].items()
        for entry, value in entries.items()
        if isinstance(value, Tensor)
    }


def _unflatten(runners: Sequence[ObjectiveRunner], tensors: Mapping[str, Tensor]) -> None:
    for runner in runners:
        state = runner.optimiser.state_dict()
        for name, value in tensors.items():
            objective, index, entry = name.rsplit("/", 2)
            if objective == runner.objective.name:
                state["state"].setdefault(int(index), {})[entry] = value
        runner.optimiser.load_state_dict(state)
