"""A bundle in memory: the verbs of an attached model, on numpy arrays, without torch."""

from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from unbraid.core.bundle import BundleFactor, Manifest
from unbraid.core.errors import ParityError
from unbraid.core.serving.graphs import Graphs
from unbraid.core.serving.images import as_image_array
from unbraid.core.serving.samples import SAMPLE_TOLERANCE, read_samples
from unbraid.core.serving.session import CPU, Array
from unbraid.core.serving.verbs import ServedLatents


class Bundle:
    """Backbone and heads as onnxruntime runs them; made by `unbraid.load_bundle`.

    Verbs take images, `(B, C, H, W)` or one `(C, H, W)`, float in [0, 1] or uint8; `bundle.latents` has the same verbs
    on latents. Where there are several heads, `bundle.head(name)` has the verbs of one; all share one encoder and one
    decoder in memory. Safe to use from several threads.
    """

    def __init__(self, path: Path, manifest: Manifest, *, threads: int = 1, providers: Sequence[str] = CPU) -> None:
        self.path = path
        self.manifest = manifest
        self._graphs = Graphs(path, manifest, threads, providers)
        self.latents = ServedLatents(self._graphs, manifest)
        self._whole: Bundle | None = None

    @property
    def heads(self) -> tuple[str, ...]:
        """Names of the heads."""
        return tuple(self.manifest.heads)

    def head(self, name: str) -> "Bundle":
        """Give the bundle as if it had this head only: its graphs are called `disentangle`, `entangle`, ...

        Encoder, decoder and whatever else is open is shared with the bundle and its other heads.

        Raises:
            UnknownNameError: there is no such head.
        """
        chosen = copy(self)
        chosen._whole = self._whole or self
        chosen.manifest = self.manifest.of(name)
        chosen._graphs = self._graphs.of(chosen.manifest)
        chosen.latents = ServedLatents(chosen._graphs, chosen.manifest)
        return chosen

    @property
    def factors(self) -> tuple[BundleFactor, ...]:
        """The factors of the only head, in order.

        Raises:
            CapabilityError: there are several heads; choose one.
        """
        return self.manifest.factors

    @property
    def capabilities(self) -> frozenset[str]:
        """What backbone and only head can do beyond `encode` and `disentangle`."""
        return frozenset(self.manifest.capabilities)

    def open(self) -> "Bundle":
        """Open all graphs now rather than at first use, and give the bundle back."""
        for name in self.manifest.graphs:
            self._graphs.session(name)
        return self

    def run(self, graph: str, inputs: Mapping[str, Array], options: ort.RunOptions | None = None) -> dict[str, Array]:
        """Run any graph by name: inputs `(B, *shape)` by name, outputs by name.

        Setting `options.terminate` from another thread stops it.

        Raises:
            CapabilityError: there is no such graph.
            DataError: an input is missing, unknown, of the wrong shape, or not finite.
        """
        return self._graphs.run(graph, inputs, options)

    def encode(self, images: Any) -> Array:
        """Encode images to latents `(B, *latent)`.

        Raises:
            ImageError: wrong size, channels, dtype or range, or NaN.
        """
        return self._graphs.run("encode", {"image": as_image_array(images, self.manifest.image)})["latent"]

    def decode(self, z: Array) -> Array:
        """Decode latents to images `(B, C, H, W)` in [0, 1].

        Raises:
            CapabilityError: the backbone has no decoder.
            DataError: wrong shape or dtype, or NaN.
        """
        return self._graphs.run("decode", {"latent": z})["image"]

    def disentangle(self, images: Any) -> dict[str, Array]:
        """Split images into factors, each `(B, *factor)`."""
        return self.latents.disentangle(self.encode(images))

    def entangle(self, factors: Mapping[str, Array]) -> Array:
        """Turn factors into images in [0, 1].

        Raises:
            CapabilityError: the method cannot entangle, or the backbone cannot decode.
        """
        self._graphs.require("entangle", "decode")
        return self.decode(self.latents.entangle(factors))

    def reconstruct(self, images: Any) -> Array:
        """Encode, disentangle, entangle, decode: what is left of the images on the whole way."""
        self._graphs.require("entangle", "decode")
        return self.entangle(self.disentangle(images))

    def transfer(self, *, content: Any, style: Any) -> Array:
        """Give images with the content of some and the style of others, row by row."""
        self._graphs.require("entangle", "decode")
        return self.decode(self.latents.transfer(content=self.encode(content), style=self.encode(style)))

    def interpolate(self, first: Any, second: Any, steps: int = 5) -> Array:
        """Mix content and style of two sets of images independently.

        Returns:
            `(S, S, B, C, H, W)`: content changes along the first axis, style along the second.
        """
        self._graphs.require("entangle", "decode")
        z = self.latents.interpolate(self.encode(first), self.encode(second), steps)
        images = self.decode(z.reshape(-1, *self.manifest.latent))
        return images.reshape(*z.shape[:3], *images.shape[1:])

    def score(self, first: Any, second: Any) -> Array:
        """Say how alike the contents of two sets of images are, `(B,)`; higher is more alike."""
        self._graphs.require("score")
        return self.latents.score(self.encode(first), self.encode(second))

    def classify(self, images: Any) -> Array:
        """Give class logits `(B, classes)` of images."""
        self._graphs.require("classify")
        return self.latents.classify(self.encode(images))

    def verify(self, tolerance: float | None = None) -> dict[str, float]:
        """Run the bundle's own samples through every graph, those of all heads, on this machine.

        Args:
            tolerance: largest difference that passes, relative to `max(1, max |y|)`; None for what the precision of a
                graph's weights allows: 1e-5 in float32.

        Returns:
            Graph name -> largest absolute difference from what was stored at export.

        Raises:
            ParityError: a graph gives other numbers here.
            DamagedArtefactError: the samples are not those of the graphs.
        """
        if self._whole is not None:
            return self._whole.verify(tolerance)
        given, stored = read_samples(self.path, self.manifest, "in"), read_samples(self.path, self.manifest, "out")
        return {name: self._verified(name, given[name], stored[name], tolerance) for name in self.manifest.graphs}

    def _verified(
        self, name: str, inputs: Mapping[str, Array], stored: Mapping[str, Array], tolerance: float | None
    ) -> float:
        allowed = SAMPLE_TOLERANCE[self.manifest.graphs[name].precision] if tolerance is None else tolerance
        worst = 0.0
        for output, found in self.run(name, inputs).items():
            difference = float(np.abs(found.astype(float) - stored[output]).max())
            if not difference <= allowed * max(1.0, float(np.abs(stored[output]).max())):
                problem = f"graph {name}: output {output} differs from the stored sample"
                raise ParityError(problem, expected=f"{allowed:g} relative", found=f"{difference:.2e}")
            worst = max(worst, difference)
        return worst

    def __repr__(self) -> str:
        heads = self.manifest.heads
        methods = ", ".join(dict.fromkeys(head.method.name for head in heads.values()))
        lines = [f"Bundle({methods} on {self.manifest.backbone.adapter}: {', '.join(self.manifest.graphs)})"]
        for name, head in heads.items():
            lines += [f"  head {name}:"] if len(heads) > 1 else []
            lines += [f"  {factor.name}: {factor.role} {factor.shape}" for factor in head.factors]
        return "\n".join(lines)
