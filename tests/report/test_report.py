"""The report: one file, nothing from elsewhere, safe, and its pictures show what the model makes."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import unbraid
from unbraid.core.cli.evaluate import command
from unbraid.core.errors import CapabilityError, DataError
from unbraid.core.evaluation import RAW, Evaluation, Figure
from unbraid.core.report import Illustrations, Picture, swap_grid, swap_picture, write_report
from unbraid.core.report.drawing import CELL, GAP, PAPER
from unbraid.core.report.headline import headlines, verdict


@pytest.fixture(scope="module")
def glyphs():
    return unbraid.load_dataset("glyphs")


@pytest.fixture(scope="module")
def model(glyphs):
    return unbraid.attach("fden", unbraid.load_backbone("vae", weights="builtin:glyphs"))


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def cell(picture, row, column, size=28):
    """Cut a cell out of a grid of pictures of one size; row and column 0 are the donors."""
    scale = -(-CELL // size)
    step = size * scale + 2 * GAP
    top = GAP + row * step + (GAP if row else 0)
    left = GAP + column * step + (GAP if column else 0)
    return picture[top : top + size * scale : scale, left : left + size * scale : scale]


def test_the_grid_shows_donors_swaps_and_true_cells_where_they_belong(model, glyphs):
    contents, styles = glyphs.images[[0, 40, 80]], glyphs.images[[3, 11]]
    truth = glyphs.images[np.arange(6)].reshape(3, 2, 1, 28, 28)
    picture = pixels(swap_grid(model, contents, styles, truth))
    width = (picture.shape[1] - CELL // 2) // 2
    left, right = picture[:, :width], picture[:, width + CELL // 2 :]
    assert (cell(left, 0, 0) == PAPER).all()
    for i in range(3):
        np.testing.assert_array_equal(cell(left, i + 1, 0)[..., 0], contents[i, 0])
        for j in range(2):
            np.testing.assert_array_equal(cell(left, 0, j + 1)[..., 0], styles[j, 0])
            swapped = model.transfer(content=contents[i : i + 1], style=styles[j : j + 1])[0, 0].numpy() * 255
            assert np.abs(cell(left, i + 1, j + 1)[..., 0] - swapped).max() <= 0.51
            np.testing.assert_array_equal(cell(right, i + 1, j + 1)[..., 0], truth[i, j, 0])


def test_the_picture_of_a_data_set_has_unseen_donors_and_their_true_cells(model, glyphs):
    picture = swap_picture(model, glyphs, contents=2, styles=3)
    assert "never seen" in picture.caption and "true pictures" in picture.caption
    found = pixels(picture.png)
    width = (found.shape[1] - CELL // 2) // 2
    right = found[:, width + CELL // 2 :]
    unseen = {glyphs.images[row].tobytes(): row for row in glyphs.rows(content="test", style="test")}
    for i in (1, 2):
        donor = unseen[cell(right, i, 0)[..., 0].tobytes()]
        for j in (1, 2, 3):
            style = unseen[cell(right, 0, j)[..., 0].tobytes()]
            true = unseen[cell(right, i, j)[..., 0].tobytes()]
            assert glyphs.labels["content"][true] == glyphs.labels["content"][donor]
            assert glyphs.labels["style"][true] == glyphs.labels["style"][style]
    assert swap_picture(model, glyphs, contents=2, styles=3) == picture


def test_a_head_that_cannot_swap_has_no_picture(model, glyphs):
    raw = unbraid.attach("prototype", model.backbone, network="raw")
    with pytest.raises(CapabilityError, match="entangle"):
        swap_picture(raw, glyphs)
    with pytest.raises(DataError, match="true cells"):
        swap_grid(model, glyphs.images[[0]], glyphs.images[[1]], np.zeros((2, 1, 1, 28, 28), np.uint8))


EVIL = "<script>alert('x')</script>"


def an_evaluation(**changes):
    figure = Figure(
        name="few_shot/identity/unseen_content",
        value=0.8,
        summary=f"Accuracy {EVIL}",
        interval=(0.78, 0.82),
        intervals={"classes": (0.7, 0.9)},
        chance=0.2,
        baselines={RAW: 0.5, "random head": None, "additive rule": 0.61},
        headline="identity recognises contents",
    )
    protocol = {
        "method": {"name": "fden"},
        "backbone": {"adapter": EVIL, "trained_on": "unknown"},
        "dataset": {"name": EVIL, "notes": ""},
        "factors": [{"name": "identity", "role": "content", "width": 8}],
        "populations": {"unseen_content": {"is": "unseen", "samples": 5, "contents": 2}},
        "backbone_saw_test_classes": "unknown",
        "random_head": "untrained",
        "seed": 0,
    }
    absent = Figure.absent("swap_error", "the head cannot entangle")
    return Evaluation(figures=(figure, absent), failures={"mine": "ZeroDivisionError: x"}, protocol=protocol, **changes)


class Page(HTMLParser):
    """Tags, and everything that would be fetched from somewhere."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.fetched = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.fetched += [value for name, value in attributes if name in ("src", "href", "srcset", "action", "data")]


def test_the_report_is_one_file_without_scripts_and_escapes_what_it_prints(model, glyphs, tmp_path):
    png = swap_grid(model, glyphs.images[[0]], glyphs.images[[1]])
    path = write_report(
        tmp_path / "report.html",
        evaluation=an_evaluation(),
        pictures=[Picture(EVIL, png)],
        model=model,
        run={"a": EVIL},
    )
    text = path.read_text()
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    assert [each.partition(",")[0] for each in page.fetched] == ["data:image/png;base64"]
    assert base64.b64decode(page.fetched[0].partition(",")[2]) == png
    assert not re.search(r"url\(|@import|https?://", text)
    assert "<script" not in text and "&lt;script&gt;" in text
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_the_report_says_value_interval_chance_baselines_failures_and_what_does_not_apply(tmp_path):
    text = write_report(tmp_path / "report.html", evaluation=an_evaluation()).read_text()
    for said in ("80.0 %", "78.0 .. 82.0", "70.0 .. 90.0", "20.0 %", "50.0 %", "additive rule 61.0 %"):
        assert said in text
    assert "ZeroDivisionError: x" in text and "the head cannot entangle" in text
    assert "better than raw latents" in text


def test_the_report_shows_what_the_method_drew_or_why_it_did_not(tmp_path):
    def text(**shown):
        path = tmp_path / "report.html"
        return write_report(path, evaluation=an_evaluation(), illustrations=Illustrations(**shown)).read_text()

    assert "What this method has to show" not in text()
    shown = text(own=[Picture("What only I can show.", b"png", title=EVIL)])
    assert "What this method has to show" in shown and "What only I can show." in shown and "<script" not in shown
    assert "could not draw its own pictures: &lt;script" in text(broken=EVIL)


def test_headlines_and_verdicts():
    evaluation = an_evaluation()
    assert headlines(evaluation) == [
        "Identity recognises contents: 80.0 % (chance 20.0 %, raw latents 50.0 %, additive rule 61.0 %)"
    ]

    def said(value, interval, higher):
        return verdict(
            Figure(name="a", value=value, summary="", interval=interval, baselines={RAW: 0.5}, higher_is_better=higher)
        )

    assert said(0.6, (0.55, 0.65), False) == "worse than raw latents"
    assert said(0.4, (0.35, 0.45), False) == "better than raw latents"
    assert said(0.52, (0.48, 0.56), True) == "no different from raw latents"


def test_the_command_measures_a_saved_head_and_writes_the_report(model, tmp_path):
    head = model.save(tmp_path / "run" / "head")
    arguments = [str(head), "--dataset", "glyphs", "--metric", "swap_error", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert "swap_error" in done.output and "95 %" in done.output
    written = Evaluation.load(tmp_path / "out" / "metrics.json")
    assert written.table() in done.output
    assert {f.name.partition("/")[0] for f in written.figures} == {"swap_error", "swap_right_cell", "swap_error_pixels"}
    assert "data:image/png" in (tmp_path / "out" / "report.html").read_text()


def test_the_command_asks_for_a_data_set_where_nothing_names_one(model, tmp_path):
    head = model.save(tmp_path / "head")
    with pytest.raises(unbraid.UnbraidError, match="--dataset"):
        CliRunner().invoke(command, [str(head)], catch_exceptions=False)
