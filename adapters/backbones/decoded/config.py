"""Settings of the adapter; imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from unbraid.core.config import check_range
from unbraid.core.errors import ConfigError
from unbraid.core.pretrain_settings import PretrainSettings

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
class PretrainConfig(PretrainSettings):
    """Settings of `unbraid pretrain` for a decoder of frozen features; see `PretrainSettings`."""

    adapter: ClassVar[str] = "decoded"
