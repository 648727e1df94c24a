"""An encoder around a model of torchvision: preprocessing before it, a node of its graph as the tap."""

import math

from torch import Tensor, nn

from unbraid.core.errors import ConfigError, UnknownNameError
from unbraid.core.interfaces import Encoder, Posterior
from unbraid.core.nn import Preprocess

#: Names torchvision's classifiers have, and the layer in front of them that training alone uses.
CLASSIFIERS = ("fc", "classifier", "heads", "head", "dropout")


class TorchvisionEncoder(Encoder):
    """Images in [0, 1] -> `(B, D)` at `pooled`, else what the node gives: a vector, or a map `(B, C, h, w)`.

    Args:
        model: an image classifier; its modules are used as they are.
        tap: `pooled`, a node of the traced model, or the start of its name: then the last one that has it.
        preprocess: brings images to the size and the statistics the model was trained with.

    Raises:
        UnknownNameError: the model has no such node.
    """

    def __init__(self, model: nn.Module, tap: str, preprocess: Preprocess) -> None:
        super().__init__()
        self.pooled = tap == "pooled"
        self.model = _tapped(model, tap)
        self.preprocess = preprocess

    def forward(self, x: Tensor) -> Posterior:
        """Encode a batch of images."""
        features: Tensor = self.model(self.preprocess(x))["features"]
        if self.pooled:
            return Posterior(features.flatten(1))
        return Posterior(_as_map(features) if features.ndim == 3 else features)


def _tapped(model: nn.Module, tap: str) -> nn.Module:
    """Cut a model behind a node; its modules stay the same objects, in the modes they are in."""
    from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()  # which nodes there are depends on the mode, and only this one is ever run
        nodes = get_graph_node_names(model, suppress_diff_warning=True)[1]
        node = _last_before_classifier(nodes) if tap == "pooled" else tap
        if not any(name == node or name.startswith(f"{node}.") for name in nodes):
            raise UnknownNameError("node", tap, ["pooled", *nodes])
        cut: nn.Module = create_feature_extractor(model, {node: "features"}, suppress_diff_warning=True).eval()
    finally:
        for module, training in modes.items():
            module.training = training
    return cut


def _last_before_classifier(nodes: list[str]) -> str:
    """Give the node whose output the classifier takes.

    >>> _last_before_classifier(["x", "layer4.1.relu_1", "avgpool", "flatten", "fc"])
    'flatten'
    """
    first = next((n for n, node in enumerate(nodes) if node.partition(".")[0] in CLASSIFIERS), 0)
    if not first:
        raise ConfigError(
            "the classifier of this model is not found",
            expected=f"layers called {', '.join(CLASSIFIERS)}",
            found=f"nodes up to {nodes[-1]}",
            hint="name a node as tap",
        )
    return nodes[first - 1]


def _as_map(tokens: Tensor) -> Tensor:
    """Lay tokens `(B, prefix + side * side, C)` out as they lie in the picture, `(B, C, side, side)`."""
    side = math.isqrt(tokens.shape[1])
    patches = tokens[:, tokens.shape[1] - side * side :]
    return patches.transpose(1, 2).reshape(-1, tokens.shape[2], side, side)
