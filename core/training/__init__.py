"""Training: an engine that walks objectives over cached latents, exactly resumable."""

from unbraid.core.training.engine import TrainResult, train
from unbraid.core.training.monitor import Monitor, few_shot_monitor, loss_monitor, reconstruction_monitor
from unbraid.core.training.runner import ObjectiveRunner
from unbraid.core.training.sampling import make_sampler
from unbraid.core.training.settings import FitSettings

__all__ = [
    "FitSettings",
    "Monitor",
    "ObjectiveRunner",
    "TrainResult",
    "few_shot_monitor",
    "loss_monitor",
    "make_sampler",
    "reconstruction_monitor",
    "train",
]
