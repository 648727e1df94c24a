"""One objective at work: its sampler, its optimiser, its step."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from unbraid.core.errors import ConfigError
from unbraid.core.interfaces import Draws, Losses, Objective, derive_seed, total
from unbraid.core.latents import Latents
from unbraid.core.training.sampling import make_sampler
from unbraid.core.training.watch import FiniteWatch


class ObjectiveRunner:
    """Runs one objective; keeps what belongs to it alone."""

    def __init__(self, objective: Objective, sources: Mapping[str, Latents], device: torch.device) -> None:
        self.objective = objective
        self.device = device
        self.parameters = objective.parameters
        if not self.parameters:
            raise ConfigError(
                f"objective {objective.name!r} moves nothing",
                expected="modules with trainable parameters in `updates`",
                found="none",
                hint="a method without training returns no objectives",
            )
        self.optimiser = objective.optimiser.build(self.parameters)
        _start_momentum(self.optimiser)
        self._samplers = {name: make_sampler(spec, sources) for name, spec in objective.batch.items()}
        self._sums: Tensor | None = None
        self._looked = 0
        self._terms: tuple[str, ...] = ()

    def run(self, seed: int, step: int, watch: FiniteWatch) -> None:
        """Make the objective's part of a training step."""
        if step % self.objective.every:
            return
        for repeat in range(self.objective.repeat):
            losses = self.losses(seed, f"train/{self.objective.name}/{repeat}", step)
            self._take_in(losses, step, watch)
            self.backward(losses)
            self._check_gradient(step, watch)
            # The fused kernels skip the whole update, momentum and step count included, where this flag is set.
            self.optimiser.found_inf = self._blocked(watch)  # type: ignore[attr-defined]
            self.optimiser.step()

    def losses(self, seed: int, stream: str, step: int) -> Losses:
        """Draw a batch and compute the losses; the same arguments give the same numbers."""
        draws = Draws(seed, stream, step, self.device)
        batch = {name: sampler(draws) for name, sampler in self._samplers.items()}
        reseed(self.device, derive_seed(seed, f"{stream}/modules", step))
        return self.objective.loss(batch, draws)

    def backward(self, losses: Losses) -> None:
        """Fill the gradients of the objective's parameters, and of nothing else."""
        for parameter in self.parameters:
            parameter.grad = None
        if self.objective.backward is not None:
            self.objective.backward(losses)
        else:
            torch.autograd.backward(total(losses), inputs=self.parameters)

    def averages(self) -> dict[str, float]:
        """Give the mean of each term since the last call; waits for the device."""
        if self._sums is None or not self._looked:
            return {}
        values = (self._sums / self._looked).tolist()
        self._sums, self._looked = None, 0
        return {f"{self.objective.name}.{name}": value for name, value in zip(self._terms, values, strict=True)}

    def running(self) -> dict[str, Any]:
        """Give what `averages` has taken in so far as JSON values; waits for the device."""
        sums = [] if self._sums is None else self._sums.tolist()
        return {"terms": list(self._terms), "sums": sums, "looked": self._looked}

    def resume(self, running: Mapping[str, Any]) -> None:
        """Go on averaging from what `running` gave."""
        self._terms, self._looked = tuple(running["terms"]), running["looked"]
        self._sums = torch.tensor(running["sums"], device=self.device) if self._looked else None

    def _take_in(self, losses: Losses, step: int, watch: FiniteWatch) -> None:
        self._terms = tuple(losses)
        values = torch.stack([term.value.detach() for term in losses.values()])
        watch.look(self.objective.name, self._terms, values, step)
        self._sums = values if self._sums is None else self._sums + values
        self._looked += 1

    def _check_gradient(self, step: int, watch: FiniteWatch) -> None:
        """A finite loss can have a gradient that is not: the square root at zero."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        if gradients:
            watch.look(f"{self.objective.name}.gradient", ("norm",), _size(gradients).unsqueeze(0), step)

    def _blocked(self, watch: FiniteWatch) -> Tensor:
        blocked = watch.tripped
        if self.objective.gate is not None:
            blocked = blocked | ~self.objective.gate().bool()
        return blocked.float()


def _size(gradients: Sequence[Tensor]) -> Tensor:
    """Give a scalar that is finite where all gradients are."""
    if gradients[0].device.type != "cpu":
        return torch.nn.utils.get_total_norm(gradients)
    # the total norm groups tensors for kernels that the CPU does not have, which costs a third on top
    return torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients]).sum()


def _start_momentum(optimiser: torch.optim.Optimizer) -> None:
    """Make the momentum of SGD zero: where a gate skips the first update, its kernel leaves it uninitialised."""
    for group in optimiser.param_groups:
        if group.get("momentum"):
            for parameter in group["params"]:
                optimiser.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


def reseed(device: torch.device, seed: int) -> None:
    """Seed the generators that modules such as dropout draw from by themselves."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)
