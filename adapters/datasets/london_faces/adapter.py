"""Loading the London faces."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unbraid.adapters.datasets.london_faces.config import NATIVE_SIZE, LondonFacesConfig
from unbraid.core.data_files.locate import locate
from unbraid.core.data_files.pictures import FileImages, PictureFile
from unbraid.core.errors import DataError
from unbraid.core.interfaces import Dataset, LabelSpec
from unbraid.core.splits import SplitConfig

FILE = "london_faces_256.zip"
SOURCE = "the Face Research Lab London Set, doi:10.6084/m9.figshare.5047666.v5, cut to squares of 256 x 256"
EXPRESSIONS = ("neutral", "smiling")

NOTES = (
    "204 pictures: too few to train a backbone on. The people consented to their images being used in lab-based and "
    "web-based studies and to illustrate research; use them for nothing else."
)


def load(config: LondonFacesConfig) -> Dataset:
    """Load 204 faces `(3, size, size)`, decoded when they are asked for; people in order, neutral before smiling.

    Raises:
        DataError: the file is missing, no zip file, or without pictures.
    """
    folder = locate("london-faces", config.root, "london-faces", [FILE], source=SOURCE)
    files = _files(folder / FILE)
    images = FileImages(files, size=config.size, colour=True)
    if config.on_error == "skip":
        images = FileImages([each for each in files if images.readable(each)], size=config.size, colour=True)
    people = sorted({_person(file) for file in images.files})
    return Dataset(
        name="london-faces" if config.size == NATIVE_SIZE else f"london-faces, {config.size} px",
        images=images,
        content=LabelSpec("person", tuple(people)),
        style=LabelSpec("expression", EXPRESSIONS),
        labels={
            "content": np.array([people.index(_person(file)) for file in images.files], dtype=np.int64),
            "style": np.array([EXPRESSIONS.index(_expression(file)) for file in images.files], dtype=np.int64),
        },
        splits={
            "content": config.content_split.split(people, label="person"),
            "style": SplitConfig().split_style(EXPRESSIONS, label="expression"),
        },
        licence="CC BY 4.0, DeBruine and Jones (2017), Face Research Lab London Set; cropped and resized",
        notes=NOTES,
    )


def _files(path: Path) -> Sequence[PictureFile]:
    try:
        top = zipfile.Path(path)
        names = sorted(zipfile.ZipFile(path).namelist(), key=lambda name: (Path(name).name, name))
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path} is no zip file", expected=SOURCE, found=str(error), hint="copy it again") from error
    files = [top / name for name in names if name.endswith(".jpg") and name.split("/")[0] in EXPRESSIONS]
    if not files:
        raise DataError(f"{path} is another file", expected="neutral/001.jpg, smiling/001.jpg, ...", found=names[:3])
    return files


def _person(file: PictureFile) -> str:
    return Path(file.name).stem


def _expression(file: PictureFile) -> str:
    return str(file).rsplit("/", 2)[-2]
