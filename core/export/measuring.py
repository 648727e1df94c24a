"""What smaller weights cost: the metrics of disentanglement on the head as onnxruntime runs it, before and after."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from unbraid.core.attached.model import AttachedModel
from unbraid.core.bundle import BundleFigure, BundleHead, BundleReduction
from unbraid.core.errors import ConfigError
from unbraid.core.evaluation import evaluate
from unbraid.core.export.reducing import Reduction
from unbraid.core.export.stages import Exportable
from unbraid.core.interfaces.backbone import Backbone
from unbraid.core.interfaces.dataset import Dataset
from unbraid.core.interfaces.disentangler import Disentangler
from unbraid.core.latents import Latents, encode_dataset
from unbraid.core.serving.session import open_session, run_session

_ROWS = 256


def measure_reduction(
    model: Exportable,
    head: BundleHead,
    before: Mapping[str, bytes],
    after: Mapping[str, bytes],
    reduction: Reduction,
) -> BundleReduction:
    """Measure a head on the same latents, episodes and attackers, once with each of two sets of files.

    Args:
        model: backbone and head in torch.
        head: what its graphs are called.
        before: graph -> float32 file.
        after: graph -> file; also of `encode`, which gives the latents.
        reduction: data, episodes, seed.

    Returns:
        Every figure that can be measured, with both values.

    Raises:
        ConfigError: the model is no attached model, or the data has too few labels to measure anything.
    """
    if not isinstance(model, AttachedModel):
        raise ConfigError("only attached models are measured", expected="AttachedModel", found=type(model).__name__)
    latents = encode_dataset(model.backbone, reduction.data, device=str(model.device))
    two = [_figures(model, head, files, latents, reduction) for files in (before, after)]
    figures = tuple(
        BundleFigure(name, value, two[1][name][0], chance) for name, (value, chance) in two[0].items() if name in two[1]
    )
    data = reduction.data
    if not figures:
        raise ConfigError(
            f"{data.name} tells nothing of this head", expected=" or ".join(reduction.metrics), found="no figure"
        )
    return BundleReduction(data.name, data.fingerprint, reduction.episodes, reduction.seed, figures)


def _figures(
    model: AttachedModel, head: BundleHead, files: Mapping[str, bytes], latents: Latents, reduction: Reduction
) -> dict[str, tuple[float, float | None]]:
    served = _ServedModel(model, _ServedHead(model.head, {v: files[name] for v, name in head.graphs.items()}))
    encoded = _encoded(model.backbone, files["encode"], reduction.data, latents)
    try:
        found = evaluate(
            served,
            reduction.data,
            seed=reduction.seed,
            episodes=reduction.episodes,
            metrics=reduction.metrics,
            latents=encoded,
        )
    finally:
        served.detach()
    return {figure.name: (figure.value, figure.chance) for figure in found.figures if figure.value is not None}


def _encoded(backbone: Backbone, data: bytes, dataset: Dataset, latents: Latents) -> Latents:
    """Give the same latents as the file encodes them."""
    session = open_session(data)
    parts = []
    for rows in np.array_split(np.arange(len(dataset)), -(-len(dataset) // _ROWS)):
        images = dataset.images[rows].astype(np.float32) / np.float32(255)
        parts.append(run_session(session, {"image": images}, ["latent"])["latent"])
    mean = torch.from_numpy(np.concatenate(parts))
    return replace(latents, mean=mean, log_variance=None, spec=replace(latents.spec, storage="float32"))


class _ServedHead(Disentangler):
    """A head that computes with the files of a bundle."""

    def __init__(self, head: Disentangler, files: Mapping[str, bytes]) -> None:
        super().__init__()
        self.factors = head.factors
        self.capabilities = frozenset({"score"} & files.keys() & head.capabilities)
        self._sessions = {verb: open_session(data) for verb, data in files.items() if verb in ("disentangle", "score")}

    def disentangle(self, z: Tensor) -> dict[str, Tensor]:
        found = self._run("disentangle", {"latent": z}, [factor.name for factor in self.factors])
        return {name: tensor.to(z.device) for name, tensor in found.items()}

    def score(self, first: Tensor, second: Tensor) -> Tensor:
        return self._run("score", {"first": first, "second": second}, ["score"])["score"].to(first.device)

    def _run(self, verb: str, inputs: Mapping[str, Tensor], outputs: list[str]) -> dict[str, Tensor]:
        session = self._sessions[verb]
        rows = len(next(iter(inputs.values())))
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in inputs.items()}
        for wanted in session.get_inputs():  # noise is zeros where means are asked for
            arrays.setdefault(wanted.name, np.zeros((rows, *wanted.shape[1:]), np.float32))
        return {name: torch.from_numpy(array) for name, array in run_session(session, arrays, outputs).items()}


class _ServedModel(AttachedModel):
    """A model whose head is served; against an untrained one it is not compared, that says nothing of weights."""

    def __init__(self, model: AttachedModel, head: _ServedHead) -> None:
        super().__init__(model.method, model.backbones, head, seed=model.seed, labels=model.labels)

    def random_head(self, latents: Mapping[str, Latents] | Latents, seed: int) -> Disentangler:
        return self.head
