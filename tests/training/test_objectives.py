"""One objective at work, against torch's own optimisers driven by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unbraid import Objective, OptimiserSpec, SameClassPairs, Samples, Term
from unbraid.core.errors import ConfigError
from unbraid.core.interfaces import Draws, derive_seed
from unbraid.core.latents import Latents
from unbraid.core.training import FitSettings, ObjectiveRunner, make_sampler, train
from unbraid.core.training.watch import FiniteWatch

CPU = torch.device("cpu")
QUIET = {"quiet": True, "eval_every": 1000, "log_every": 1000}


class Autoencoder(nn.Module):
    """A head in miniature, with dropout that draws on its own."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.there, self.back = nn.Linear(6, 3), nn.Linear(3, 6)
        self.drop = nn.Dropout(0.2)

    def loss(self, rows: Any, draws: Draws) -> dict[str, Term]:
        code = self.drop(self.there(rows.z)) + 0.1 * draws.normal(len(rows.z), 3)
        return {"keep": Term((self.back(code) - rows.z).square().mean()), "small": Term(code.square().mean(), 0.25)}

    def objective(self, **more: Any) -> Objective:
        settings = {"updates": [self.there, self.back], **more}
        return Objective(
            name="keep",
            batch={"rows": Samples(32)},
            loss=lambda batch, draws: self.loss(batch["rows"], draws),
            **settings,
        )


def weights(module: nn.Module) -> list[Tensor]:
    return [t.detach().clone() for t in module.state_dict().values()]


def equal(first: Sequence[Tensor], second: Sequence[Tensor]) -> bool:
    return len(first) == len(second) and all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def by_hand(module: Autoencoder, optimiser: torch.optim.Optimizer, sources: Mapping[str, Latents], steps: int) -> None:
    """The plainest training loop there is, on the draws the engine promises."""
    sample = make_sampler(Samples(32), sources)
    module.train()
    for step in range(steps):
        draws = Draws(5, "train/keep/0", step)
        rows = sample(draws)
        torch.manual_seed(derive_seed(5, "train/keep/0/modules", step))
        terms = module.loss(rows, draws)
        optimiser.zero_grad()
        (terms["keep"].value + 0.25 * terms["small"].value).backward()
        optimiser.step()


@pytest.mark.parametrize(
    ("spec", "reference"),
    [
        (OptimiserSpec(lr=0.01), lambda p: torch.optim.Adam(p, lr=0.01, fused=True)),
        (
            OptimiserSpec("adamw", lr=0.02, betas=(0.5, 0.9), weight_decay=0.1),
            lambda p: torch.optim.AdamW(p, lr=0.02, betas=(0.5, 0.9), weight_decay=0.1, fused=True),
        ),
        (
            OptimiserSpec("sgd", lr=0.05, momentum=0.9),
            lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, fused=True),
        ),
    ],
    ids=["adam", "adamw", "sgd"],
)
def test_the_engine_does_what_a_plain_loop_does(latents: Any, spec: OptimiserSpec, reference: Any) -> None:
    ours, theirs = Autoencoder(), Autoencoder()
    train(ours, [ours.objective(optimiser=spec)], latents, FitSettings(steps=60, seed=5, **QUIET))
    with torch.random.fork_rng():
        by_hand(theirs, reference(list(theirs.parameters())), latents, 60)
    assert equal(weights(ours), weights(theirs))
    assert not equal(weights(ours), weights(Autoencoder()))


def test_fused_adam_follows_the_textbook(latents: Any) -> None:
    """The same loop with Adam written out in double precision, as a truth that is not torch's kernel."""
    ours = Autoencoder()
    train(ours, [ours.objective()], latents, FitSettings(steps=20, seed=5, **QUIET))

    class Textbook(torch.optim.Optimizer):
        def step(self, closure: Any = None) -> None:
            for p in self.param_groups[0]["params"]:
                s = self.state[p] or {"m": p.double() * 0, "v": p.double() * 0, "t": 0}
                s["t"] += 1
                s["m"] = 0.9 * s["m"] + 0.1 * p.grad.double()
                s["v"] = 0.999 * s["v"] + 0.001 * p.grad.double() ** 2
                update = (s["m"] / (1 - 0.9 ** s["t"])) / ((s["v"] / (1 - 0.999 ** s["t"])).sqrt() + 1e-8)
                p.data.copy_(p.double() - 1e-3 * update)
                self.state[p] = s

    theirs = Autoencoder()
    with torch.random.fork_rng():
        by_hand(theirs, Textbook(list(theirs.parameters()), {}), latents, 20)
    assert all(torch.allclose(a, b, atol=2e-6) for a, b in zip(weights(ours), weights(theirs), strict=True))


def test_backward_reaches_the_updated_modules_and_nothing_else(latents: Any) -> None:
    module = Autoencoder()
    bystander = nn.Parameter(torch.ones(()))
    marked = torch.full_like(module.there.weight, 7.0)
    module.there.weight.grad = marked.clone()

    def loss(batch: Any, draws: Draws) -> dict[str, Term]:
        return {name: Term(t.value * bystander, t.weight) for name, t in module.loss(batch["rows"], draws).items()}

    objective = Objective(name="half", batch={"rows": Samples(8)}, loss=loss, updates=[module.back])
    runner = ObjectiveRunner(objective, latents, CPU)
    before = weights(module)
    runner.run(0, 0, FiniteWatch(CPU))
    assert bystander.grad is None and module.there.bias.grad is None
    assert torch.equal(module.there.weight.grad, marked)
    after = weights(module)
    assert equal(before[:2], after[:2]) and not torch.equal(before[2], after[2])


def test_gradients_are_those_of_the_weighted_sum(latents: Any) -> None:
    module = Autoencoder()
    runner = ObjectiveRunner(module.objective(), latents, CPU)
    runner.backward(runner.losses(0, "train/keep/0", 3))
    found = [p.grad.clone() for p in module.parameters() if p.grad is not None]
    terms = runner.losses(0, "train/keep/0", 3)
    expected = torch.autograd.grad(1.0 * terms["keep"].value + 0.25 * terms["small"].value, list(module.parameters()))
    assert equal(found, expected)


def test_repeat_and_every(latents: Any) -> None:
    seen: list[tuple[float, ...]] = []
    module = Autoencoder()

    def loss(batch: Any, draws: Draws) -> dict[str, Term]:
        seen.append(tuple(batch["rows"].z[:, 0].tolist()))
        return module.loss(batch["rows"], draws)

    objective = Objective(name="keep", batch={"rows": Samples(4)}, loss=loss, updates=[module], repeat=3, every=2)
    train(module, [objective], latents, FitSettings(steps=5, **QUIET))
    assert len(seen) == 9 and len(set(seen)) == 9, "steps 0, 2 and 4, three fresh batches each"


def test_objectives_own_their_optimisers_over_shared_parameters(latents: Any) -> None:
    module = Autoencoder()
    first = module.objective()
    second = Objective(name="other", batch=first.batch, loss=first.loss, updates=[module.there])
    runners = [ObjectiveRunner(objective, latents, CPU) for objective in (first, second)]
    for step in range(3):
        for runner in runners[: 1 + (step == 0)]:
            runner.run(0, step, FiniteWatch(CPU))
    counts = [float(runner.optimiser.state[module.there.weight]["step"]) for runner in runners]
    assert counts == [3.0, 1.0]


@pytest.mark.parametrize("spec", [OptimiserSpec(), OptimiserSpec("sgd", momentum=0.9, lr=0.1)], ids=["adam", "sgd"])
@pytest.mark.parametrize("closed", [{2, 3}, {0, 1}], ids=["later", "first"])
def test_a_closed_gate_leaves_everything_bitwise(latents: Any, spec: OptimiserSpec, closed: set[int]) -> None:
    """Weights, moments and step count, also where the very first updates are skipped."""
    module = Autoencoder()
    now = torch.zeros((), dtype=torch.long)
    shut = torch.tensor(sorted(closed))
    runner = ObjectiveRunner(module.objective(optimiser=spec, gate=lambda: ~(shut == now).any()), latents, CPU)
    watch = FiniteWatch(CPU)
    skipped = Autoencoder()
    reference = ObjectiveRunner(skipped.objective(optimiser=spec), latents, CPU)
    for step in range(6):
        now.fill_(step)
        before = weights(module), [t.clone() for s in runner.optimiser.state.values() for t in s.values()]
        runner.run(0, step, watch)
        after = weights(module), [t.clone() for s in runner.optimiser.state.values() for t in s.values()]
        if step in closed:
            assert equal(before[0], after[0])
            assert not before[1] or equal(before[1], after[1])
        else:
            assert not equal(before[0], after[0])
            reference.run(0, step, watch)
    assert equal(weights(module), weights(skipped)), "as if the closed steps had not been"


def test_an_objective_that_moves_nothing_is_refused(latents: Any) -> None:
    with pytest.raises(ConfigError, match="moves nothing") as caught:
        ObjectiveRunner(Autoencoder().objective(updates=[nn.ReLU()]), latents, CPU)
    assert "trainable parameters" in str(caught.value) and "none" in str(caught.value)


def test_repeat_and_every_count_from_one() -> None:
    with pytest.raises(ConfigError, match="repeat and every") as caught:
        Autoencoder().objective(repeat=0)
    assert ">= 1" in str(caught.value) and "repeat=0" in str(caught.value)


def test_an_unknown_optimiser_is_refused(latents: Any) -> None:
    with pytest.raises(ConfigError, match="adam, adamw or sgd"):
        ObjectiveRunner(Autoencoder().objective(optimiser=OptimiserSpec("lion")), latents, CPU)  # type: ignore[arg-type]


def test_pairs_reach_the_loss_under_their_names(latents: Any) -> None:
    module, seen = Autoencoder(), []

    def loss(batch: Any, draws: Draws) -> dict[str, Term]:
        seen.append({name: type(record).__name__ for name, record in batch.items()})
        return {"x": Term(module.there(batch["pairs"].first).square().mean())}

    batch = {"pairs": SameClassPairs(8), "rows": Samples(4)}
    objective = Objective(name="two", batch=batch, loss=loss, updates=[module.there])
    ObjectiveRunner(objective, latents, CPU).run(0, 0, FiniteWatch(CPU))
    assert seen == [{"pairs": "Pairs", "rows": "Rows"}]
