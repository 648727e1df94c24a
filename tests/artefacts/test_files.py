"""JSON and tensors come back as they were written."""

import math
import os
import stat
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from unbraid.core.artefacts import read_json, read_tensors, write_json, write_tensors
from unbraid.core.errors import ArtefactError, DamagedArtefactError


def test_json_round_trip_has_one_form(tmp_path: Path) -> None:
    value = {"b": [1, 2.5, None, True], "a": {"ü": "ß"}}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_bytes().decode()
    assert text.startswith('{\n  "a": {\n    "ü": "ß"\n  },\n  "b": [') and text.endswith("}\n")
    assert read_json(tmp_path / "a.json") == value


@pytest.mark.parametrize("value", [math.nan, math.inf, {1, 2}, object()])
def test_what_json_cannot_hold(tmp_path: Path, value: object) -> None:
    with pytest.raises(ArtefactError, match=r"a\.json"):
        write_json(tmp_path / "a.json", {"value": value})
    assert not (tmp_path / "a.json").exists()


@pytest.mark.parametrize("raw", [b"", b"{", b'{"a": NaN}', b"\xff\xfe", b'{"a": 1} x'])
def test_bad_json(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "a.json").write_bytes(raw)
    with pytest.raises(DamagedArtefactError, match=r"a\.json is no valid JSON"):
        read_json(tmp_path / "a.json")


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(DamagedArtefactError, match="missing"):
        read_json(tmp_path / "a.json")
    with pytest.raises(DamagedArtefactError, match="missing"):
        read_tensors(tmp_path / "a.safetensors")


def test_tensors_round_trip_bit_for_bit(tmp_path: Path) -> None:
    base = torch.randn(6, 4)
    tensors = {
        "plain": base,
        "tied": base,
        "transposed": base.t(),
        "slice": base[2:5, 1:3],
        "tail": base[4:],
        "scalar": torch.tensor(3),
        "empty": torch.zeros(0, 3),
        "nan": torch.tensor([math.nan, -0.0, math.inf]),
        "half": base.half(),
        "bfloat": base.bfloat16(),
        "bool": base > 0,
        "grad": torch.nn.Parameter(torch.ones(2)),
    }
    write_tensors(tmp_path / "a.safetensors", tensors)
    found = read_tensors(tmp_path / "a.safetensors")
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype and found[name].shape == tensor.shape
        expected = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
        assert torch.equal(found[name].reshape(-1).view(torch.uint8), expected), name


def test_metadata_is_exactly_the_format(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a.safetensors", {"a": torch.ones(1)})
    raw = (tmp_path / "a.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = raw[8 : 8 + length].decode()
    assert '"__metadata__":{"format":"pt"}' in header


def test_what_was_read_outlives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"a": torch.ones(1000)})
    found = read_tensors(path)
    os.truncate(path, 0)
    assert torch.equal(found["a"], torch.ones(1000))


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_mode_follows_the_umask(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_tensors(tmp_path / "a.safetensors", {"a": torch.ones(1)})
        write_tensors(tmp_path / "a.safetensors", {"a": torch.ones(1)})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.safetensors").stat().st_mode) == mode


@pytest.mark.parametrize("size", [0, 4, 20, -1])
def test_truncated_tensors(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"a": torch.ones(10)})
    os.truncate(path, size if size >= 0 else path.stat().st_size - 1)
    with pytest.raises(DamagedArtefactError, match=r"a\.safetensors is damaged"):
        read_tensors(path)


def test_reading_and_writing_without_tensors_needs_no_torch() -> None:
    program = "import sys, unbraid.core.artefacts; sys.exit('torch' in sys.modules or 'safetensors' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
