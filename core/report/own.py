"""Pictures that a method draws of itself: what only it has to show."""

import logging
from typing import TYPE_CHECKING

import numpy as np
import torch

from unbraid.core.attached.verbs import evaluating
from unbraid.core.evaluation.gather import population_rows
from unbraid.core.interfaces.dataset import Dataset
from unbraid.core.interfaces.disentangler import Disentangler
from unbraid.core.interfaces.draws import derive_seed
from unbraid.core.interfaces.picture import Picture
from unbraid.core.latents import Latents

if TYPE_CHECKING:
    from unbraid.core.attached import AttachedModel

log = logging.getLogger("unbraid")

#: Latents a method gets at most, and pictures encoded at once.
MOST, BATCH = 2_000, 256
#: Where they come from: the first of these that has any.
WHERE = ("held_out", "unseen_content", "train")


def own_pictures(model: "AttachedModel", dataset: Dataset, *, seed: int = 0) -> tuple[list[Picture], str]:
    """Ask the head for the pictures that only its method can draw.

    It gets latents of samples it was not trained on, where there are any. A method that breaks here loses its pictures,
    not the report.

    Args:
        model: any attached model.
        dataset: where the latents come from.
        seed: of the choice.

    Returns:
        Pictures, and what went wrong; both empty for a method that draws none.
    """
    if type(model.head).pictures is Disentangler.pictures:
        return [], ""
    try:
        decode = model.decode if "decode" in model.backbone.info.capabilities else None
        with evaluating(model.head):
            return list(model.head.pictures(_latents(model, dataset, seed), dataset.label_specs, decode)), ""
    except Exception as error:
        log.exception("%s could not draw its own pictures", model.method.name)
        return [], f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _latents(model: "AttachedModel", dataset: Dataset, seed: int) -> Latents:
    """Encode at most `MOST` rows, drawn at random, in their order in the data set."""
    populations = population_rows(model, dataset)
    found = next((populations[name] for name in WHERE if name in populations), np.arange(len(dataset)))
    rows = np.sort(np.random.default_rng(derive_seed(seed, "report/own", 0)).permutation(found)[:MOST])
    means = [model.encode(dataset.images[rows[start : start + BATCH]]) for start in range(0, len(rows), BATCH)]
    return Latents(
        mean=torch.cat(means),
        log_variance=None,
        labels={role: torch.from_numpy(dataset.labels[role][rows]).to(model.device) for role in dataset.label_specs},
        spec=model.backbone.info.latent,
        classes={role: spec.count for role, spec in dataset.label_specs.items()},
    )
