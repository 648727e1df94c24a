"""What every backbone that is trained here can be told; imports no torch."""

from dataclasses import dataclass
from typing import ClassVar

from unbraid.core.config import check_range


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainSettings:
    """The section `pretrain` of a recipe, as far as all adapters share it.

    Args:
        batch_size: pictures a step.
        lr: learning rate of Adam.
        settle: share of the steps, at the end, that run at a tenth of the learning rate.
        device: `auto`, or a torch device.

    Raises:
        ConfigError: a value is out of range.
    """

    #: Named in messages.
    adapter: ClassVar[str] = "pretrain"

    batch_size: int = 64
    lr: float = 2e-3
    settle: float = 0.25
    device: str = "auto"

    def __post_init__(self) -> None:
        check_range(self.adapter, self.batch_size >= 2, "batch_size", ">= 2", self.batch_size)
        check_range(self.adapter, self.lr > 0, "lr", "> 0", self.lr)
        check_range(self.adapter, 0 <= self.settle < 1, "settle", "0 .. below 1", self.settle)
