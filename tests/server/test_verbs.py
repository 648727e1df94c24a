"""The verbs over HTTP give what the bundle gives in process."""

import numpy as np
import pytest

from unbraid.core.evaluation.episodes import EpisodeTable
from unbraid.core.evaluation.few_shot import few_shot_accuracy
from unbraid.core.server.few_shot import class_scores, prototype_scores


def call(http, model, inputs, **parameters):
    tensors = [
        {
            "name": name,
            "datatype": "INT64" if array.dtype.kind == "i" else "FP32",
            "shape": list(array.shape),
            "data": array.ravel().tolist(),
        }
        for name, array in inputs.items()
    ]
    answer = http.post(f"/v2/models/{model}/infer", json={"inputs": tensors, "parameters": parameters})
    assert answer.status_code == 200, answer.text
    return {t["name"]: np.array(t["data"]).reshape(t["shape"]) for t in answer.json()["outputs"]}


def near(found, expected):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())


def test_factors(http, bundle, images):
    found, expected = call(http, "factors", {"image": images}), bundle.disentangle(images)
    assert list(found) == list(expected)
    for name, value in expected.items():
        near(found[name], value)


def test_reconstruct(http, bundle, images):
    near(call(http, "reconstruct", {"image": images})["image"], bundle.reconstruct(images))


def test_transfer(http, bundle, images):
    content, style = images, images[::-1].copy()
    near(
        call(http, "transfer", {"content": content, "style": style})["image"],
        bundle.transfer(content=content, style=style),
    )


@pytest.mark.parametrize("steps", [2, 4])
def test_interpolate(http, bundle, images, steps):
    first, second = images, images[::-1].copy()
    found = call(http, "interpolate", {"first": first, "second": second}, steps=steps)["image"]
    near(found, bundle.interpolate(first, second, steps))


def test_few_shot_is_the_best_mean_score(http, bundle, images):
    rng = np.random.default_rng(5)
    support, query = rng.random((5, 1, 8, 8), np.float32), images
    labels = np.array([4, 9, 4, -2, 9])
    found = call(http, "few_shot", {"support": support, "support_label": labels, "query": query})
    assert found["classes"].tolist() == [-2, 4, 9]
    for row, one in enumerate(query):
        alike = bundle.score(support, np.repeat(one[None], 5, 0))
        near(found["scores"][row], np.array([alike[labels == label].mean() for label in (-2, 4, 9)]))
    assert np.array_equal(found["label"], found["classes"][found["scores"].argmax(1)])


def test_few_shot_agrees_with_what_evaluation_measures():
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((60, 6)) + np.repeat(rng.standard_normal((6, 6)), 10, 0)
    support, query = np.arange(60).reshape(6, 10)[None, :, :3], np.arange(60).reshape(6, 10)[None, :, 3:]
    labels, targets = np.repeat(np.arange(6), 3), np.repeat(np.arange(6), 7)
    known, asked = codes[support.ravel()], codes[query.ravel()]
    episodes = EpisodeTable(support=support, query=query, classes=np.arange(6)[None])
    accuracy = few_shot_accuracy(codes, episodes)
    assert 0.2 < accuracy[0] < 1
    assert (prototype_scores(labels, known, asked).label == targets).mean() == pytest.approx(accuracy[0])
    alike = asked @ known.T
    accuracy = few_shot_accuracy(codes, episodes, lambda a, b: (a * b).sum(-1))
    assert (class_scores(labels, alike).label == targets).mean() == pytest.approx(accuracy[0])


@pytest.mark.parametrize("steps", [1, 17, 2.5, True, "3"])
def test_steps_out_of_range_are_refused(http, images, steps):
    tensors = [
        {"name": name, "datatype": "FP32", "shape": [1, 1, 8, 8], "data": images[0].ravel().tolist()}
        for name in ("first", "second")
    ]
    answer = http.post("/v2/models/interpolate/infer", json={"inputs": tensors, "parameters": {"steps": steps}})
    assert answer.status_code == 400 and "from 2 to 16" in answer.json()["error"]


def test_too_many_images_are_refused_before_they_are_made(http, images):
    many = images[:1].repeat(20, 0)
    tensors = [
        {"name": name, "datatype": "FP32", "shape": list(many.shape), "data": many.ravel().tolist()}
        for name in ("first", "second")
    ]
    answer = http.post("/v2/models/interpolate/infer", json={"inputs": tensors, "parameters": {"steps": 16}})
    assert answer.status_code == 413
