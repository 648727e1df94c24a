"""Every built-in data set and metric keeps every promise, without expected failures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unbraid.registry import get_registry, missing_requirements
from unbraid.testing import check_dataset, check_metric, toy_dataset


def as_npz(folder: Path) -> dict[str, object]:
    data = toy_dataset()
    path = folder / "data.npz"
    np.savez(path, images=data.images[:, 0], content=data.labels["content"], style=data.labels["style"])
    return {"path": str(path)}


def as_folder(folder: Path) -> dict[str, object]:
    rng = np.random.default_rng(0)
    for content in "abcde":
        (folder / content).mkdir()
        for copy in range(3):
            picture = rng.integers(0, 256, (8, 8), dtype=np.uint8)
            Image.fromarray(picture).save(folder / content / f"{copy}.png")
    return {"path": str(folder)}


#: Those that need settings.
MADE = {"npz": as_npz, "folder": as_folder}
#: Those that take a while.
SLOW = {"lpc-sprites", "omniglot", "scalar"}
#: Those that read what another library downloads.
ELSEWHERE = {"torchvision"}

DATASETS = sorted(name for name, entry in get_registry().datasets().items() if entry.built_in)
METRICS = {
    "few_shot": {},
    "probes": {"seeds": 1, "epochs": 1, "hidden": 8},
    "blocks": {"seeds": 1, "epochs": 1, "hidden": 8},
    "mutual_information": {"steps": 100},
    "scalar": {"samples": 300, "points": 50},
    "reconstruction": {},
    "variance_ratio": {},
    "swap_error": {"swaps": 50, "decoded": 20},
    "swap_labels": {"swaps": 50, "decoded": 20},
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in DATASETS if name not in ELSEWHERE],
)
def test_a_built_in_data_set_keeps_every_promise(name: str, tmp_path: Path) -> None:
    if missing := missing_requirements(get_registry().resolve("dataset", name).spec):
        pytest.skip(f"{', '.join(missing)} not installed")
    report = check_dataset(name, settings=MADE[name](tmp_path) if name in MADE else None)
    absent = [result for result in report if result.message.startswith("not on this machine")]
    if absent:
        pytest.skip(absent[0].message)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in METRICS])
def test_a_built_in_metric_keeps_every_promise(name: str) -> None:
    check_metric(name, settings=METRICS[name])


def test_every_built_in_metric_is_checked() -> None:
    assert {name for name, entry in get_registry().metrics().items() if entry.built_in} == set(METRICS)
