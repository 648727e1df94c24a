"""`unbraid backbone info` and `check`: what they say is what there is."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import unbraid
from unbraid.__main__ import main
from unbraid.core.catalogue import load_backbone, load_dataset

GLYPHS = ["--set", "weights=builtin:glyphs"]


def test_check_measures_what_the_formula_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backbone", "check", "vae", *GLYPHS, "--data", "glyphs", "--pictures", "50", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    backbone, data = load_backbone("vae", weights="builtin:glyphs"), load_dataset("glyphs")
    rows = np.linspace(0, len(data) - 1, 50).round().astype(int)
    pictures = torch.from_numpy(np.array(data.images[rows])).double() / 255
    with torch.no_grad():
        back = backbone.decode(backbone.encode(pictures.float())).double()
    figures = said["check"]
    assert figures["psnr"] == pytest.approx(-10 * math.log10(float((back - pictures).square().mean())), rel=1e-4)
    constant = float((pictures - pictures.mean(0)).square().mean())
    assert figures["variance_psnr"] == pytest.approx(-10 * math.log10(constant), rel=1e-4)
    assert figures["pictures"] == 50 and figures["pictures_per_second"] > 0 and 0 < figures["relative"] < 1
    assert said["fingerprint"] == backbone.fingerprint and said["licence"] == "Apache-2.0"


def test_an_encoder_without_decoder_has_no_round_trip(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["backbone", "check", "timm", "--set", "model=test_resnet", "--set", "size=28", "--set", "channels=1"]
    assert main([*command, "--data", "glyphs", "--pictures", "4"]) == 0
    out = capsys.readouterr().out
    assert len(re.findall(r"back +no decoder", out)) == 2 and re.search(r"inverse +none", out) and "test_resnet" in out


def test_the_same_is_said_of_every_file_that_leads_to_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = unbraid.attach("prototype", load_backbone("vae", weights="builtin:glyphs"), device="cpu")
    model.save(tmp_path / "head")
    text = "dataset: {name: glyphs}\nbackbone: {name: vae, weights: 'builtin:glyphs'}\n"
    (tmp_path / "recipe.yaml").write_text(text)
    answers = []
    for where in (["vae", *GLYPHS], [str(tmp_path / "head")], [str(tmp_path / "recipe.yaml")]):
        assert main(["backbone", "info", *where]) == 0
        answers.append(capsys.readouterr().out)
    assert len(set(answers)) == 1 and model.backbone.fingerprint in answers[0]


def test_what_is_no_backbone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backbone", "info", str(tmp_path)]) == 2
    assert "is no backbone" in capsys.readouterr().err
    assert main(["backbone", "info", "vea"]) == 2
    assert "unknown backbone" in capsys.readouterr().err
    assert main(["backbone", "check", "vae", "--data", "digits"]) == 2
    assert "wrong size" in capsys.readouterr().err
