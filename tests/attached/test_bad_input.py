"""What users get wrong: one clear error each, that names what was expected and what was found."""

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import zoo_backbones
import zoo_data
import zoo_manifest
from torch import nn
from zoo_children import save_head, start, stderr

import unbraid
from unbraid.core.artefacts import atomic_folder, read_json, read_tensors, verify_folder, write_json, write_tensors
from unbraid.core.errors import (
    ArtefactError,
    BackboneMismatchError,
    CapabilityError,
    ConfigError,
    DamagedArtefactError,
    DataError,
    FormatVersionError,
    ImageError,
    LabelError,
    StorageError,
    UnbraidError,
    UnknownNameError,
)
from unbraid.registry import Registry, get_registry, use_registry

QUICK = {"steps": 2, "quiet": True}


@pytest.fixture(scope="module", autouse=True)
def zoo() -> Iterator[None]:
    with use_registry(Registry([*get_registry().manifests, zoo_manifest])):
        yield


@pytest.fixture(scope="module")
def data() -> unbraid.Dataset:
    return zoo_data.stripes()


@pytest.fixture(scope="module")
def model(zoo: None) -> unbraid.AttachedModel:
    return unbraid.attach("split", zoo_backbones.vector())


def refused(kind: type[UnbraidError], expected: str, found: str, act: Callable[[], object], code: int = 2) -> str:
    """Check the error of `act`, and give its message."""
    with pytest.raises(kind) as caught:
        act()
    assert type(caught.value) is kind and caught.value.exit_code == code
    message = str(caught.value)
    stated = {part: re.search(rf"^  {part}: +(.*)", message, re.MULTILINE) for part in ("expected", "found")}
    assert all(stated.values()), message
    assert expected in stated["expected"][1], message
    assert found in stated["found"][1], message
    return message


def nan_image() -> torch.Tensor:
    x = torch.zeros(2, 1, 8, 8)
    x[1, 0, 3, 3] = float("nan")
    return x


@pytest.mark.parametrize(
    ("images", "expected", "found"),
    [
        (torch.zeros(2, 1, 9, 8), "B x 1 x 8 x 8", "2 x 1 x 9 x 8"),
        (torch.zeros(2, 3, 8, 8), "B x 1 x 8 x 8", "2 x 3 x 8 x 8"),
        (torch.zeros(8, 8), "B x 1 x 8 x 8, or one 1 x 8 x 8", "8 x 8"),
        (torch.zeros(2, 1, 8, 8, dtype=torch.int64), "uint8 in 0..255, or floats in [0, 1]", "int64"),
        (torch.full((2, 1, 8, 8), 255.0), "[0, 1]", "255 .. 255"),
        (torch.full((2, 1, 8, 8), -1.0), "[0, 1]", "-1 .. -1"),
        (nan_image(), "finite numbers", "1 pixels are not"),
        (np.full((1, 1, 8, 8), np.inf, np.float32), "finite numbers", "64 pixels are not"),
        ([[0.0]], "a torch tensor or a numpy array", "list"),
    ],
    ids=["size", "channels", "dimensions", "dtype", "range", "negative", "nan", "infinity", "type"],
)
@pytest.mark.parametrize("verb", ["encode", "disentangle", "reconstruct"])
def test_images(model: unbraid.AttachedModel, verb: str, images: Any, expected: str, found: str) -> None:
    refused(ImageError, expected, found, lambda: getattr(model, verb)(images))


def test_latents(model: unbraid.AttachedModel) -> None:
    refused(DataError, "('B', 8)", "(3, 7)", lambda: model.latents.disentangle(torch.zeros(3, 7)))
    bad = torch.full((1, 8), float("nan"))
    refused(DataError, "no NaN or infinity", "some", lambda: model.latents.disentangle(bad))


def test_rows_that_do_not_match(model: unbraid.AttachedModel) -> None:
    one, two = torch.zeros(1, 1, 8, 8), torch.zeros(2, 1, 8, 8)
    refused(DataError, "as many rows in both", "1 and 2", lambda: model.transfer(content=one, style=two))


@pytest.mark.parametrize(
    ("factors", "found"),
    [
        ({"content": torch.zeros(1, 4)}, "{'content': (4,)}"),
        ({"content": torch.zeros(1, 4), "style": torch.zeros(1, 5)}, "'style': (5,)"),
        ({"content": torch.zeros(1, 4), "styles": torch.zeros(1, 4)}, "'styles': (4,)"),
    ],
    ids=["missing", "misshaped", "misspelt"],
)
def test_factors(model: unbraid.AttachedModel, factors: dict[str, torch.Tensor], found: str) -> None:
    refused(DataError, "{'content': (4,), 'style': (4,)}", found, lambda: model.entangle(factors))


def labelled(data: unbraid.Dataset, labels: dict[str, Any]) -> unbraid.Dataset:
    return replace(data, labels=labels, _fingerprint=[])


def test_labels_of_a_data_set(data: unbraid.Dataset) -> None:
    content, style = data.labels["content"], data.labels["style"]
    refused(LabelError, "(480,) integers", "style", lambda: labelled(data, {"style": style}))
    refused(LabelError, "480 labels", "shape (479,)", lambda: labelled(data, {"content": content[1:], "style": style}))
    refused(
        LabelError, "-1 (missing) .. 19", "0 .. 20", lambda: labelled(data, {"content": content + 1, "style": style} | {"content": np.where(content == 19, 20, content)})
    )  # fmt: skip


def few_rows(data: unbraid.Dataset, rows: np.ndarray) -> unbraid.Dataset:
    return replace(
        data, images=data.images[rows], labels={r: label[rows] for r, label in data.labels.items()}, _fingerprint=[]
    )


def test_a_class_of_one_sample(data: unbraid.Dataset) -> None:
    _, first = np.unique(data.labels["content"], return_index=True)
    model = unbraid.attach("gaussian-style", zoo_backbones.vector())
    message = refused(
        LabelError,
        "1 classes of content with at least 2 rows",
        "0 such classes among 20",
        lambda: model.fit(few_rows(data, first), **QUICK),
    )
    assert "pairs of one class" in message


def test_more_ways_than_classes(data: unbraid.Dataset) -> None:
    model = unbraid.attach("embedding", zoo_backbones.vector())
    rows = np.flatnonzero(data.labels["content"] < 3)
    message = refused(
        LabelError,
        "4 classes of content with at least 3 rows",
        "3 such classes among 20",
        lambda: model.fit(few_rows(data, rows), **QUICK),
    )
    assert "4-way episodes with 1 shots and 2 queries" in message


def test_a_network_for_other_classes(data: unbraid.Dataset) -> None:
    model = unbraid.attach("class-gated", zoo_backbones.vector())
    model.fit(data, **QUICK)
    splits = {"content": {"train": (0, 1), "validation": (2,), "test": (3,)}, "style": data.splits["style"]}
    rows = np.flatnonzero(data.labels["content"] < 4)
    content = unbraid.LabelSpec("pattern", ("a", "b", "c", "d"))
    fewer = replace(few_rows(data, rows), content=content, splits=splits)
    refused(LabelError, "20 classes of pattern", "4 classes of pattern", lambda: model.fit(fewer, **QUICK))


def test_a_model_without_its_network() -> None:
    model = unbraid.attach("class-gated", zoo_backbones.vector())
    refused(CapabilityError, "number of classes", "not fitted", lambda: model.disentangle(torch.zeros(1, 1, 8, 8)))


def test_images_of_a_data_set_for_another_backbone(data: unbraid.Dataset) -> None:
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(144, 8))
    model = unbraid.attach("split", unbraid.freeze(encoder, input=(1, 12, 12)))
    refused(ImageError, "1 x 12 x 12", "1 x 8 x 8", lambda: model.fit(data, **QUICK))


@pytest.mark.parametrize(
    ("settings", "expected", "found", "hint"),
    [
        ({"step": 3}, "one of steps, seed", "'step'", "did you mean 'steps'"),
        ({"patiance": 3}, "one of steps, seed", "'patiance'", "did you mean 'patience'"),
        ({"steps": "many"}, "int or null", "'many'", ""),
        ({"steps": -1}, ">= 0", "-1", ""),
        ({"eval_every": 0}, ">= 1", "0", ""),
        ({"keep": 1}, ">= 2", "1", ""),
        ({"latent_mode": "median"}, "mean", "median", ""),
    ],
    ids=str,
)
def test_fit_settings(data: Any, model: Any, settings: dict[str, Any], expected: str, found: str, hint: str) -> None:
    assert hint in refused(ConfigError, expected, found, lambda: model.fit(data, **settings))


def test_data_for_other_domains(data: unbraid.Dataset) -> None:
    model = unbraid.attach("two-domains", {"left": zoo_backbones.vector(0), "right": zoo_backbones.vector(1)})
    refused(ConfigError, "each of left, right", "default", lambda: model.fit(data, **QUICK))
    refused(ConfigError, "each of left, right", "left", lambda: model.fit({"left": data}, **QUICK))
    x = torch.zeros(1, 1, 8, 8)
    refused(UnbraidError, "one domain", "left, right", lambda: model.disentangle(x))
    message = refused(UnknownNameError, "left", "'lift'", lambda: model.domain("lift"))
    assert "did you mean 'left'" in message


@pytest.mark.parametrize(
    ("kind", "arguments", "expected", "found", "hint"),
    [
        (UnknownNameError, {"method": "spilt"}, "split", "'spilt'", "did you mean 'split'"),
        (UnknownNameError, {"method": "fdne"}, "fden", "'fdne'", "did you mean 'fden'"),
        (ConfigError, {"method": "fden", "gama": 1}, "one of ", "'gama'", "did you mean 'gamma'"),
        (ConfigError, {"method": "fden", "gamma": "big"}, "float", "'big'", ""),
        (ConfigError, {"method": "split", "width": 3}, "no settings", "width", ""),
        (ConfigError, {"method": "two-domains"}, "2 backbone(s)", "1: default", "photo"),
        (ConfigError, {"method": "split", "device": "abacus"}, "auto, ", "abacus", ""),
    ],
    ids=str,
)
def test_attach(kind: Any, arguments: dict[str, Any], expected: str, found: str, hint: str) -> None:
    backbone = zoo_backbones.vector()
    assert hint in refused(kind, expected, found, lambda: unbraid.attach(backbone=backbone, **arguments))


def test_an_unknown_preset() -> None:
    from unbraid.registry import get_registry

    preset = next(iter(get_registry().disentanglers()["fden"].spec.presets))
    with pytest.raises(UnbraidError) as caught:
        unbraid.attach("fden", zoo_backbones.vector(), preset=f"{preset}x")
    assert isinstance(caught.value, ConfigError | UnknownNameError) and caught.value.exit_code == 2
    assert f"did you mean '{preset}'" in str(caught.value) and f"{preset}x" in str(caught.value)


def test_too_many_domains() -> None:
    both = {"a": zoo_backbones.vector(0), "b": zoo_backbones.vector(1)}
    refused(ConfigError, "1 backbone(s)", "2: a, b", lambda: unbraid.attach("split", both))


@pytest.mark.parametrize("thing", [42, "vae", nn.Linear(2, 2), None], ids=str)
def test_attach_to_something_else(thing: Any) -> None:
    message = refused(ConfigError, "a Backbone", type(thing).__name__, lambda: unbraid.attach("split", thing))
    assert "unbraid.freeze" in message and "load_backbone" in message


def test_capabilities(model: unbraid.AttachedModel, data: unbraid.Dataset) -> None:
    x = torch.zeros(1, 1, 8, 8)
    embedding = unbraid.attach("embedding", zoo_backbones.vector())
    refused(CapabilityError, "capability 'entangle'", "score", lambda: embedding.reconstruct(x))
    blind = unbraid.attach("split", zoo_backbones.encoder_only())
    refused(CapabilityError, "capability 'decode'", "modules with gradient", lambda: blind.reconstruct(x))


class Doubled(nn.Module):
    """A decoder that gives more than images."""

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return z, z


@pytest.mark.parametrize(
    ("encoder", "decoder", "expected", "found"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(99, 8)), None, "2 x 1 x 8 x 8", "RuntimeError"),
        (nn.Conv1d(1, 1, 3), None, "2 x 1 x 8 x 8", "RuntimeError"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Unflatten(1, (2, 4))), None, "2 x D or 2 x C", "(2, 2, 4)"),
        (nn.Flatten(0), None, "2 x D or 2 x C", "(128,)"),
        (nn.Flatten(), nn.Unflatten(1, (1, 4, 16)), "(2, 1, 8, 8)", "(2, 1, 4, 16)"),
        (nn.Flatten(), nn.Linear(65, 64), "latents (2, 64)", "RuntimeError"),
        (nn.Flatten(), Doubled(), "(2, 1, 8, 8)", "tuple"),
    ],
    ids=["input", "kind", "shape", "batch", "decoder", "decoder-input", "decoder-output"],
)
def test_freeze(encoder: nn.Module, decoder: nn.Module | None, expected: str, found: str) -> None:
    refused(ConfigError, expected, found, lambda: unbraid.freeze(encoder, decoder, input=(1, 8, 8)))


def test_a_detached_model(data: unbraid.Dataset, tmp_path: Path) -> None:
    model = unbraid.attach("split", zoo_backbones.vector())
    model.detach()
    x, z = torch.zeros(1, 1, 8, 8), torch.zeros(1, 8)
    uses: list[Callable[[], object]] = [
        lambda: model.encode(x),
        lambda: model.decode(z),
        lambda: model.disentangle(x),
        lambda: model.latents.disentangle(z),
        lambda: model.transfer(content=x, style=x),
        lambda: model.fit(data, **QUICK),
        lambda: model.evaluate(data),
        lambda: model.export(tmp_path / "bundle"),
        lambda: model.domain("default"),
    ]
    for use in uses:
        assert "attach again" in refused(UnbraidError, "an attached model", "without a backbone", use)
    assert not (tmp_path / "bundle").exists()
    assert unbraid.load(model.save(tmp_path / "head"), zoo_backbones.vector()).attached, "it can still be saved"


# Heads.


@pytest.fixture
def head(model: unbraid.AttachedModel, tmp_path: Path) -> Path:
    return model.save(tmp_path / "head")


def load(head: Path) -> unbraid.AttachedModel:
    return unbraid.load(head, zoo_backbones.vector())


def test_a_head_on_another_backbone(head: Path) -> None:
    other = zoo_backbones.vector(1)
    trained_on = zoo_backbones.vector().fingerprint
    message = refused(BackboneMismatchError, trained_on, other.fingerprint, lambda: unbraid.load(head, other))
    assert "allow_mismatch=True" in message
    assert unbraid.load(head, other, allow_mismatch=True).attached


def test_a_head_of_modules_without_them(head: Path) -> None:
    refused(ConfigError, "the backbone as an argument", "1 x 8 x 8", lambda: unbraid.load(head))


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "README.md"])
def test_a_truncated_head(head: Path, file: str) -> None:
    size = (head / file).stat().st_size
    with (head / file).open("r+b") as opened:
        opened.truncate(size // 2)
    message = refused(DamagedArtefactError, f"{size} bytes", f"{size // 2} bytes", lambda: load(head))
    assert str(head / file) in message


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_flipped_bit(head: Path, file: str) -> None:
    raw = bytearray((head / file).read_bytes())
    raw[-20] ^= 4
    (head / file).write_bytes(raw)
    message = refused(DamagedArtefactError, "sha256", "sha256", lambda: load(head))
    assert str(head / file) in message


def test_a_missing_file_or_folder(head: Path) -> None:
    (head / "model.safetensors").unlink()
    assert "model.safetensors" in refused(DamagedArtefactError, "bytes", "no file", lambda: load(head))
    refused(ArtefactError, "a folder with", "nothing", lambda: load(head.parent / "none"))
    (head.parent / "file").write_text("")
    refused(ArtefactError, "a folder with", "a file", lambda: load(head.parent / "file"))


def rewritten(head: Path, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> Path:
    """A head with other content under a manifest that is right: what a faulty tool would write."""
    tensors, config = read_tensors(head / "model.safetensors"), read_json(head / "config.json")
    change(tensors, config)
    with atomic_folder(head, kind="head") as folder:
        write_tensors(folder / "model.safetensors", tensors)
        write_json(folder / "config.json", config)
    verify_folder(head)
    return head


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda t, c: t.pop("back.bias"), "back.bias is missing"),
        (lambda t, c: t.update(extra=torch.zeros(2)), "extra is unexpected"),
        (lambda t, c: t.update({"back.bias": torch.zeros(9)}), "back.bias is torch.float32 (9,), not torch.float32 (8"),
        (lambda t, c: t.update({"back.bias": torch.zeros(8).double()}), "back.bias is torch.float64"),
        (lambda t, c: t["there.weight"][0].fill_(float("nan")), "there.weight holds NaN or infinity"),
    ],
    ids=["missing", "extra", "misshaped", "dtype", "nan"],
)
def test_tensors_that_do_not_fit(head: Path, change: Any, found: str) -> None:
    rewritten(head, change)
    message = refused(ArtefactError, "4 tensors that match the method's network", found, lambda: load(head))
    assert str(head / "model.safetensors") in message


def test_a_newer_format(head: Path) -> None:
    rewritten(head, lambda t, c: c.update(format_version=99, unbraid_version="9.9"))
    message = refused(FormatVersionError, "format version 1", "99, by unbraid 9.9", lambda: load(head))
    assert "pip install --upgrade unbraid" in message


def test_a_folder_that_is_no_head(head: Path, tmp_path: Path) -> None:
    rewritten(head, lambda t, c: c.update(format="something"))
    refused(DamagedArtefactError, "unbraid-head", "something", lambda: load(head))
    with atomic_folder(tmp_path / "other", kind="bundle") as folder:
        write_json(folder / "config.json", {})
    refused(ArtefactError, "a head", "a bundle", lambda: load(tmp_path / "other"))


def test_a_head_of_a_method_that_is_not_installed(head: Path) -> None:
    rewritten(head, lambda t, c: c["method"].update(name="vanished", distribution="gone"))
    message = refused(UnknownNameError, "", "gone:vanished", lambda: load(head))
    assert "pip install gone" in message


# Places that cannot be written.


def test_a_file_in_the_way(model: unbraid.AttachedModel, data: unbraid.Dataset, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    message = refused(ArtefactError, "nothing, or a folder of ours", "a file", lambda: model.save(file))
    assert str(file) in message
    refused(StorageError, str(file), "ENOTDIR", lambda: model.save(file / "head"), code=1)
    with pytest.raises(StorageError, match=str(file)):
        model.fit(data, out=file, **QUICK)
    assert file.read_text() == "mine"


def test_a_folder_of_somebody_else(model: unbraid.AttachedModel, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    message = refused(ArtefactError, "a head to replace", "thesis.txt", lambda: model.save(tmp_path))
    assert "would be lost" in message and (tmp_path / "thesis.txt").exists()


def test_no_room_for_a_file(tmp_path: Path) -> None:
    child = start(save_head, tmp_path, 500)
    child.join(120)
    message = stderr(tmp_path)
    assert child.exitcode == 1, message
    assert "EFBIG" in message and "ulimit -f" in message and "head" in message
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_file_system(model: unbraid.AttachedModel, data: unbraid.Dataset, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(disk)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"no mount is permitted here: {done.stderr.strip()}")
    try:
        refused(StorageError, "permission to write", "EROFS", lambda: model.save(disk / "head"), code=1)
        with pytest.raises(StorageError, match="read-only") as caught:
            model.fit(data, out=disk / "run", **QUICK)
        assert caught.value.exit_code == 1
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
