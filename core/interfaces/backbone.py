"""A frozen encoder and, where there is one, decoder, with everything around them inside."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from torch import Tensor, nn

from unbraid.core.errors import CapabilityError, FrozenError
from unbraid.core.freezing.fingerprint import fingerprint_of
from unbraid.core.freezing.hold import Hold
from unbraid.core.interfaces.posterior import Posterior
from unbraid.core.interfaces.specs import ImageSpec, LatentSpec


class Encoder(nn.Module):
    """Images to latents: `(B, C, H, W)` float32 in [0, 1] -> `Posterior` of `(B, *latent)`.

    Normalisation and casts live inside.
    """

    def forward(self, x: Tensor) -> Posterior:
        """Encode a batch of images."""
        raise NotImplementedError


class Decoder(nn.Module):
    """Latents to images: `(B, *latent)` float32 -> `(B, C, H, W)` in [0, 1]."""

    def forward(self, z: Tensor) -> Tensor:
        """Decode a batch of latents."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneInfo:
    """What a backbone is.

    Args:
        adapter: the adapter that made it, `modules` for a user's own.
        input: the images it takes.
        latent: the latents it gives.
        inverse: `exact` (bijection), `amortised` (learned decoder) or `none`.
        capabilities: `decode` where there is a decoder, `gradient` where gradients flow through it.
        config: what rebuilds it through its adapter; JSON values only.
        places: names in `config` that are no part of the fingerprint: they say where files lie, or what is said of them.
        prior: what latents are drawn from to make pictures: `normal` (standard), `uniform` (-1 to 1), or None.
        licence: of the weights.
        source: where the weights come from.
        trained_on: `dataset:split` it was trained on, or empty where that is unknown.
    """

    adapter: str
    input: ImageSpec
    latent: LatentSpec
    inverse: Literal["exact", "amortised", "none"] = "amortised"
    capabilities: frozenset[str] = frozenset({"decode", "gradient"})
    config: Mapping[str, Any] = field(default_factory=dict)
    places: tuple[str, ...] = ("weights",)
    prior: Literal["normal", "uniform"] | None = None
    licence: str = ""
    source: str = ""
    trained_on: str = ""

    def require(self, capability: str, by: str) -> None:
        """Raise `CapabilityError` where the backbone lacks `capability`, which `by` needs."""
        if capability not in self.capabilities:
            raise CapabilityError(
                f"{by} needs a backbone that can {capability}",
                expected=f"capability {capability!r}",
                found=f"{self.adapter} with {', '.join(sorted(self.capabilities)) or 'no capabilities'}",
                hint="attach to another backbone, or use what works on latents alone",
            )


class Backbone(nn.Module):
    """A model that stays bit for bit what it was.

    While a head is attached, or a verb runs, its parameters do not require gradients and all its modules are in
    evaluation mode; when the last holder leaves, every flag is what it was before. Frozen is not `no_grad`: gradients
    flow through encoder and decoder to their inputs.

    Args:
        encoder: gives a `Posterior` for `(B, C, H, W)` float32 in [0, 1].
        decoder: gives images in [0, 1] for latents; None where there is none.
        info: what it is.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module | None, info: BackboneInfo) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.info = info
        self._hold = Hold(self)

    def posterior(self, x: Tensor) -> Posterior:
        """Encode images `(B, C, H, W)` in [0, 1] to the posterior of their latents."""
        with self.frozen():
            posterior: Posterior = self.encoder(x)
            return posterior

    def encode(self, x: Tensor) -> Tensor:
        """Encode images `(B, C, H, W)` in [0, 1] to the mean of their latents, `(B, *latent)`."""
        return self.posterior(x).mean

    def decode(self, z: Tensor) -> Tensor:
        """Decode latents `(B, *latent)` to images in [0, 1].

        Raises:
            CapabilityError: there is no decoder.
        """
        self.info.require("decode", by="decode")
        assert self.decoder is not None
        with self.frozen():
            images: Tensor = self.decoder(z)
            return images

    def graph(self, stage: Literal["encode", "decode"]) -> nn.Module | bytes:
        """Give what export writes for a stage: a module, or the bytes of an ONNX file to copy verbatim.

        Raises:
            CapabilityError: there is none; bundles go without `decode` then.
        """
        if stage == "encode":
            return _Mean(self.encoder)
        self.info.require("decode", by="the decode graph")
        assert self.decoder is not None
        return self.decoder

    @property
    def fingerprint(self) -> str:
        """Identity of weights, configuration and preprocessing; the same on every machine."""
        described = {
            "adapter": self.info.adapter,
            "config": {k: v for k, v in self.info.config.items() if k not in self.info.places},
            "input": self.info.input.shape,
            "latent": self.info.latent.shape,
        }
        return fingerprint_of(self, described)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Hold the backbone frozen within the block."""
        was_held = self._hold.held
        self.hold()  # also then: whoever holds it may be another thread, and leave before this block ends
        try:
            if was_held:
                self._check_modes()
            yield
        finally:
            self.release()

    def hold(self) -> None:
        """Freeze, until as many `release` as `hold` were called."""
        self._hold.acquire()

    def release(self) -> None:
        """Undo one `hold`; the last one restores every flag."""
        self._hold.release()

    def train(self, mode: bool = True) -> Self:
        """Do nothing: the modes of a backbone are not for training loops to change."""
        return self

    def _check_modes(self) -> None:
        training = next((name for name, m in self._parts() if m.training), None)
        if training is not None:
            raise FrozenError(
                "a module of the frozen backbone was switched to training mode",
                expected="evaluation mode while a head is attached",
                found=f"{training}.training is True",
                hint="detach the heads before training the model, and do not call .train() on its parts",
            )

    def _parts(self) -> Iterator[tuple[str, nn.Module]]:
        for name, module in self.named_modules():
            if module is not self:  # the wrapper itself has no mode
                yield name, module


class _Mean(nn.Module):
    """The encoder as a graph with one output."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, image: Tensor) -> Tensor:
        posterior: Posterior = self.encoder(image)
        return posterior.mean
