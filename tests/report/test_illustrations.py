"""What a report shows beside figures: interpolations, attackers, explanations; and the pages of fit and pretrain."""

import dataclasses
import html
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

import unbraid
from unbraid.core.errors import DataError
from unbraid.core.evaluation import RAW, Figure
from unbraid.core.pretraining import reconstructions
from unbraid.core.report import (
    Picture,
    illustrate,
    interpolation_grid,
    interpolation_picture,
    own_pictures,
    write_fit_report,
    write_pretrain_report,
    write_report,
)
from unbraid.core.report.attackers import attacker_table
from unbraid.core.report.drawing import CELL, GAP, PAPER
from unbraid.core.report.reading import READING, how_to_read


@pytest.fixture(scope="module")
def glyphs():
    return unbraid.load_dataset("glyphs")


SMALL = {"trunk": [32], "branch": [32], "entangler": [32], "entangler_branch": [32], "critic": [8]}


@pytest.fixture(scope="module")
def run(glyphs, tmp_path_factory):
    """A head trained long enough that content and style matter, what fit gave, and the folder of the run."""
    folder = tmp_path_factory.mktemp("run")
    model = unbraid.attach("fden", unbraid.load_backbone("vae", weights="builtin:glyphs"), **SMALL)
    result = model.fit(glyphs, steps=100, eval_every=50, log_every=25, quiet=True, out=folder)
    return model, result, folder


@pytest.fixture(scope="module")
def model(run):
    return run[0]


def cell(picture, row, column, size=28):
    scale = -(-CELL // size)
    step = size * scale + 2 * GAP
    top = GAP + row * step + (GAP if row else 0)
    left = GAP + column * step + (GAP if column else 0)
    return picture[top : top + size * scale : scale, left : left + size * scale : scale, 0]


def test_content_changes_downwards_and_style_rightwards(model, glyphs):
    first, second = glyphs.images[0], glyphs.images[80]
    png = interpolation_grid(model, first, second, steps=4)
    picture = np.asarray(Image.open(io.BytesIO(png)))
    np.testing.assert_array_equal(cell(picture, 0, 1), first[0])
    np.testing.assert_array_equal(cell(picture, 4, 0), second[0])
    assert (cell(picture, 0, 2) == PAPER).all()
    ends = {(1, 1): (first, first), (1, 4): (first, second), (4, 1): (second, first), (4, 4): (second, second)}
    for (row, column), (content, style) in ends.items():
        expected = model.transfer(content=content[None], style=style[None])[0, 0].numpy() * 255
        assert np.abs(cell(picture, row, column) - expected).max() <= 0.51
    assert np.abs(cell(picture, 1, 4).astype(int) - cell(picture, 4, 1)).max() > 20  # the two directions differ


def test_the_interpolation_of_a_data_set_is_between_unseen_pictures_that_differ(model, glyphs):
    picture = interpolation_picture(model, glyphs, steps=3)
    assert "never seen" in picture.caption and interpolation_picture(model, glyphs, steps=3) == picture
    found = np.asarray(Image.open(io.BytesIO(picture.png)))
    unseen = {glyphs.images[row].tobytes(): row for row in glyphs.rows(content="test", style="test")}
    first, second = (unseen[cell(found, *place).tobytes()] for place in ((0, 1), (0, 3)))
    assert all(labels[first] != labels[second] for labels in glyphs.labels.values())


class OnDemand:
    """Pictures that are read by lists of rows and in no other way."""

    def __init__(self, images):
        self.images, self.shape = images, images.shape

    def __getitem__(self, rows):
        return np.stack([self.images[row] for row in rows])


def test_pictures_read_on_demand_are_interpolated_alike(model, glyphs):
    lazy = dataclasses.replace(glyphs, images=OnDemand(glyphs.images))
    assert interpolation_picture(model, lazy, steps=2) == interpolation_picture(model, glyphs, steps=2)


def test_a_head_that_cannot_swap_has_maps_and_a_reason(model, glyphs):
    shown = illustrate(unbraid.attach("prototype", model.backbone, network="raw"), glyphs)
    assert shown.pictures == () and "entangle" in shown.without
    assert len(shown.maps) == 1 and len(shown.maps[0].clouds) == 2


def test_a_method_draws_pictures_of_its_own_from_samples_it_was_not_trained_on(model, glyphs, monkeypatch):
    """The seam is generic: any head may draw, and one that breaks loses its pictures alone."""
    seen = {}

    def pictures(head, latents, labels, decode):
        seen.update(latents=latents, labels=labels, decoded=decode(latents.z[:2]), training=head.training)
        return [Picture("What only I can show.", b"png", title="Mine")]

    monkeypatch.setattr(type(model.head), "pictures", pictures)
    found, broken = own_pictures(model, glyphs)
    assert [picture.title for picture in found] == ["Mine"] and broken == ""
    unseen = glyphs.rows(content="test", style="train")
    assert len(seen["latents"]) == len(unseen) and seen["labels"] == glyphs.label_specs and not seen["training"]
    assert seen["latents"].label("style").tolist() == glyphs.labels["style"][unseen].tolist()
    torch.testing.assert_close(seen["latents"].z, model.encode(glyphs.images[unseen]))
    assert seen["decoded"].shape == (2, 1, 28, 28)

    def broken_pictures(head, latents, labels, decode):
        raise RuntimeError("no pen")

    monkeypatch.setattr(type(model.head), "pictures", broken_pictures)
    assert own_pictures(model, glyphs) == ([], "RuntimeError: no pen")


def test_a_method_without_pictures_of_its_own_costs_no_encoding(model, glyphs, monkeypatch):
    monkeypatch.setattr(type(model), "encode", None)
    assert own_pictures(model, glyphs) == ([], "")


def test_the_table_of_attackers_has_every_attacker_beside_guessing():
    attacks = {"linear": {"accuracy": 0.25}, "two-layer": {"accuracy": 0.5}}
    protocol = {"attacks": attacks, "information_nats": {"factor": 1.5, RAW: 2.0}}
    figures = [
        Figure(
            name="leakage/hand/content",
            value=0.5,
            summary="",
            chance=0.1,
            factor="hand",
            baselines={RAW: 0.75, "shuffled labels": 0.11},
            protocol=protocol,
        ),
        Figure(name="few_shot/hand/x", value=0.5, summary=""),
    ]
    (row,) = attacker_table(figures)
    assert (row["factor"], row["label"], row["is"]) == ("hand", "content", "leakage")
    assert (row["linear"], row["two-layer"], row["guessing"], row[RAW]) == ("25.0 %", "50.0 %", "10.0 %", "75.0 %")
    assert (row["shuffled labels"], row["nats"], row["nats, raw"]) == ("11.0 %", "1.500", "2.000")


def one_file(text):
    """No script, and nothing from elsewhere."""
    assert "<script" not in text and not re.search(r"url\(|@import|https?://", text)
    return text


def test_every_kind_of_figure_a_trained_head_has_is_explained(model, glyphs, tmp_path):
    settings = {
        "few_shot": {},
        "probes": {"epochs": 1, "seeds": 1, "samples": 500},
        "reconstruction": {},
        "swap_error": {"swaps": 20, "decoded": 5},
    }
    evaluation = model.evaluate(glyphs, episodes=20, metrics=settings)
    assert not evaluation.failures
    kinds = {figure.name.partition("/")[0] for figure in evaluation.figures}
    assert kinds <= READING.keys()
    assert list(how_to_read(["leakage", "mine", "alignment"])) == ["leakage", "alignment"]
    text = one_file(write_report(tmp_path / "report.html", evaluation=evaluation).read_text())
    assert "What fresh attackers read" in text
    assert all(READING[kind] in html.unescape(text) for kind in kinds)


def test_the_report_of_a_fit_says_what_was_attached_and_how_training_went(glyphs, run):
    model, result, folder = run
    text = one_file(write_fit_report(folder, model, glyphs, result).read_text())
    for said in ("fden attached to vae", "100 training steps", f"{result.best_value:.4g}", "validation.few_shot"):
        assert said in text
    assert "<b>no</b>" in text  # the backbone did not see the test classes
    assert text.count("<polyline") >= 3 and text.count("data:image/png;base64,") == 2
    for said in ("Interpolation in two directions", "coloured by style", "stirred", "Swaps"):
        assert said in text


def test_the_report_of_a_fit_without_training_says_so(glyphs, tmp_path):
    raw = unbraid.attach("prototype", unbraid.load_backbone("vae", weights="builtin:glyphs"), network="raw")
    result = raw.fit(glyphs, quiet=True)
    text = write_fit_report(tmp_path, raw, glyphs, result).read_text()
    assert "nothing to train" in text and "No swaps are shown" in text and "<polyline" not in text


def test_the_report_of_a_pretraining_shows_what_comes_back(model, glyphs, tmp_path):
    figures = [f for f in reconstructions(model.backbone, glyphs) if (f.content, f.style) == ("test", "test")]
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "metrics.jsonl").write_text('{"step": 1, "vae.loss": 2.0}\n{"step": 2, "vae.loss": 1.0}\n')
    text = one_file(write_pretrain_report(tmp_path, model.backbone, glyphs, figures).read_text())
    assert f"{figures[0].error:.5f}" in text and f"{100 * figures[0].share:.1f} %" in text
    assert f"<td>{figures[0].inversion:.2f}</td>" in text and "made of latents of the prior" in text
    assert "vae.loss: 1 at the end" in text and text.count("data:image/png") == 2


def test_colours_and_grey_can_be_drawn_and_nothing_else(model):
    with pytest.raises(DataError, match="1 or 3 channels"):
        interpolation_grid(model, torch.zeros(2, 28, 28), torch.zeros(2, 28, 28))
