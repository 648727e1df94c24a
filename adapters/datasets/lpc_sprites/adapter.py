"""Loading LPC sprites."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unbraid.adapters.datasets.lpc_sprites.config import NATIVE_SIZE, LpcSpritesConfig
from unbraid.adapters.datasets.lpc_sprites.sheets import Pose, list_poses, read_frames
from unbraid.core.data_files.locate import locate
from unbraid.core.data_files.resizing import resized
from unbraid.core.interfaces import Dataset, LabelSpec

FILE = "lpc_sheets.zip"
SOURCE = "the PNG sheets of https://github.com/YingzhenLi/Sprites"

#: Layers a character chooses from, from the skin outwards; everybody wears the same shoes on top of them.
LAYERS = ("body", "bottomwear", "topwear", "hair")
VARIANTS = range(6)
SHOES = range(1)

NOTES = (
    "An unseen character is an unseen combination of parts, each of which was seen in training. Laid on white. Tops do "
    "not cover every frame of slash and shoot in some sheets; spellcast and walk are clean."
)

Ints = npt.NDArray[np.int64]


class SpriteImages:
    """Characters put together when they are asked for, `(n, 3, size, size)` uint8 on white.

    Args:
        layers: from below, each `(variants, poses, 64, 64, 4)` RGBA.
        parts: `(N, layers)`, which variant of each layer a row wears.
        poses: `(N,)`.
        size: height and width.
    """

    def __init__(self, layers: Sequence[npt.NDArray[np.uint8]], parts: Ints, poses: Ints, size: int) -> None:
        self.shape = (len(poses), 3, size, size)
        self._layers = tuple(layers)
        self._parts = parts
        self._poses = poses

    def __getitem__(self, rows: npt.NDArray[np.int64], /) -> npt.NDArray[np.uint8]:
        """Put the given rows together."""
        poses = self._poses[rows]
        canvas = np.full((len(poses), NATIVE_SIZE, NATIVE_SIZE, 3), 255, np.uint16)
        for layer, variants in zip(self._layers, self._parts[rows].T, strict=True):
            frames = layer[variants, poses].astype(np.uint16)
            alpha = frames[..., 3:]
            canvas = (frames[..., :3] * alpha + canvas * (255 - alpha) + 127) // 255
        return resized(canvas.astype(np.uint8).transpose(0, 3, 1, 2), self.shape[2])


def load(config: LpcSpritesConfig) -> Dataset:
    """Load 1,296 characters in the poses of the chosen actions and directions, `(3, size, size)` on white.

    Rows are in order: row `poses * character + pose`. The parts and the pose are known factors.

    Raises:
        DataError: the file is missing, or a sheet in it is damaged.
    """
    path = locate("lpc-sprites", config.root, "lpc-sprites", [FILE], source=SOURCE) / FILE
    poses = list_poses(config.actions, config.directions)
    layers = [read_frames(path, layer, VARIANTS, poses) for layer in LAYERS]
    layers.append(read_frames(path, "shoes", SHOES, poses))
    shape = (len(VARIANTS),) * len(LAYERS)
    content, style = np.divmod(np.arange(int(np.prod(shape)) * len(poses), dtype=np.int64), len(poses))
    parts = np.stack([*np.unravel_index(content, shape), np.zeros_like(content)], axis=1).astype(np.int64)
    characters = tuple("-".join(map(str, index)) for index in np.ndindex(*shape))
    names = tuple(pose.name for pose in poses)
    return Dataset(
        name=f"lpc-sprites, {' and '.join(config.actions)}, {'/'.join(config.directions)}, {config.size} px",
        images=SpriteImages(layers, parts, style, config.size),
        content=LabelSpec("character", characters),
        style=LabelSpec("pose", names),
        labels={"content": content, "style": style},
        splits={
            "content": config.content_split.split(characters, label="character"),
            "style": config.style_split.split_style(names, label="pose"),
        },
        licence="CC BY-SA 3.0 or GPL 3.0; credit the Liberated Pixel Cup artists",
        notes=NOTES,
        factors=dict(zip(LAYERS, parts.T, strict=False)) | _pose_factors(config, poses, style),
    )


def _pose_factors(config: LpcSpritesConfig, poses: Sequence[Pose], style: Ints) -> dict[str, Ints]:
    of_pose = {
        "action": [config.actions.index(pose.action) for pose in poses],
        "direction": [config.directions.index(pose.direction) for pose in poses],
        "frame": [pose.frame for pose in poses],
    }
    return {name: np.array(values, dtype=np.int64)[style] for name, values in of_pose.items()}
