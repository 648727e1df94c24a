"""Several heads, and what a service is made of."""

import asyncio

import numpy as np
import pytest

import unbraid
from unbraid.core.errors import ConfigError
from unbraid.core.server.inference import Inference
from unbraid.core.server.limits import Limits
from unbraid.core.server.service import Service


def call(service, name, inputs, **parameters):
    async def run():
        return await service.infer(service.model(name), Inference("", inputs, parameters, {}))

    return asyncio.run(run())


@pytest.fixture(scope="module")
def two_heads(toys, tmp_path_factory):
    backbone = toys.make_backbone()
    models = {"a": toys.make_model(backbone), "b": toys.make_model(backbone)}
    path = unbraid.export_bundle(models, tmp_path_factory.mktemp("heads") / "both").path
    for model in models.values():
        model.detach()
    return unbraid.load_bundle(path)


def test_heads_share_an_encoder_and_have_verbs_of_their_own(two_heads, images):
    service = Service({"both": two_heads})
    own = {"disentangle", "entangle", "score", "classify", "vary", "factors", "reconstruct", "transfer", "interpolate"}
    own |= {"few_shot", "compare"}
    assert set(service.models) == {"encode", "decode"} | {f"{head}-{name}" for head in "ab" for name in own}
    for head in ("a", "b"):
        expected = two_heads.head(head).transfer(content=images, style=images[::-1])
        found = call(service, f"{head}-transfer", {"content": images, "style": images[::-1].copy()})["image"]
        assert np.abs(found - expected).max() <= 1e-5
    assert set(Service({"x": two_heads, "y": two_heads}).models) >= {"x-encode", "y-a-factors"}


def test_a_name_that_could_not_be_in_a_url_is_refused(bundle):
    for name in ("", "A", "a b", "../x", "x" * 60):
        with pytest.raises(ConfigError, match="no name for a model"):
            Service({name: bundle, "other": bundle})
    with pytest.raises(ConfigError, match="nothing to serve"):
        Service({})


def test_limits_are_positive():
    with pytest.raises(ConfigError, match="rows"):
        Limits(rows=0)
    with pytest.raises(ConfigError, match="body_seconds"):
        Limits(body_seconds=float("nan"))
