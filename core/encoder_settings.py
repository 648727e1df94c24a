"""Settings of backbones that make a new decoder for the frozen encoder of another; imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from unbraid.core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """Which encoder is used, and the decoder that was trained for it.

    Args:
        weights: folder that `unbraid pretrain` wrote, or None for an untrained decoder.
        encoder: name of the backbone whose encoder is used; None for what the weights say.
        settings: of that backbone; None for what the weights say.
        fingerprint: of that backbone; another one is refused. None does not ask.
        seed: of the initial weights of an untrained decoder.

    Raises:
        ConfigError: neither weights nor an encoder are named, or the encoder is the adapter itself.
    """

    #: Named in messages.
    adapter: ClassVar[str] = ""

    weights: str | None = None
    encoder: str | None = None
    settings: Mapping[str, Any] | None = None
    fingerprint: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.weights is None and self.encoder is None:
            raise ConfigError(
                f"{self.adapter}: nothing says which encoder",
                expected="encoder, the name of a backbone; or weights",
                found="neither",
                hint="unbraid list backbones",
            )
        if self.encoder == self.adapter:
            raise ConfigError(f"{self.adapter}: a decoder for itself", expected="another backbone", found=self.adapter)

    @property
    def given(self) -> dict[str, Any]:
        """The parts of the decoder's architecture that were set."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedEncoder:
    """What a folder of weights says of the encoder its decoder belongs to.

    Args:
        encoder: name of the backbone whose encoder is used.
        settings: of that backbone.
        fingerprint: of that backbone.
    """

    encoder: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
