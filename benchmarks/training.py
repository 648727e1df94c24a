"""How fast heads train, as ratios taken in one run of one machine.

    python benchmarks/training.py            # about two minutes of one idle core
    python benchmarks/training.py --million  # a million latents of width 256, in a process of its own
    python benchmarks/training.py --easyfsl  # also easyfsl's sampler; installs it in a temporary folder

Everything runs on one thread and is timed in CPU time, so that other processes hardly count; what is compared is
measured in turns. The limit of the machine is its own rate of a 96 x 512 x 512 float32 product. Model FLOPs are
6 x multiply-adds x rows, counted by hooks on every linear layer; the second pass that clipping makes through the
disentangler is 4 x its multiply-adds.
"""

import argparse
import importlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unbraid.adapters.backbones.ali.config import ALIConfig, Table
from unbraid.adapters.backbones.ali.model import build_ali
from unbraid.core.evaluation.episodes import draw_episodes
from unbraid.core.evaluation.few_shot import few_shot_accuracy
from unbraid.core.interfaces import DEFAULT_DOMAIN, Draws, Episodes, LatentSpec
from unbraid.core.latents import Latents
from unbraid.core.training import FitSettings, ObjectiveRunner, make_sampler, train
from unbraid.plugins.fden.config import FDENConfig
from unbraid.plugins.fden.manifest import PAPER
from unbraid.plugins.fden.model import FDEN
from unbraid.plugins.prototype.config import PrototypeConfig
from unbraid.plugins.prototype.model import Prototype

DIM = 256
#: The sizes of table 2 without the dropout that keeps them from training, and prototypes in place of a relation network.
TABLE_2 = {**PAPER, "dropout": 0.0, "alignment": "prototype", "initialiser": "glorot"}
GIB = 2**30


@dataclass(frozen=True)
class Line:
    """One line of the result: what, how much, and what was wanted."""

    what: str
    value: str
    wanted: str
    reached: bool | None = None


def cpu(run: Callable[[], Any]) -> float:
    """CPU seconds of a call."""
    begun = time.process_time()
    run()
    return time.process_time() - begun


def in_turns(*runs: Callable[[], Any], rounds: int = 7) -> list[float]:
    """Best CPU seconds of several calls, measured one after the other, round after round: noise only ever adds."""
    for run in runs:
        run()
    found = [[cpu(run) for run in runs] for _ in range(rounds)]
    return [min(times) for times in zip(*found, strict=True)]


def paired(first: Callable[[], Any], second: Callable[[], Any], rounds: int = 15) -> tuple[float, float]:
    """Median CPU seconds of the second call, and the median of second / first, each pair measured side by side."""
    first(), second()
    found = [(cpu(first), cpu(second)) for _ in range(rounds)]
    return statistics.median(b for _, b in found), statistics.median(b / a for a, b in found)


def made_up(classes: int = 1000, rows: int = 20, width: int = DIM) -> Latents:
    """Latents of classes that are Gaussian blobs."""
    g = torch.Generator().manual_seed(0)
    labels = torch.arange(classes).repeat_interleave(rows)
    mean = torch.randn(classes, width, generator=g)[labels] + torch.randn(len(labels), width, generator=g)
    return Latents(
        mean=mean,
        log_variance=None,
        labels={"content": labels},
        spec=LatentSpec((width,)),
        classes={"content": classes},
    )


def head_of(latents: Latents, **settings: Any) -> FDEN:
    """Make a prepared FDEN."""
    torch.manual_seed(0)
    head = FDEN(FDENConfig(**settings), latents.spec)
    head.prepare({DEFAULT_DOMAIN: latents})
    return head.train()


def multiply_adds(head: FDEN, latents: Latents) -> tuple[int, int]:
    """Multiply-adds of the linear layers in one step forward: of all networks, and of the disentangler alone."""
    counts = {"all": 0, "theta": 0}
    theta = {id(m) for part in head.disentangler for m in part.modules()}

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        assert isinstance(layer, nn.Linear)
        made = inputs[0].numel() // layer.in_features * layer.in_features * layer.out_features
        counts["all"] += made
        counts["theta"] += made if id(layer) in theta else 0

    handles = [m.register_forward_hook(count) for m in head.modules() if isinstance(m, nn.Linear)]
    runner = runner_of(head, latents)
    runner.losses(0, "count", 0)
    for handle in handles:
        handle.remove()
    return counts["all"], counts["theta"]


def runner_of(head: FDEN, latents: Latents) -> ObjectiveRunner:
    """Make the runner of the head's only objective."""
    (objective,) = head.objectives({})
    return ObjectiveRunner(objective, {DEFAULT_DOMAIN: latents}, torch.device("cpu"))


def engine(head: nn.Module, latents: Latents, objectives: Sequence[Any], steps: int) -> Callable[[], Any]:
    """Make a call that trains for some steps with the engine."""
    settings = FitSettings(steps=steps, quiet=True, log_every=steps, eval_every=steps)
    return lambda: train(head, objectives, {DEFAULT_DOMAIN: latents}, settings)


def bare(latents: Latents, objectives: Sequence[Any], steps: int) -> Callable[[], Any]:
    """Make a call that trains with the same sampler, loss, backward and fused optimiser, and nothing else."""

    def run() -> None:
        (objective,) = objectives
        parameters = objective.parameters
        optimiser = objective.optimiser.build(parameters)
        samplers = {name: make_sampler(spec, {DEFAULT_DOMAIN: latents}) for name, spec in objective.batch.items()}
        for step in range(steps):
            draws = Draws(0, "bare", step)
            losses = objective.loss({name: sampler(draws) for name, sampler in samplers.items()}, draws)
            optimiser.zero_grad()
            if objective.backward is None:
                torch.stack([term.value * term.weight for term in losses.values()]).sum().backward()
            else:
                objective.backward(losses)
            optimiser.step()

    return run


def gemm(repeats: int = 400) -> Callable[[], None]:
    """Make a call of `repeats` products of 96 x 512 x 512."""
    a, b, out = torch.randn(96, 512), torch.randn(512, 512), torch.empty(96, 512)

    def run() -> None:
        for _ in range(repeats):
            torch.mm(a, b, out=out)

    return run


def efficiency(latents: Latents) -> list[Line]:
    """Rows a second of FDEN as a share of the machine's matrix products."""
    cases: list[tuple[str, dict[str, Any], float | None]] = [
        ("table 2 sizes, 16 episodes, no clipping", {**TABLE_2, "clip": "off"}, 0.55),
        ("table 2 sizes, 16 episodes, clipping counted", TABLE_2, 0.50),
        ("table 2 sizes, 64 episodes, no clipping", {**TABLE_2, "clip": "off", "episodes": 64}, 0.70),
        ("table 2 sizes, 64 episodes, clipping counted", {**TABLE_2, "episodes": 64}, 0.70),
        ("preset paper (dropout 0.2, relation), 16 episodes, no clipping", {**PAPER, "clip": "off"}, 0.55),
        ("preset paper, 16 episodes, clipping counted", PAPER, 0.50),
        ("preset default, clipping counted", {}, None),
    ]
    lines = []
    for name, settings, wanted in cases:
        head = head_of(latents, **settings)
        whole, theta = multiply_adds(head, latents)
        flops = 6 * whole + (4 * theta if head.config.clip != "off" else 0)
        steps = max(1, 32 // head.config.episodes * 4)
        limit, taken = in_turns(gemm(), engine(head, latents, head.objectives({}), steps))
        rate = 400 * 2 * 96 * 512 * 512 / limit
        share = flops * steps / taken / rate
        e = runner_of(head, latents).objective.batch["episodes"]
        assert isinstance(e, Episodes)
        rows = steps * e.n * (e.ways * e.shots + e.queries_per_episode)
        value = f"{share:.0%} of {rate / 1e9:.0f} GFLOP/s, {rows / taken:,.0f} rows/s"
        reached = None if wanted is None else share >= wanted
        lines.append(Line(f"FDEN, {name}", value, "" if wanted is None else f">= {wanted:.0%}", reached))
    return lines


def overhead(latents: Latents) -> list[Line]:
    """What the engine costs beside a bare loop around the same head."""
    lines = []
    head = head_of(latents, **TABLE_2)
    objectives = head.objectives({})
    _, ratio = paired(bare(latents, objectives, 10), engine(head, latents, objectives, 10))
    lines.append(
        Line("engine over a bare loop, table 2 sizes, 16 episodes", f"{ratio - 1:+.1%}", "<= 3 %", ratio <= 1.03)
    )
    small = made_up(50, 10, 16)
    torch.manual_seed(0)
    toy = Prototype(PrototypeConfig(network="mlp", hidden=(16,), width=16, ways=5, queries=1), small.spec)
    toy.prepare({DEFAULT_DOMAIN: small})
    objectives = toy.objectives({})
    taken, ratio = paired(bare(small, objectives, 200), engine(toy, small, objectives, 200))
    extra = taken * (1 - 1 / ratio) / 200 * 1e6
    lines.append(
        Line(
            "engine over a bare loop, prototype head of width 16", f"{extra:+.0f} us a step", "<= 100 us", extra <= 100
        )
    )
    return lines


def sampler(latents: Latents, with_easyfsl: bool) -> list[Line]:
    """Drawing episodes: tensor operations against loops."""
    n, ways, shots = 16, 5, 1
    drawing = make_sampler(Episodes(ways, shots, 1, n=n, query_classes=1), {DEFAULT_DOMAIN: latents})
    of_class = [np.flatnonzero(latents.label("content").numpy() == c) for c in range(latents.classes["content"])]
    rng = np.random.default_rng(0)

    def ours() -> None:
        for step in range(20):
            drawing(Draws(0, "sampler", step))

    def loop() -> None:
        for _ in range(20):
            support, query = [], []
            for _ in range(n):
                classes = rng.choice(len(of_class), ways, replace=False)
                asked = rng.integers(ways)
                for way, c in enumerate(classes):
                    rows = rng.choice(of_class[c], shots + 1, replace=False)
                    support += [latents.mean[int(row)] for row in rows[:shots]]
                    query += [latents.mean[int(rows[shots])]] if way == asked else []
            torch.stack(support), torch.stack(query)

    mine, theirs = in_turns(ours, loop)
    lines = [
        Line(
            "sampler against a loop over samples",
            f"{theirs / mine:.1f}x, {mine / 20 * 1e3:.2f} ms for {n} episodes",
            ">= 10x",
            theirs >= 10 * mine,
        )
    ]
    easyfsl = _easyfsl(latents, n, ways, shots) if with_easyfsl else None
    if easyfsl is None:
        why = "could not be installed" if with_easyfsl else "pass --easyfsl"
        return [*lines, Line("sampler against easyfsl's", f"not measured: {why}", ">= 10x")]
    mine, theirs = in_turns(ours, easyfsl)
    return [*lines, Line("sampler against easyfsl's", f"{theirs / mine:.1f}x", ">= 10x", theirs >= 10 * mine)]


def _easyfsl(latents: Latents, n: int, ways: int, shots: int) -> Callable[[], None] | None:
    """Make a call of easyfsl's sampler behind its own loader, 20 times n episodes; installs it if need be."""
    try:
        samplers = importlib.import_module("easyfsl.samplers")
    except ImportError:
        folder = tempfile.mkdtemp()
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder]
        # its data sets import pandas; the other dependencies are here
        for wanted in (["--no-deps", "easyfsl"], ["--no-deps", "pandas"], ["python-dateutil"]):
            if subprocess.run([*install, *wanted], check=False, stderr=subprocess.DEVNULL).returncode:
                return None
        sys.path.append(folder)
        try:
            samplers = importlib.import_module("easyfsl.samplers")
        except ImportError:
            return None
    labels = latents.label("content").tolist()

    class Rows(torch.utils.data.Dataset):  # type: ignore[type-arg]
        """The same latents as easyfsl wants them."""

        def __getitem__(self, row: int) -> tuple[Tensor, int]:
            return latents.mean[row], labels[row]

        def __len__(self) -> int:
            return len(labels)

        def get_labels(self) -> list[int]:
            """Labels of all rows."""
            return labels

    # easyfsl 1.5 hands its base class an argument that torch no longer takes
    torch.utils.data.Sampler.__init__ = lambda self, data_source=None: None  # type: ignore[method-assign]
    tasks = samplers.TaskSampler(Rows(), n_way=ways, n_shot=shots, n_query=1, n_tasks=20 * n)
    loader = torch.utils.data.DataLoader(Rows(), batch_sampler=tasks, collate_fn=tasks.episodic_collate_fn)
    return lambda: [None for _ in loader] and None


def evaluation(latents: Latents) -> list[Line]:
    """Few-shot evaluation on as many rows as Omniglot's test characters have: factors once a row, or in each episode."""
    latents = latents.subset(torch.arange(423 * 20))
    head = head_of(latents, **TABLE_2).eval()
    episodes = draw_episodes(latents.label("content").numpy(), ways=5, shots=1, queries=15, episodes=2000, seed=0)
    few = 40

    @torch.no_grad()
    def once() -> None:
        codes = torch.cat([head.disentangle(z)["identity"] for z in latents.chunks()])
        few_shot_accuracy(codes.numpy(), episodes)

    @torch.no_grad()
    def again() -> None:
        for support, query in zip(episodes.support[:few], episodes.query[:few], strict=True):
            z = latents.gather(torch.from_numpy(np.concatenate([support.ravel(), query.ravel()])))
            codes = head.disentangle(z)["identity"]
            torch.cdist(codes[5:], codes[:5]).argmin(1)

    mine, theirs = in_turns(once, again, rounds=3)
    ratio = theirs / few / (mine / 2000)
    what = "few-shot evaluation, 2,000 episodes of 423 classes, against a head run in each"
    return [Line(what, f"{ratio:.1f}x, {2000 / mine:,.0f} episodes/s", ">= 10x", ratio >= 10)]


def re_encoding(latents: Latents) -> list[Line]:
    """A step on cached latents against one that encodes its 96 pictures first, with the encoders of ALI's tables."""
    head = head_of(latents, **TABLE_2)
    objectives = head.objectives({})
    return [
        _re_encoding(head, latents, objectives, table="svhn", size=32, wanted=2),
        _re_encoding(head, latents, objectives, table="celeba", size=64, wanted=12),
    ]


def _re_encoding(
    head: FDEN, latents: Latents, objectives: Sequence[Any], *, table: Table, size: int, wanted: int
) -> Line:
    encoder = build_ali(ALIConfig(table=table).architecture()).encoder.eval()
    pictures = torch.rand(96, 3, size, size)
    steps = 4

    @torch.no_grad()
    def encode() -> None:
        for _ in range(steps):
            encoder(pictures)

    train_only, encoding = in_turns(engine(head, latents, objectives, steps), encode, rounds=5)
    ratio = (train_only + encoding) / train_only
    what = f"step on cached latents against encoding its pictures again (ALI, {size} px)"
    return Line(what, f"{ratio:.1f}x", f">= {wanted}x", ratio >= wanted)


def million() -> list[Line]:
    """Peak memory and start of a fit on a million latents of width 256, in a child of its own."""
    done = subprocess.run([sys.executable, __file__, "--million-child"], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return [
        Line(
            "a million latents of width 256: peak memory",
            f"{found['peak'] / GIB:.2f} GiB ({found['imported'] / GIB:.2f} before the latents are made)",
            "<= 2 GiB",
            found["peak"] <= 2 * GIB,
        ),
        Line(
            "a million latents of width 256: statistics, index and first step",
            f"{found['start']:.1f} s CPU, {found['start_wall']:.1f} s wall",
            "<= 10 s CPU",
            found["start"] <= 10,
        ),
    ]


def million_child() -> None:
    """Fit on a million latents and print the peak resident size."""
    torch.set_num_threads(1)
    imported = peak()
    rows, classes = 1_000_000, 10_000
    mean = torch.empty(rows, DIM).normal_()
    labels = torch.arange(rows) % classes
    latents = Latents(
        mean=mean,
        log_variance=None,
        labels={"content": labels},
        spec=LatentSpec((DIM,)),
        classes={"content": classes},
    ).subset(torch.arange(rows - 50_000))
    torch.manual_seed(0)
    head = FDEN(FDENConfig(), latents.spec)
    begun, wall = time.process_time(), time.monotonic()
    head.prepare({DEFAULT_DOMAIN: latents})
    engine(head, latents, head.objectives({}), 1)()
    start, start_wall = time.process_time() - begun, time.monotonic() - wall
    engine(head, latents, head.objectives({}), 20)()
    head.finish({DEFAULT_DOMAIN: latents.subset(torch.arange(20_000))})
    print(json.dumps({"peak": peak(), "imported": imported, "start": start, "start_wall": start_wall}))


def peak() -> int:
    """Peak resident size of this process, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def show(lines: Sequence[Line]) -> None:
    """Print lines as a Markdown table."""
    print("| what | measured | wanted | reached |\n| --- | ---: | ---: | --- |")
    marks = {True: "yes", False: "**no**", None: ""}
    for line in lines:
        print(f"| {line.what} | {line.value} | {line.wanted} | {marks[line.reached]} |")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--million", action="store_true", help="only a million latents")
    parser.add_argument("--million-child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--easyfsl", action="store_true", help="compare with easyfsl; installs it if need be")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.million_child:
        million_child()
        return
    if asked.million:
        show(million())
        return
    latents = made_up()
    parts = [efficiency, overhead, evaluation, re_encoding]
    show([line for part in parts for line in part(latents)] + sampler(latents, asked.easyfsl))


if __name__ == "__main__":
    main()
