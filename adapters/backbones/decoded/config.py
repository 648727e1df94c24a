"""Settings of the adapter; imports no torch."""

from dataclasses import dataclass
from typing import Any, ClassVar

from unbraid.core.config import check_range
from unbraid.core.encoder_settings import EncoderSettings, StatedEncoder
from unbraid.core.pretrain_settings import PretrainSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedConfig(EncoderSettings):
    """Settings of `load_backbone("decoded", ...)`; see also `EncoderSettings`.

    Args:
        base: channels of the decoder's last maps; the ones before have twice as many. None for what the weights say.

    Raises:
        ConfigError: neither weights nor an encoder are named, or a value is out of range.
    """

    adapter: ClassVar[str] = "decoded"

    base: int | None = None

    def __post_init__(self) -> None:
        EncoderSettings.__post_init__(self)  # a class with slots is made twice, and super() would mean the first
        check_range(self.adapter, self.base is None or self.base >= 1, "base", ">= 1", self.base)

    @property
    def given(self) -> dict[str, Any]:
        """The parts of the decoder's architecture that were set."""
        return {} if self.base is None else {"base": self.base}


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture(StatedEncoder):
    """What a folder of weights states; see also `StatedEncoder`.

    Args:
        base: channels of the decoder's last maps.
    """

    base: int = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainConfig(PretrainSettings):
    """Settings of `unbraid pretrain` for a decoder of frozen features; see `PretrainSettings`."""

    adapter: ClassVar[str] = "decoded"
