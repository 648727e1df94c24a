import pytest
import torch
from torch.nn import functional as F

from unbraid.core.errors import CapabilityError, ConfigError, LabelError
from unbraid.core.interfaces import DEFAULT_DOMAIN, Draws, LabelSpec, LatentSpec, Rows
from unbraid.core.latents import Latents
from unbraid.core.training import FitSettings, train
from unbraid.plugins.dr_gan.config import DRGANConfig
from unbraid.plugins.dr_gan.model import DRGAN

NARROW = {"identity": 4, "noise": 2, "encoder": (16,), "decoder": (16,), "discriminator": (16,), "reader": (16,)}
IDENTITIES, POSES = 5, 3


def make(width=6, **settings):
    torch.manual_seed(0)
    return DRGAN(DRGANConfig(**{**NARROW, **settings}), LatentSpec((width,)), IDENTITIES, POSES)


def latents_of(z, identity, pose):
    return {
        DEFAULT_DOMAIN: Latents(
            mean=z,
            log_variance=None,
            labels={"content": torch.as_tensor(identity), "style": torch.as_tensor(pose)},
            spec=LatentSpec(tuple(z.shape[1:])),
            classes={"content": IDENTITIES, "style": POSES},
        )
    }


def prepared(pose=(0, 1, 2, 0, 1, -1), identity=(0, 1, 2, 3, 4, -1), **settings):
    head = make(**settings)
    z = torch.randn(len(pose), 6, generator=torch.Generator().manual_seed(1))
    head.prepare(latents_of(z, identity, pose))
    labels = {"content": torch.as_tensor(identity), "style": torch.as_tensor(pose)}
    return head, {"rows": Rows(z, labels)}, {each.name: each for each in head.objectives({})}


def drawn(head, x):
    """What the game draws, drawn again: poses and rows in them."""
    draws = Draws(0, "t", 0)
    seen = head.poses.nonzero()[:, 0]
    pose = seen[draws.below(torch.full((len(x),), len(seen)))]
    noise = 2 * draws.uniform(len(x), head.config.noise) - 1
    return head.decoder(torch.cat([head.encoder(x), torch.eye(POSES)[pose], noise], 1)), pose


@pytest.mark.parametrize("verdict", ["binary", "extra_class"])
def test_both_players_against_loops_over_rows(verdict):
    head, batch, objectives = prepared(verdict=verdict)
    x, labels = head.standardised(batch["rows"].z), batch["rows"].labels
    made_up, target = drawn(head, x)
    real, fake = head.discriminator.network(x), head.discriminator.network(made_up)
    named = IDENTITIES if verdict == "binary" else IDENTITIES + 1  # identities a row can be given

    def of_identity(logits, label):
        return [-logits[i, :named].log_softmax(0)[y] for i, y in enumerate(label.tolist()) if y >= 0]

    def of_pose(logits, label):
        return [-logits[i, IDENTITIES + 1 :].log_softmax(0)[y] for i, y in enumerate(label.tolist()) if y >= 0]

    def mean(values):
        return torch.stack(list(values)).mean()

    judged = {"identity": mean(of_identity(real, labels["content"])), "pose": mean(of_pose(real, labels["style"]))}
    deceit = {"identity": mean(of_identity(fake, labels["content"])), "pose": mean(of_pose(fake, target))}
    if verdict == "binary":
        judged["real"], deceit["real"] = (-F.logsigmoid(each[:, IDENTITIES]).mean() for each in (real, fake))
        judged["made_up"] = -torch.log1p(-fake[:, IDENTITIES].sigmoid()).mean()
    else:
        judged["made_up"] = mean(-row[:named].log_softmax(0)[IDENTITIES] for row in fake)
    for name, expected in (("judge", judged), ("generate", deceit)):
        found = objectives[name].loss(batch, Draws(0, "t", 0))
        assert set(found) == set(expected)
        for term, value in expected.items():
            torch.testing.assert_close(found[term].value, value)


def test_who_moves_whom():
    head, batch, objectives = prepared()
    owners = {"judge": {"discriminator"}, "generate": {"encoder", "decoder"}, "read": {"reader"}}
    for name, moved in owners.items():
        objective = objectives[name]
        mine = {id(p) for p in objective.parameters}
        assert {n.split(".")[0] for n, p in head.named_parameters() if id(p) in mine} == moved
    head.zero_grad()
    sum(term.value for term in objectives["judge"].loss(batch, Draws(0, "t", 0)).values()).backward()
    assert {n.split(".")[0] for n, p in head.named_parameters() if p.grad is not None} == {"discriminator"}


def test_discriminator_rests_while_it_wins():
    head, _, objectives = prepared(accuracy_limit=0.8)
    for accuracy, learns in ((0.5, True), (0.85, False)):
        head.discriminator.accuracy.fill_(accuracy)
        assert objectives["judge"].gate().item() is learns


def test_poses_without_rows_are_neither_drawn_nor_named():
    head, batch, _ = prepared(pose=(0, 0, 2, 2, 0, -1))
    factors = head.disentangle(batch["rows"].z)
    assert factors["pose"][:, 1].max() < 1e-12
    torch.testing.assert_close(factors["pose"].sum(1), torch.ones(6))


def test_the_discriminator_is_not_kept():
    kept = {name.split(".")[0] for name in make().head_state()}
    assert kept == {"standardise", "encoder", "decoder", "reader", "poses"}


def faces(n, seed):
    """An identity in two numbers, a pose that shifts two others, and one number that neither names."""
    g = torch.Generator().manual_seed(seed)
    identity, pose = torch.randint(IDENTITIES, (n,), generator=g), torch.randint(POSES, (n,), generator=g)
    angle = identity * 2 * torch.pi / IDENTITIES
    turn = pose * 2 * torch.pi / POSES
    other = torch.randn(n, 1, generator=g)
    noise = 0.1 * torch.randn(n, 4, generator=g)
    z = torch.cat([torch.stack([angle.cos(), angle.sin(), turn.cos(), turn.sin()], 1) + noise, other], 1)
    return z, identity, pose


def test_identities_turn_into_the_pose_that_is_stated():
    z, identity, pose = faces(600, 0)
    head = make(width=5, identity=8, lr=1e-3, rows=64, encoder=(32,), decoder=(32,), discriminator=(32,))
    source = latents_of(z, identity, pose)
    head.prepare(source)
    train(head, head.objectives({}), source, FitSettings(steps=500, quiet=True))
    head.eval()
    new, truth, _ = faces(300, 1)
    with torch.no_grad():
        target = torch.arange(300) % POSES
        made = head.entangle({**head.disentangle(new), "pose": torch.eye(POSES)[target]})
    assert (head.disentangle(made)["pose"].argmax(1) == target).float().mean() > 0.9
    centres = torch.stack([z[identity == i, :2].mean(0) for i in range(IDENTITIES)])
    nearest = torch.cdist(made[:, :2], centres).argmin(1)
    assert (nearest == truth).float().mean() > 0.8


@pytest.mark.parametrize(
    "wrong", [{"identity": 0}, {"noise": -1}, {"verdict": "wasserstein"}, {"reader": ()}, {"lr": 0.0}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        DRGANConfig(**wrong)


def test_what_it_cannot_be_built_for():
    with pytest.raises(CapabilityError, match="too wide"):
        DRGAN(DRGANConfig(), LatentSpec((3, 64, 64)), 2, 2)
    with pytest.raises(LabelError, match="pose by a style label"):
        DRGAN.build(DRGANConfig(), {DEFAULT_DOMAIN: LatentSpec((4,))}, {"content": LabelSpec("who", ("a", "b"))})
    with pytest.raises(LabelError, match="told pose"):
        prepared(pose=(-1,) * 6)
