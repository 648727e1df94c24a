"""A new decoder for the frozen encoder of another backbone: made or restored, and both as one backbone."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from torch import Tensor, nn

from unbraid.core.catalogue import load_backbone
from unbraid.core.config import build_config, config_to_dict
from unbraid.core.encoder_settings import EncoderSettings, StatedEncoder
from unbraid.core.errors import BackboneMismatchError
from unbraid.core.interfaces import Backbone, BackboneInfo, Decoder
from unbraid.core.restoring import untrained
from unbraid.core.weights import Weights, check_agreement, fill, kept_place, load_weights

#: Settings that are no part of the fingerprint: where things lie, and what the weights themselves say.
PLACES = ("weights", "settings", "seed")

A = TypeVar("A", bound=StatedEncoder)


class LatentDecoder(Decoder):
    """A decoder that standardises latents by statistics of the training set, which are kept with its weights."""

    def start_from(self, mean: Tensor, variance: Tensor) -> None:
        """Take mean and variance of the training latents, each `(*latent)`."""
        raise NotImplementedError


D = TypeVar("D", bound=LatentDecoder)


class JoinedBackbone(Backbone):
    """A backbone whose encoder is that of another one, whose graph it gives.

    Args:
        whole: the other backbone.
        decoder: for its latents.
        info: of both together.
    """

    def __init__(self, whole: Backbone, decoder: nn.Module, info: BackboneInfo) -> None:
        super().__init__(whole.encoder, decoder, info)
        self._whole = (whole,)  # in a tuple: its encoder must not be counted twice

    def graph(self, stage: Literal["encode", "decode"]) -> nn.Module | bytes:
        """Give what export writes for a stage."""
        return self._whole[0].graph("encode") if stage == "encode" else super().graph(stage)


def encoder_of(config: EncoderSettings) -> Backbone:
    """Load the backbone whose encoder is used, as the settings name it."""
    assert config.encoder is not None
    return load_backbone(config.encoder, **dict(config.settings or {}))


def architecture_of(kind: type[A], whole: Backbone, given: Mapping[str, Any]) -> A:
    """Say what brings encoder and decoder back: what was set of the decoder, defaults for the rest."""
    info = whole.info
    return kind(encoder=info.adapter, settings=dict(info.config), fingerprint=whole.fingerprint, **given)


def restore_decoder(
    config: EncoderSettings, kind: type[A], make: Callable[[Backbone, A], D]
) -> tuple[Backbone, D, BackboneInfo]:
    """Make encoder and decoder: with a trained decoder, or an untrained one where the config names no weights.

    Args:
        config: settings of the adapter.
        kind: dataclass of what a folder of weights states.
        make: makes a decoder for the latents and pictures of a backbone.

    Returns:
        The other backbone, the decoder in evaluation mode, and what both are together.

    Raises:
        ArtefactError: weights of encoder or decoder are missing, damaged, or do not fit.
        BackboneMismatchError: the decoder was trained on another encoder.
        ConfigError: the architecture that was asked for is not that of the weights.
    """
    if config.weights is None:
        whole = encoder_of(config)
        _check_encoder(config.fingerprint, whole)
        architecture = architecture_of(kind, whole, config.given)
        decoder = untrained(lambda stated: make(whole, stated), architecture, config.seed)
        found = Weights(adapter=config.adapter, tensors={}, source="untrained")
    else:
        found = load_weights(config.weights, config.adapter)
        check_agreement(config.adapter, config.weights, config.given, found.architecture)
        architecture = build_config(kind, found.architecture, where="architecture")
        whole = _stated_encoder(config, architecture)
        decoder = make(whole, architecture)
        fill(decoder, found.tensors, config.weights)
    again = {"weights": config.weights and kept_place(config.weights), "seed": config.seed}
    decoder.eval()
    return whole, decoder, _info(whole, found, again | config_to_dict(architecture))


def _stated_encoder(config: EncoderSettings, stated: StatedEncoder) -> Backbone:
    named = {} if config.settings is None else dict(config.settings)
    whole = load_backbone(config.encoder or stated.encoder, **(named or dict(stated.settings)))
    _check_encoder(stated.fingerprint, whole)
    return whole


def _info(whole: Backbone, decoder: Weights, config: Mapping[str, Any]) -> BackboneInfo:
    encoder = whole.info
    licences = [f"encoder: {encoder.licence or 'not stated'}"]
    licences += [f"decoder: {decoder.licence}"] if decoder.licence else []
    return BackboneInfo(
        adapter=decoder.adapter,
        input=encoder.input,
        latent=encoder.latent,
        inverse="amortised",
        capabilities=frozenset({"decode"}) | encoder.capabilities,
        config=config,
        places=PLACES,
        licence="; ".join(licences),
        source=f"{encoder.source}; decoder: {decoder.source}",
        trained_on=encoder.trained_on or decoder.trained_on,
    )


def _check_encoder(stated: str | None, whole: Backbone) -> None:
    if stated and stated != whole.fingerprint:
        raise BackboneMismatchError(
            "this decoder was trained on another encoder",
            expected=stated,
            found=whole.fingerprint,
            hint=f"load the weights of {whole.info.adapter} that it was trained on",
        )
