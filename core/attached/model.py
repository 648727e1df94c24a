"""The object a user holds: a frozen backbone with a disentangler attached."""

import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy.typing as npt
import torch
from torch import Tensor, nn

from unbraid.core.attached.building import Method, build_head
from unbraid.core.attached.seeding import seeded
from unbraid.core.attached.verbs import LatentVerbs, evaluating
from unbraid.core.errors import CapabilityError, UnbraidError, UnknownNameError
from unbraid.core.images import as_images
from unbraid.core.interfaces import DEFAULT_DOMAIN, Backbone, Dataset, Disentangler, LabelSpec
from unbraid.core.latents import Latents
from unbraid.registry import DisentanglerSpec

if TYPE_CHECKING:
    from unbraid.core.evaluation import Evaluation
    from unbraid.core.export import ExportReport
    from unbraid.core.training import TrainResult

#: Pictures: `(B, C, H, W)`, or one `(C, H, W)`; float in [0, 1] or uint8.
Pictures = Tensor | npt.NDArray[Any]


class AttachedModel(nn.Module):
    """A frozen backbone and the head attached to it; its parameters are the head's alone.

    Verbs take images, `(B, C, H, W)` or one `(C, H, W)`, float in [0, 1] or uint8; `model.latents` has the same verbs
    on latents. They run in evaluation mode and without gradients; for gradients use `model.head` and
    `model.backbone` directly. Made by `unbraid.attach` and `unbraid.load`.
    """

    def __init__(
        self,
        method: Method,
        backbones: Mapping[str, Backbone],
        head: Disentangler | None,
        *,
        seed: int = 0,
        labels: Mapping[str, LabelSpec] | None = None,
    ) -> None:
        super().__init__()
        self.method = method
        self.seed = seed
        self.labels = dict(labels or {})
        self._view_of: tuple[AttachedModel, str] | None = None
        # A plain dictionary: the backbones must not become sub-modules, or .train() and .parameters() would reach them.
        self.backbones = dict(backbones)
        self.network = head
        for backbone in self.backbones.values():
            backbone.hold()
        self._release = weakref.finalize(self, _release_all, list(self.backbones.values()))

    @property
    def backbone(self) -> Backbone:
        """The backbone, where there is one domain."""
        if len(self.backbones) > 1:
            raise UnbraidError(
                f"{self.method.name} joins several domains",
                expected="one domain",
                found=", ".join(self.backbones),
                hint="model.domain(name) is the model of one domain",
            )
        return next(iter(self.backbones.values()))

    @property
    def spec(self) -> DisentanglerSpec:
        """What the method's plug-in declares."""
        return self.method.spec

    @property
    def config(self) -> Any:
        """The method's settings, a frozen dataclass of its own; None where it has nothing to set."""
        return self.method.config

    @property
    def head(self) -> Disentangler:
        """The disentangler.

        Raises:
            CapabilityError: it depends on the number of classes and is built by `fit`.
        """
        if self.network is None:
            raise CapabilityError(
                f"{self.method.name} has no network yet",
                expected="the number of classes, which fit reads from the data",
                found="a model that was not fitted",
                hint="call fit first",
            )
        return self.network

    @property
    def latents(self) -> LatentVerbs:
        """The verbs on latents."""
        self._check_attached()
        return LatentVerbs(self.head)

    @property
    def device(self) -> torch.device:
        """Where backbone and head compute."""
        tensors = (t for b in self.backbones.values() for t in (*b.parameters(), *b.buffers()))
        head = () if self.network is None else (*self.network.parameters(), *self.network.buffers())
        return next((t.device for t in (*tensors, *head)), torch.device("cpu"))

    def encode(self, images: Pictures) -> Tensor:
        """Encode images to latents `(B, *latent)`: the mean of the frozen encoder's posterior.

        Raises:
            ImageError: wrong size, channels, dtype or range, or NaN.
        """
        self._check_attached()
        with torch.no_grad():
            return self.backbone.encode(as_images(images, self.backbone.info.input).to(self.device))

    def decode(self, z: Tensor) -> Tensor:
        """Decode latents to images in [0, 1] with the frozen decoder.

        Raises:
            CapabilityError: the backbone has no decoder.
        """
        self._check_attached()
        with torch.no_grad():
            return self.backbone.decode(z.to(self.device))

    def forward(self, images: Pictures) -> dict[str, Tensor]:
        """Same as `disentangle`."""
        return self.disentangle(images)

    def disentangle(self, images: Pictures) -> dict[str, Tensor]:
        """Split images into factors, each `(B, *factor)`."""
        return self.latents.disentangle(self.encode(images))

    def entangle(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Turn factors into images in [0, 1].

        Raises:
            CapabilityError: the method cannot entangle, or the backbone cannot decode.
        """
        return self.decode(self.latents.entangle(factors))

    def reconstruct(self, images: Pictures) -> Tensor:
        """Encode, disentangle, entangle, decode: what is left of the images on the whole way."""
        return self.entangle(self.disentangle(images))

    def transfer(self, *, content: Pictures, style: Pictures) -> Tensor:
        """Give images with the content of some and the style of others, row by row."""
        return self.decode(self.latents.transfer(content=self.encode(content), style=self.encode(style)))

    def interpolate(self, first: Pictures, second: Pictures, steps: int = 5) -> Tensor:
        """Mix content and style of two sets of images independently.

        Returns:
            `(S, S, B, C, H, W)`: content changes along the first axis, style along the second.
        """
        z = self.latents.interpolate(self.encode(first), self.encode(second), steps)
        images = self.decode(z.flatten(0, 2))
        return images.view(*z.shape[:3], *images.shape[1:])

    def fit(self, data: Dataset | Mapping[str, Dataset], **settings: Any) -> "TrainResult":
        """Train the head on cached latents of the data; the backbone stays bit for bit what it was.

        Args:
            data: a data set, or one a domain.
            settings: `out` (run folder), `resume`, `cache` (folder for the latents), `latents` (already encoded),
                and the fields of `unbraid.core.training.FitSettings`: `steps`, `seed`, `patience`, ...

        Raises:
            LabelError: labels the method needs are missing, or too few rows in a class.
            FrozenError: something moved the backbone.
            NonFiniteError: a loss became NaN; the weights are those of the last good step.
            Interrupted: Ctrl-C; the step was finished and saved.
        """
        from unbraid.core.attached.fitting import fit

        self._check_attached()
        return fit(self, data, **settings)

    def evaluate(self, data: Dataset, **settings: Any) -> "Evaluation":
        """Measure how far the factors came apart; see `unbraid.core.evaluation.evaluate`."""
        from unbraid.core.evaluation import evaluate

        self._check_attached()
        return evaluate(self, data, **settings)

    def save(self, path: str | Path) -> Path:
        """Write the head: `config.json`, `model.safetensors`, `README.md`; never the backbone, never pickle."""
        from unbraid.core.attached.head_file import save

        return save(self, Path(path))

    def export(self, path: str | Path, **settings: Any) -> "ExportReport":
        """Write an ONNX bundle; see `unbraid.core.export.export_bundle`."""
        from unbraid.core.export import export_bundle

        self._check_attached()
        return export_bundle(self, Path(path), **settings)

    def domain(self, name: str) -> "AttachedModel":
        """Give the model of one domain of a method that joins several."""
        if name not in self.backbones:
            raise UnknownNameError("domain", name, self.backbones)
        self._check_attached()
        backbone = {DEFAULT_DOMAIN: self.backbones[name]}
        view = AttachedModel(self.method, backbone, self.head.domain(name), seed=self.seed, labels=self.labels)
        view._view_of = (self, name)
        return view

    def random_head(self, latents: Mapping[str, Latents] | Latents, seed: int) -> Disentangler:
        """Build an untrained head of the same configuration, prepared on training latents: the baseline of figures."""
        sources = {DEFAULT_DOMAIN: latents} if isinstance(latents, Latents) else latents
        head = self._untrained(seed).to(self.device)
        with evaluating(head), seeded(seed, "prepare"):
            head.prepare(sources)
        with evaluating(head), seeded(seed, "finish"):
            head.finish(sources)
        return head.eval()

    def _untrained(self, seed: int) -> Disentangler:
        if self._view_of is not None:
            whole, name = self._view_of
            return whole._untrained(seed).domain(name)
        specs = {name: backbone.info.latent for name, backbone in self.backbones.items()}
        return build_head(self.method, specs, self.labels, seed)

    def detach(self) -> None:
        """Leave the backbone; when its last head leaves, its flags are what they were. The head can still be saved."""
        self._release()

    @property
    def attached(self) -> bool:
        """Whether the head is still attached."""
        return self._release.alive

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move head and backbones."""
        for backbone in self.backbones.values():
            backbone.to(*args, **kwargs)
        return super().to(*args, **kwargs)

    def __repr__(self) -> str:
        lines = [f"AttachedModel({self.method.name})"]
        for name, backbone in self.backbones.items():
            lines.append(f"  {name}: {backbone.info.adapter}, {backbone.info.input} -> {backbone.info.latent.shape}")
        if self.network is not None:
            lines += [f"  {f.name}: {f.role} {f.shape}" for f in self.network.factors]
            count = sum(t.numel() for t in self.network.head_state().values())
            lines.append(f"  {count:,} numbers in the head")
        return "\n".join(lines)

    def _check_attached(self) -> None:
        if not self.attached:
            raise UnbraidError(
                "this model was detached",
                expected="an attached model",
                found="a head without a backbone",
                hint="attach again, or save the head and unbraid.load it on a backbone",
            )


def _release_all(backbones: list[Backbone]) -> None:
    for backbone in backbones:
        backbone.release()
