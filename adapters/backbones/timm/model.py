"""An encoder around a model of timm: preprocessing before it, the tap behind it."""

from typing import Any

from torch import Tensor, nn

from unbraid.adapters.backbones.timm.config import Tap
from unbraid.core.errors import ConfigError
from unbraid.core.interfaces import Encoder, Posterior
from unbraid.core.nn import Preprocess


class TimmEncoder(Encoder):
    """Images in [0, 1] -> features at a tap: `(B, D)` for `pooled`, `(B, C, h, w)` for `tokens` and `map`.

    Args:
        model: of timm; it is used as it is, its classifier left alone.
        tap: where features are taken.
        preprocess: brings images to the size and the statistics the model was trained with.
    """

    def __init__(self, model: nn.Module, tap: Tap, preprocess: Preprocess) -> None:
        super().__init__()
        self.model = model
        self.tap = tap
        self.preprocess = preprocess

    def forward(self, x: Tensor) -> Posterior:
        """Encode a batch of images."""
        features: Tensor = self.model.forward_features(self.preprocess(x))  # type: ignore[operator]
        if self.tap == "pooled":
            return Posterior(self.model.forward_head(features, pre_logits=True).flatten(1))  # type: ignore[operator]
        return Posterior(self._tokens(features) if self.tap == "tokens" else self._map(features))

    def _tokens(self, features: Tensor) -> Tensor:
        """Lay patch tokens `(B, prefix + h * w, C)` out as they lie in the picture, `(B, C, h, w)`."""
        if features.ndim != 3:
            raise _wrong_tap(self.model, self.tap, features, "map")
        model: Any = self.model
        height, width = model.patch_embed.grid_size
        patches = features[:, getattr(model, "num_prefix_tokens", 0) :]
        return patches.transpose(1, 2).reshape(-1, patches.shape[2], height, width)

    def _map(self, features: Tensor) -> Tensor:
        if features.ndim != 4:
            raise _wrong_tap(self.model, self.tap, features, "tokens")
        last = getattr(self.model, "output_fmt", "NCHW") == "NHWC"
        return features.permute(0, 3, 1, 2) if last else features


def _wrong_tap(model: nn.Module, tap: str, features: Tensor, other: str) -> ConfigError:
    return ConfigError(
        f"{type(model).__name__} has no {tap}",
        expected="features B x N x C for tokens, four dimensions for map",
        found=f"features {' x '.join(['B', *map(str, features.shape[1:])])}",
        hint=f"set tap to {other} or pooled",
    )
