"""Another backbone's encoder and a decoder of its own as a frozen backbone."""

from collections.abc import Mapping
from typing import Any, Literal

from torch import nn

from unbraid.adapters.backbones.decoded.config import Architecture, DecodedConfig
from unbraid.adapters.backbones.decoded.model import FeatureDecoder, build_decoder
from unbraid.core.catalogue import load_backbone
from unbraid.core.config import build_config
from unbraid.core.errors import BackboneMismatchError
from unbraid.core.interfaces import Backbone, BackboneInfo
from unbraid.core.weights import fill, kept_place, load_weights

NAME = "decoded"
DEFAULT_BASE = 32
PLACES = ("weights", "settings", "seed")


class DecodedBackbone(Backbone):
    """A backbone whose encoder is that of another one, whose graph it gives.

    Args:
        whole: the other backbone.
        decoder: trained on its latents.
        info: of both together.
    """

    def __init__(self, whole: Backbone, decoder: nn.Module, info: BackboneInfo) -> None:
        super().__init__(whole.encoder, decoder, info)
        self._whole = (whole,)  # in a tuple: its encoder must not be counted twice

    def graph(self, stage: Literal["encode", "decode"]) -> nn.Module | bytes:
        """Give what export writes for a stage."""
        return self._whole[0].graph("encode") if stage == "encode" else super().graph(stage)


def load(config: DecodedConfig) -> Backbone:
    """Make the backbone: with a trained decoder, or an untrained one where the config names no weights.

    Raises:
        ArtefactError: weights of encoder or decoder are missing, damaged, or do not fit.
        BackboneMismatchError: the decoder was trained on another encoder.
    """
    if config.weights is None:
        whole = encoder_of(config)
        _check_encoder(config.fingerprint, whole)
        decoder = build_decoder(whole.info.latent, whole.info.input, config.base or DEFAULT_BASE, config.seed)
        return wrap(whole, decoder, _config(config, whole, None), licence="", source="untrained", trained_on="")
    stored = load_weights(config.weights, NAME)
    stated = build_config(Architecture, stored.architecture, where="architecture")
    named = {} if config.settings is None else dict(config.settings)
    whole = load_backbone(config.encoder or stated.encoder, **(named or dict(stated.settings)))
    _check_encoder(stated.fingerprint, whole)
    decoder = build_decoder(whole.info.latent, whole.info.input, stated.base, 0)
    fill(decoder, stored.tensors, config.weights)
    again = _config(config, whole, kept_place(config.weights)) | {"base": stated.base}
    return wrap(whole, decoder, again, licence=stored.licence, source=stored.source, trained_on=stored.trained_on)


def encoder_of(config: DecodedConfig) -> Backbone:
    """Load the backbone whose encoder is used."""
    assert config.encoder is not None
    return load_backbone(config.encoder, **dict(config.settings or {}))


def architecture_of(whole: Backbone, base: int) -> Architecture:
    """Say what brings encoder and decoder back."""
    info = whole.info
    return Architecture(encoder=info.adapter, settings=dict(info.config), fingerprint=whole.fingerprint, base=base)


def wrap(
    whole: Backbone,
    decoder: FeatureDecoder,
    config: Mapping[str, Any],
    *,
    licence: str,
    source: str,
    trained_on: str,
) -> Backbone:
    """Join an encoder and a decoder."""
    encoder = whole.info
    licences = [f"encoder: {encoder.licence or 'not stated'}", *([f"decoder: {licence}"] if licence else [])]
    info = BackboneInfo(
        adapter=NAME,
        input=encoder.input,
        latent=encoder.latent,
        inverse="amortised",
        capabilities=frozenset({"decode"}) | encoder.capabilities,
        config=config,
        places=PLACES,
        licence="; ".join(licences),
        source=f"{encoder.source}; decoder: {source}",
        trained_on=encoder.trained_on or trained_on,
    )
    decoder.eval()
    return DecodedBackbone(whole, decoder, info)


def _config(config: DecodedConfig, whole: Backbone, weights: str | None) -> dict[str, Any]:
    return {
        "weights": weights,
        "encoder": whole.info.adapter,
        "settings": dict(whole.info.config),
        "fingerprint": whole.fingerprint,
        "base": config.base or DEFAULT_BASE,
        "seed": config.seed,
    }


def _check_encoder(stated: str | None, whole: Backbone) -> None:
    if stated and stated != whole.fingerprint:
        raise BackboneMismatchError(
            "this decoder was trained on another encoder",
            expected=stated,
            found=whole.fingerprint,
            hint=f"load the weights of {whole.info.adapter} that it was trained on",
        )
