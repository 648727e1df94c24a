"""The verbs of a bundle on images, each graph run through the engine so that requests may share a batch."""

from collections.abc import Mapping

import numpy as np

from unbraid.core.composition import interpolate_factors, interpolation_weights, transfer_factors
from unbraid.core.server.engine import Engine
from unbraid.core.server.few_shot import Episode, class_scores, prototype_scores
from unbraid.core.server.limits import Limits
from unbraid.core.server.models import check_output
from unbraid.core.server.tensors import Tensor, TensorSpec
from unbraid.core.serving import Bundle

Factors = dict[str, Tensor]


class Verbs:
    """What `Bundle` does on images, as coroutines on checked arrays `(B, C, H, W)` in [0, 1].

    Args:
        bundle: the graphs.
        engine: runs them.
        limits: on the images a verb may make.
    """

    def __init__(self, bundle: Bundle, engine: Engine, limits: Limits) -> None:
        self._bundle = bundle
        self._engine = engine
        self._limits = limits
        self._image = TensorSpec("image", (-1, *bundle.manifest.image))

    async def factors(self, images: Tensor) -> Factors:
        """Split images into factors."""
        latents = await self._engine.run(self._bundle, "encode", {"image": images})
        return dict(await self._engine.run(self._bundle, "disentangle", latents))

    async def picture(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Put factors together to images."""
        latents = await self._engine.run(self._bundle, "entangle", factors)
        return (await self._engine.run(self._bundle, "decode", latents))["image"]

    async def reconstruct(self, images: Tensor) -> Tensor:
        """Take images apart and put them together again."""
        return await self.picture(await self.factors(images))

    async def transfer(self, content: Tensor, style: Tensor) -> Tensor:
        """Give images with the content of some and the style of others, row by row."""
        one, two = await self._pair(content, style)
        return await self.picture(transfer_factors(self._bundle.manifest.roles, one, two))

    async def interpolate(self, first: Tensor, second: Tensor, steps: int) -> Tensor:
        """Mix content and style of two sets of images independently, `(S, S, B, C, H, W)`."""
        check_output(self._image, steps * steps * len(first), self._limits)
        one, two = await self._pair(first, second)
        roles = self._bundle.manifest.roles
        grid = [interpolate_factors(roles, one, two, a, b) for a, b in interpolation_weights(steps)]
        images = await self.picture({name: np.concatenate([cell[name] for cell in grid]) for name in roles})
        return images.reshape(steps, steps, len(first), *images.shape[1:])

    async def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Say how alike the contents of two sets of images are, `(B,)`."""
        one, two = await self._pair(first, second)
        name = self._content()
        return (await self._engine.run(self._bundle, "score", {"first": one[name], "second": two[name]}))["score"]

    async def few_shot(self, support: Tensor, labels: Tensor, query: Tensor) -> Episode:
        """Give each query the label whose support is most like it in content."""
        check_output(self._image, len(support) + len(query), self._limits)
        codes = (await self.factors(np.concatenate([support, query])))[self._content()]
        known, asked = codes[: len(support)], codes[len(support) :]
        if "score" not in self._bundle.manifest.graphs:
            return prototype_scores(labels, known, asked)
        check_output(TensorSpec("scores", (-1,)), len(known) * len(asked), self._limits)
        pairs = {"first": np.tile(known, (len(asked), *[1] * (known.ndim - 1))), "second": asked.repeat(len(known), 0)}
        scores = (await self._engine.run(self._bundle, "score", pairs))["score"]
        return class_scores(labels, scores.reshape(len(asked), len(known)))

    async def _pair(self, first: Tensor, second: Tensor) -> tuple[Factors, Factors]:
        both = await self.factors(np.concatenate([first, second]))
        rows = len(first)
        return {name: v[:rows] for name, v in both.items()}, {name: v[rows:] for name, v in both.items()}

    def _content(self) -> str:
        return next(name for name, role in self._bundle.manifest.roles.items() if role == "content")
