"""Settings of the adapter; imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from unbraid.core.config import check_range
from unbraid.core.errors import ConfigError

_require = partial(check_range, "decoded")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedConfig:
    """Settings of `load_backbone("decoded", ...)`.

    Args:
        weights: folder that `unbraid pretrain` wrote, or None for an untrained decoder.
        encoder: name of the backbone whose encoder is used; None for what the weights say.
        settings: of that backbone; None for what the weights say.
        fingerprint: of that backbone; another one is refused. None does not ask.
        base: channels of the decoder's last maps; the ones before have twice as many. None for what the weights say.
        seed: of the initial weights of an untrained decoder.

    Raises:
        ConfigError: neither weights nor an encoder are named, or a value is out of range.
    """

    weights: str | None = None
    encoder: str | None = None
    settings: Mapping[str, Any] | None = None
    fingerprint: str | None = None
    base: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.weights is None and self.encoder is None:
            raise ConfigError(
                "decoded: nothing says which encoder",
                expected="encoder, the name of a backbone; or weights",
                found="neither",
                hint="unbraid list backbones",
            )
        if self.encoder == "decoded":
            raise ConfigError("decoded: a decoder for itself", expected="another backbone", found="decoded")
        if self.base is not None and self.base < 1:
            raise ConfigError("decoded: base is out of range", expected=">= 1", found=self.base)


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """What a folder of weights states.

    Args:
        encoder: name of the backbone whose encoder is used.
        settings: of that backbone.
        fingerprint: of that backbone.
        base: channels of the decoder's last maps.
    """

    encoder: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    base: int = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainConfig:
    """Settings of `unbraid pretrain` for this backbone: the section `pretrain` of a recipe.

    Args:
        batch_size: pictures a step.
        lr: learning rate of Adam.
        settle: share of the steps, at the end, that run at a tenth of the learning rate.
        device: `auto`, or a torch device.

    Raises:
        ConfigError: a value is out of range.
    """

    batch_size: int = 64
    lr: float = 2e-3
    settle: float = 0.25
    device: str = "auto"

    def __post_init__(self) -> None:
        _require(self.batch_size >= 2, "batch_size", ">= 2", self.batch_size)
        _require(self.lr > 0, "lr", "> 0", self.lr)
        _require(0 <= self.settle < 1, "settle", "0 .. below 1", self.settle)
