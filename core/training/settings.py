"""How long and how a fit runs; nothing of the method."""

from dataclasses import dataclass

from unbraid.core.errors import ConfigError
from unbraid.core.latents import LatentMode


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """Settings of a run. Together with data, backbone and method they determine every weight.

    Args:
        steps: training steps; None takes the method's own number.
        seed: of every draw of the run.
        eval_every: steps between looks at the validation classes.
        patience: looks without improvement before the run stops early; None never stops.
        log_every: steps between lines in `metrics.jsonl`, and between checks for NaN on the host.
        checkpoint_every: steps between checkpoints, where a run folder is given.
        keep: checkpoints that are kept; at least two, so that a damaged one costs little.
        threads: CPU threads; one is fastest for heads. Part of what makes a run repeat bit for bit.
        latent_mode: train on posterior means or on samples.
        quiet: no progress output.
    """

    steps: int | None = None
    seed: int = 0
    eval_every: int = 100
    patience: int | None = None
    log_every: int = 50
    checkpoint_every: int = 500
    keep: int = 2
    threads: int = 1
    latent_mode: LatentMode = "mean"
    quiet: bool = False

    def __post_init__(self) -> None:
        positive = {
            "eval_every": self.eval_every,
            "log_every": self.log_every,
            "checkpoint_every": self.checkpoint_every,
            "threads": self.threads,
            "patience": 1 if self.patience is None else self.patience,
        }
        for name, value in positive.items():
            if value < 1:
                raise ConfigError(f"fit.{name} counts from 1", expected=">= 1", found=value)
        if self.steps is not None and self.steps < 0:
            raise ConfigError("fit.steps cannot be negative", expected=">= 0", found=self.steps)
        if self.keep < 2:
            raise ConfigError("fit.keep is too small to survive a damaged checkpoint", expected=">= 2", found=self.keep)
        if self.latent_mode not in ("mean", "sample"):
            raise ConfigError("unknown fit.latent_mode", expected="mean or sample", found=self.latent_mode)
