"""Model cards: what a head is, and its figures once they are known."""

import shutil

import pytest

import unbraid
from unbraid.__main__ import main
from unbraid.core.artefacts import atomic_folder, verify_folder
from unbraid.core.attached.head_file import update_card
from unbraid.core.errors import ArtefactError, DamagedArtefactError
from unbraid.core.evaluation.formatting import format_interval, format_value


@pytest.fixture(scope="module")
def glyphs():
    return unbraid.load_dataset("glyphs")


@pytest.fixture(scope="module")
def model():
    return unbraid.attach("prototype", unbraid.load_backbone("vae", weights="builtin:glyphs"), preset="linear")


@pytest.fixture(scope="module")
def evaluation(model, glyphs):
    return model.evaluate(glyphs, episodes=20, metrics=["few_shot"])


def test_the_card_gets_the_figures_and_the_head_stays_whole(model, evaluation, tmp_path):
    head = model.save(tmp_path / "head")
    kept = {name: (head / name).read_bytes() for name in ("config.json", "model.safetensors")}
    assert "Figures" not in (head / "README.md").read_text()
    assert update_card(head, evaluation) == head / "README.md"
    text = (head / "README.md").read_text()
    figure = next(f for f in evaluation.figures if f.headline)
    for said in (format_value(figure.value, "share"), format_interval(figure.interval, "share"), "20.0 %", "glyphs"):
        assert said in text
    assert text.startswith("---\nlibrary_name: unbraid")
    verify_folder(head, kind="head")
    assert kept == {name: (head / name).read_bytes() for name in kept}
    assert unbraid.load(head).head.factors == model.head.factors
    update_card(head, evaluation)
    assert (head / "README.md").read_text() == text


def test_figures_of_another_head_are_refused(model, evaluation, tmp_path):
    other = unbraid.attach("prototype", model.backbone, preset="raw").save(tmp_path / "other")
    before = (other / "README.md").read_bytes()
    with pytest.raises(ArtefactError, match="not of the head"):
        update_card(other, evaluation)
    assert (other / "README.md").read_bytes() == before


def test_a_head_inside_a_larger_artefact_is_left_alone(model, evaluation, tmp_path):
    with atomic_folder(tmp_path / "run", kind="run") as folder:
        model.save(folder / "head")
    with pytest.raises(ArtefactError, match="is part of"):
        update_card(tmp_path / "run" / "head", evaluation)
    verify_folder(tmp_path / "run", kind="run")


def test_a_damaged_head_gets_no_card(model, evaluation, tmp_path):
    head = model.save(tmp_path / "head")
    (head / "config.json").write_text("{}")
    with pytest.raises(DamagedArtefactError):
        update_card(head, evaluation)


def test_the_command_writes_the_card_only_if_asked(model, tmp_path, capsys):
    head = model.save(tmp_path / "run" / "head")
    arguments = ["evaluate", str(head), "--dataset", "glyphs", "--metric", "few_shot", "--episodes", "10"]
    before = (head / "README.md").read_bytes()
    assert main(arguments) == 0
    assert (head / "README.md").read_bytes() == before
    assert main([*arguments, "--card"]) == 0
    assert "Figures" in (head / "README.md").read_text() and "README.md" in capsys.readouterr().out
    shutil.rmtree(head)
