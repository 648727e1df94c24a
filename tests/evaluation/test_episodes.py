"""Episodes and few-shot accuracy against their definition, written out in plain Python."""

import json

import numpy as np
import pytest

from unbraid.core.errors import DamagedArtefactError, ProtocolError
from unbraid.core.evaluation.episode_file import load_episodes, save_episodes
from unbraid.core.evaluation.episodes import EpisodeTable, ask_once, draw_episodes, smallest_class
from unbraid.core.evaluation.few_shot import few_shot_accuracy


def labels(*sizes, missing=0):
    return np.array([c for c, size in enumerate(sizes) for _ in range(size)] + [-1] * missing)


def slow_accuracies(codes, table, score=None):
    """The definition, one query at a time."""
    found = []
    for support, query in zip(table.support, table.query, strict=True):
        right = []
        for way, rows in enumerate(query):
            for row in rows:
                if score is None:
                    prototypes = [codes[s].astype(np.float64).mean(0) for s in support]
                    guess = np.argmin([((codes[row] - p) ** 2).sum() for p in prototypes])
                else:
                    pairs = [[score(codes[k][None], codes[row][None])[0] for k in s] for s in support]
                    guess = np.argmax([np.mean(p) for p in pairs])
                right.append(guess == way)
        found.append(np.mean(right))
    return np.array(found)


def test_episodes_hold_different_classes_and_different_samples_of_the_right_class():
    y = labels(4, 7, 5, 9, 4, 6, missing=3)
    table = draw_episodes(y, ways=4, shots=2, queries=2, episodes=500, seed=3)
    samples = np.concatenate([table.support, table.query], -1)
    assert (y[samples] == table.classes[..., None]).all()
    assert all(len(set(classes)) == 4 for classes in table.classes.tolist())
    assert all(len(set(rows)) == 4 for episode in samples.tolist() for rows in episode)


def test_every_class_and_every_place_of_a_sample_is_equally_likely():
    table = draw_episodes(labels(*[6] * 10), ways=3, shots=1, queries=2, episodes=40_000, seed=0)
    by_class = np.bincount(table.classes.ravel(), minlength=10)
    by_sample = np.bincount(table.support.ravel(), minlength=60)
    # chi squared at one in a million: 9 and 59 degrees of freedom
    assert ((by_class - 12_000) ** 2 / 12_000).sum() < 45.1
    assert ((by_sample - 2_000) ** 2 / 2_000).sum() < 127.1


def test_the_same_seed_gives_the_same_episodes_and_another_seed_or_stream_others():
    y = labels(*[5] * 8)
    drawn = {
        key: draw_episodes(y, ways=5, shots=1, queries=1, episodes=50, seed=seed, stream=stream).digest()
        for key, (seed, stream) in {"a": (0, "x"), "b": (0, "x"), "c": (1, "x"), "d": (0, "y")}.items()
    }
    assert drawn["a"] == drawn["b"]
    assert len(set(drawn.values())) == 3


def test_the_hash_speaks_of_rows_of_the_data_set():
    table = draw_episodes(labels(*[5] * 8), ways=5, shots=1, queries=1, episodes=5, seed=0)
    rows = np.arange(40) + 100
    moved = EpisodeTable(support=table.support + 100, query=table.query + 100, classes=table.classes)
    assert table.digest(rows) == moved.digest() != table.digest()


@pytest.mark.parametrize(("ways", "shots", "queries", "found"), [(4, 1, 1, "3"), (2, 3, 2, "4 of class 1")])
def test_more_than_the_data_holds_is_an_error_that_says_what_there_is(ways, shots, queries, found):
    with pytest.raises(ProtocolError) as error:
        draw_episodes(labels(9, 4, 7), ways=ways, shots=shots, queries=queries, episodes=5, seed=0)
    assert error.value.found == found


def test_smallest_class_leaves_missing_labels_out():
    assert smallest_class(labels(9, 4, 7, missing=1)) == 4
    assert smallest_class(np.array([-1, -1])) == 0


@pytest.mark.parametrize("shots", [1, 3])
def test_accuracy_equals_the_definition_episode_by_episode(shots, monkeypatch):
    monkeypatch.setattr("unbraid.core.evaluation.few_shot.BUDGET", 2_000)  # many parts
    rng = np.random.default_rng(0)
    y = labels(*[8] * 7)
    codes = (rng.normal(size=(7, 16))[y] * 0.6 + rng.normal(size=(56, 16)) + 100).astype(np.float32)
    table = draw_episodes(y, ways=5, shots=shots, queries=4, episodes=60, seed=0)
    found = few_shot_accuracy(codes, table)
    np.testing.assert_array_equal(found, slow_accuracies(codes.astype(np.float64), table))
    assert 0.3 < found.mean() < 0.95


def test_a_scorer_takes_the_place_of_the_distance():
    rng = np.random.default_rng(1)
    codes = rng.normal(size=(40, 6)).astype(np.float32)
    table = draw_episodes(labels(*[8] * 5), ways=4, shots=2, queries=3, episodes=20, seed=0)

    def score(support, query):
        return (support * query).sum(-1) + support[:, 0]

    np.testing.assert_array_equal(few_shot_accuracy(codes, table, score), slow_accuracies(codes, table, score))


def test_a_perfect_code_is_always_right_and_a_constant_one_at_chance():
    y = labels(*[10] * 8)
    table = draw_episodes(y, ways=5, shots=1, queries=5, episodes=100, seed=0)
    assert (few_shot_accuracy(np.eye(8, dtype=np.float32)[y], table) == 1).all()
    np.testing.assert_allclose(few_shot_accuracy(np.ones((80, 3), dtype=np.float32), table), 0.2)


def test_one_query_an_episode_is_of_a_way_drawn_at_random():
    y = labels(*[6] * 8)
    full = draw_episodes(y, ways=5, shots=1, queries=2, episodes=4000, seed=0)
    once = ask_once(full, seed=0)
    assert (y[once.query[:, 0, 0]] == np.take_along_axis(once.classes, once.targets, 1)[:, 0]).all()
    assert (once.query[:, :, 0] == np.take_along_axis(full.query[..., 0], once.asked, 1)).all()
    counts = np.bincount(once.asked.ravel(), minlength=5)
    assert ((counts - 800) ** 2 / 800).sum() < 33.4  # chi squared of four degrees of freedom, one in a million
    # a code that ties every way is right by luck alone, and a perfect one always
    tied = few_shot_accuracy(np.ones((48, 3), dtype=np.float32), once)
    assert set(tied.tolist()) == {0.0, 1.0} and abs(tied.mean() - 0.2) < 5 * np.sqrt(0.16 / 4000)
    assert (few_shot_accuracy(np.eye(8, dtype=np.float32)[y], once) == 1).all()


@pytest.mark.parametrize("once", [False, True])
def test_saved_episodes_are_read_back_for_samples_in_another_order(once, tmp_path):
    y, rows = labels(*[6] * 8), np.arange(48) * 3 + 100
    table = draw_episodes(y, ways=5, shots=2, queries=2, episodes=30, seed=0)
    table = ask_once(table, seed=0) if once else table
    path = save_episodes(table, tmp_path / "episodes.json", rows=rows)
    order = np.random.default_rng(0).permutation(48)
    read = load_episodes(path, rows=rows[order], labels=y[order])
    assert read.digest(rows[order]) == table.digest(rows) == json.loads(path.read_text())["hash"]
    codes = np.random.default_rng(1).normal(size=(48, 4)).astype(np.float32)
    np.testing.assert_array_equal(few_shot_accuracy(codes, table), few_shot_accuracy(codes[order], read))


def test_episodes_that_do_not_fit_are_refused(tmp_path):
    y, rows = labels(*[6] * 8), np.arange(48)
    table = draw_episodes(y, ways=5, shots=1, queries=1, episodes=3, seed=0)
    path = save_episodes(table, tmp_path / "episodes.json", rows=rows)
    with pytest.raises(ProtocolError, match="other samples"):
        load_episodes(path, rows=rows[:40] + 1000, labels=y[:40])
    with pytest.raises(ProtocolError, match="other classes"):
        load_episodes(path, rows=rows, labels=(y + 1) % 8)
    plain = json.loads(path.read_text())
    plain["query"][0][0], plain["query"][0][1] = plain["query"][0][1], plain["query"][0][0]
    path.write_text(json.dumps(plain))
    with pytest.raises(DamagedArtefactError, match="changed"):
        load_episodes(path, rows=rows, labels=y)
    path.write_text(json.dumps(plain | {"classes": [[0, 1]]}))
    with pytest.raises(DamagedArtefactError, match="no list of episodes"):
        load_episodes(path, rows=rows, labels=y)
