"""A frozen backbone stays bit for bit what it was, and its owner gets every flag back."""

import copy
import hashlib
import struct
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, spectral_norm

from unbraid.core.errors import FrozenError
from unbraid.core.freezing import FrozenGuard
from unbraid.core.interfaces import Backbone, BackboneInfo, ImageSpec, LatentSpec, Posterior

# torch says that the old spectral norm is deprecated; models that people have trained still hold it
pytestmark = pytest.mark.filterwarnings("ignore:.*spectral_norm.*:FutureWarning")


class Stubborn(nn.Module):
    """Overrides `eval`, as models do that keep their batch statistics moving."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(6)

    def eval(self) -> "Stubborn":
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x)


class EverythingEncoder(nn.Module):
    """Every kind of state that moves when nobody looks."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 6, 4)
        self.norm = nn.BatchNorm2d(6)
        self.old = spectral_norm(nn.Linear(6, 6))
        self.new = parametrizations.spectral_norm(nn.Linear(6, 6))
        self.stubborn = Stubborn()
        self.tied = nn.Linear(6, 6)
        self.again = nn.Linear(6, 6)
        self.again.weight = self.tied.weight
        self.dropout = nn.Dropout(0.5)
        self.user_frozen = nn.Parameter(torch.ones(6), requires_grad=False)
        self.register_buffer("calls", torch.zeros(()), persistent=False)

    def forward(self, x: Tensor) -> Posterior:
        if self.training:
            self.calls += 1
        h = self.dropout(self.norm(self.convolution(x)).relu()).flatten(1)
        h = self.stubborn(self.new(self.old(h))) * self.user_frozen
        return Posterior(self.again(self.tied(h)))


class Spread(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 16)
        self.norm = nn.BatchNorm1d(16)

    def forward(self, z: Tensor) -> Tensor:
        return self.norm(self.layer(z)).sigmoid().reshape(-1, 1, 4, 4)


INFO = BackboneInfo(
    adapter="modules", input=ImageSpec(1, 4, 4), latent=LatentSpec((6,)), config={"depth": 3, "weights": "a"}
)


def make() -> Backbone:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder, decoder = EverythingEncoder(), Spread()
    encoder.dropout.eval()  # flags that differ from module to module
    decoder.norm.weight.requires_grad_(False)
    return Backbone(encoder, decoder, INFO)


@pytest.fixture
def backbone() -> Backbone:
    return make()


@pytest.fixture
def images() -> Tensor:
    return torch.rand(8, 1, 4, 4, generator=torch.Generator().manual_seed(1))


def flags(module: nn.Module) -> dict[str, bool]:
    modes = {f"{name}.training": part.training for name, part in module.named_modules()}
    return modes | {name: p.requires_grad for name, p in module.named_parameters()}


def state(module: nn.Module) -> dict[str, bytes]:
    """Every parameter and buffer, persistent or not, as bytes; written without the guard's help."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    return {name: t.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() for name, t in tensors}


def test_verbs_change_nothing(backbone: Backbone, images: Tensor) -> None:
    before, flags_before, guard = state(backbone), flags(backbone), FrozenGuard(backbone)
    first = backbone.encode(images)
    second = backbone.encode(images)
    pictures = backbone.decode(first)
    assert torch.equal(first, second), "the encoder was in training mode"
    assert pictures.shape == images.shape
    assert state(backbone) == before and flags(backbone) == flags_before
    guard.verify()


def test_the_same_model_unfrozen_does_move(backbone: Backbone, images: Tensor) -> None:
    """The model of these tests can move; otherwise they would prove nothing."""
    before, guard = state(backbone), FrozenGuard(backbone)
    backbone.encoder(images)
    moved = {name for name, raw in state(backbone).items() if raw != before[name]}
    expected = {"norm.running_mean", "old.weight_u", "new.parametrizations.weight.0._u", "stubborn.norm.running_var"}
    assert {f"encoder.{name}" for name in expected} | {"encoder.calls"} <= moved
    with pytest.raises(FrozenError, match="the frozen backbone moved"):
        guard.verify()


def test_everything_is_frozen_while_held(backbone: Backbone) -> None:
    before = flags(backbone)
    backbone.hold()
    assert not any(flags(backbone).values()), "a mode or a requires_grad was left on"
    backbone.release()
    assert flags(backbone) == before


def test_nested_holds(backbone: Backbone, images: Tensor) -> None:
    before = flags(backbone)
    backbone.hold()
    backbone.hold()
    with backbone.frozen():
        backbone.encode(images)
    backbone.release()
    assert not any(flags(backbone).values())
    backbone.release()
    assert flags(backbone) == before
    backbone.release()  # one too many is harmless
    backbone.hold()
    assert not any(flags(backbone).values())
    backbone.release()
    assert flags(backbone) == before


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_backbones_that_share_an_encoder(order: tuple[int, int]) -> None:
    encoder = EverythingEncoder()
    pair = [Backbone(encoder, Spread(), INFO), Backbone(encoder, None, replace(INFO, capabilities=frozenset()))]
    before = [flags(backbone) for backbone in pair]
    for backbone in pair:
        backbone.hold()
    pair[order[0]].release()
    assert not any(flags(encoder).values()), "the first to leave thawed what the other holds"
    pair[order[1]].release()
    assert [flags(backbone) for backbone in pair] == before


def test_flags_come_back_after_an_exception(backbone: Backbone) -> None:
    before = flags(backbone)
    with pytest.raises(RuntimeError):
        backbone.encode(torch.zeros(2, 3, 4, 4))  # the wrong number of channels
    assert flags(backbone) == before
    backbone.hold()
    with pytest.raises(KeyboardInterrupt), backbone.frozen():
        raise KeyboardInterrupt
    assert not any(flags(backbone).values())
    backbone.release()
    assert flags(backbone) == before


def test_train_and_eval_on_the_backbone_do_nothing(backbone: Backbone) -> None:
    before = flags(backbone)
    owner = nn.ModuleDict({"backbone": backbone, "head": nn.Linear(2, 2)})
    assert backbone.train() is backbone and backbone.eval() is backbone
    owner.eval()
    owner.train()
    assert flags(backbone) == before
    backbone.hold()
    owner.train()
    assert owner["head"].training and not any(flags(backbone).values())
    backbone.release()
    assert flags(backbone) == before


def test_training_mode_behind_its_back_is_refused(backbone: Backbone, images: Tensor) -> None:
    backbone.hold()
    backbone.encoder.norm.train()
    with pytest.raises(FrozenError, match=r"encoder\.norm\.training is True"):
        backbone.encode(images)
    backbone.release()


def test_gradients_reach_the_input_and_no_weight(backbone: Backbone, images: Tensor) -> None:
    images.requires_grad_()
    backbone.decode(backbone.encode(images)).square().sum().backward()
    assert images.grad is not None and images.grad.abs().sum() > 0
    assert all(p.grad is None for p in backbone.parameters())


def test_gradient_of_the_frozen_encoder_is_the_true_one(backbone: Backbone) -> None:
    backbone.double()
    x = torch.rand(2, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(backbone.encode, (x,))


def test_a_model_that_changed_while_held_is_given_back(backbone: Backbone) -> None:
    old, weight = backbone.encoder.convolution, backbone.encoder.tied.weight
    backbone.hold()
    backbone.encoder.convolution = nn.Conv2d(1, 6, 4)
    backbone.encoder.tied.weight = nn.Parameter(torch.zeros(6, 6))
    backbone.release()
    assert old.training and old.weight.requires_grad, "what was taken out stayed frozen"
    assert weight.requires_grad
    assert backbone.encoder.convolution.training and backbone.encoder.convolution.weight.requires_grad
    backbone.hold()
    assert not any(flags(backbone).values()), "what was put in is not frozen"
    backbone.release()


def test_a_copy_is_nobodys(backbone: Backbone, images: Tensor) -> None:
    before = flags(backbone)
    backbone.hold()
    twin = copy.deepcopy(backbone)
    assert twin.fingerprint == backbone.fingerprint
    twin.hold()
    twin.release()
    twin.release()
    assert not any(flags(backbone).values()), "the copy gave back what it did not take"
    backbone.release()
    assert flags(backbone) == before
    assert torch.equal(twin.encode(images), backbone.encode(images))


def test_a_thread_that_leaves_early_does_not_thaw_the_others(backbone: Backbone) -> None:
    before = flags(backbone)
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with backbone.frozen():
            inside.set()
            leave.wait(60)

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(60)
    with backbone.frozen():
        leave.set()
        thread.join(60)
        assert not any(flags(backbone).values())
    assert flags(backbone) == before


def change_weight(b: Backbone) -> None:
    with torch.no_grad():
        b.encoder.tied.weight[0, 0] += 1e-7


def change_sign_of_zero(b: Backbone) -> None:
    with torch.no_grad():
        b.encoder.norm.bias[0] = -b.encoder.norm.bias[0]


def change_buffer(b: Backbone) -> None:
    b.encoder.norm.running_mean[0] += 1e-7


def change_integer_buffer(b: Backbone) -> None:
    b.encoder.norm.num_batches_tracked += 1


def change_passing_buffer(b: Backbone) -> None:
    b.encoder.calls += 1


def change_decoder(b: Backbone) -> None:
    with torch.no_grad():
        b.decoder.layer.bias[3] = 0.25


def change_mode(b: Backbone) -> None:
    b.encoder.norm.training = not b.encoder.norm.training


def change_requires_grad(b: Backbone) -> None:
    b.encoder.user_frozen.requires_grad_(True)


def leave_a_gradient(b: Backbone) -> None:
    b.encoder.tied.weight.grad = torch.zeros(6, 6)


def change_dtype(b: Backbone) -> None:
    b.encoder.user_frozen.data = b.encoder.user_frozen.data.double()


def add_a_buffer(b: Backbone) -> None:
    b.encoder.register_buffer("extra", torch.zeros(1))


def remove_a_part(b: Backbone) -> None:
    del b.decoder.norm


def untie(b: Backbone) -> None:
    b.encoder.again.weight = nn.Parameter(b.encoder.tied.weight.detach() + 1)


MOVES = [
    change_weight,
    change_sign_of_zero,
    change_buffer,
    change_integer_buffer,
    change_passing_buffer,
    change_decoder,
    change_mode,
    change_requires_grad,
    leave_a_gradient,
    change_dtype,
    add_a_buffer,
    remove_a_part,
    untie,
]


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
def test_the_guard_notices(backbone: Backbone, move: Callable[[Backbone], None]) -> None:
    guard = FrozenGuard(backbone)
    guard.verify()
    move(backbone)
    with pytest.raises(FrozenError, match="changed: "):
        guard.verify()


def test_the_guard_names_what_moved(backbone: Backbone) -> None:
    guard = FrozenGuard(backbone)
    change_buffer(backbone)
    with pytest.raises(FrozenError, match=r"changed: encoder\.norm\.running_mean\n"):
        guard.verify()


def test_the_guard_accepts_nan_that_was_there(backbone: Backbone) -> None:
    backbone.encoder.norm.running_mean[0] = float("nan")
    FrozenGuard(backbone).verify()


def leave_as_is(b: Backbone) -> None:
    pass


def lay_out_otherwise(b: Backbone) -> None:
    for parameter in b.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        elif parameter.dim() == 2:
            parameter.data = parameter.data.t().contiguous().t()
        else:
            parameter.data = torch.stack([parameter.data, parameter.data], -1)[..., 0]


def reorder(b: Backbone) -> None:
    for module in b.modules():
        for members in (module._modules, module._parameters, module._buffers):
            for name in list(members)[::-1]:
                members[name] = members.pop(name)


def set_flags(b: Backbone) -> None:
    for parameter in b.parameters():
        parameter.requires_grad_(False)
    b.encoder.train(False)


def move_the_weights_file(b: Backbone) -> None:
    b.info = replace(b.info, config=dict(b.info.config) | {"weights": "/elsewhere/a"})


def reorder_the_config(b: Backbone) -> None:
    b.info = replace(b.info, config=dict(reversed(b.info.config.items())))


def keep_as_halves(b: Backbone) -> None:
    """How latents are stored is not what the model is."""
    b.info = replace(b.info, latent=replace(b.info.latent, storage="float16"))


SAME = [
    leave_as_is,
    lay_out_otherwise,
    reorder,
    set_flags,
    move_the_weights_file,
    reorder_the_config,
    keep_as_halves,
    leave_a_gradient,
]


@pytest.mark.parametrize("change", SAME, ids=lambda change: change.__name__)
def test_the_fingerprint_stays(backbone: Backbone, change: Callable[[Backbone], None]) -> None:
    change(backbone)
    assert backbone.fingerprint == make().fingerprint


def test_the_fingerprint_is_the_same_on_a_gpu(backbone: Backbone) -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    assert backbone.to("cuda").fingerprint == make().fingerprint


def test_the_fingerprint_is_the_hash_it_says() -> None:
    """Heads that people keep hold it: a change of the algorithm must be on purpose, under another name."""
    plain = Backbone(nn.Linear(2, 1), None, replace(INFO, capabilities=frozenset()))
    with torch.no_grad():
        plain.encoder.weight.copy_(torch.tensor([[1.0, -2.0]]))
        plain.encoder.bias.fill_(0.5)
    described = b'{"adapter": "modules", "config": {"depth": 3}, "input": [1, 4, 4], "latent": [6]}'
    bias = b"encoder.bias|float32|(1,)|" + struct.pack("<f", 0.5)
    weight = b"encoder.weight|float32|(1, 2)|" + struct.pack("<2f", 1, -2)
    assert plain.fingerprint == "sha256-tensors-v1:" + hashlib.sha256(described + bias + weight).hexdigest()
    assert plain.fingerprint.endswith("2c27029ab4fae08c4dd9fd91496a0bf4b326ebc9b82385a56b3431a54dd1258e")


def change_config(b: Backbone) -> None:
    b.info = replace(b.info, config=dict(b.info.config) | {"depth": 4})


def change_input(b: Backbone) -> None:
    b.info = replace(b.info, input=ImageSpec(1, 4, 5))


def change_latent(b: Backbone) -> None:
    b.info = replace(b.info, latent=LatentSpec((7,)))


def change_adapter(b: Backbone) -> None:
    b.info = replace(b.info, adapter="vae")


def rename(b: Backbone) -> None:
    b.encoder.dense = b.encoder.tied
    del b.encoder.tied


def reshape(b: Backbone) -> None:
    b.encoder.user_frozen.data = b.encoder.user_frozen.data.reshape(2, 3)


def swap_equal_shapes(b: Backbone) -> None:
    first, second = b.encoder.old.bias, b.encoder.tied.bias
    first.data, second.data = second.data, first.data


OTHER = [
    change_weight,
    change_sign_of_zero,
    change_buffer,
    change_integer_buffer,
    change_decoder,
    change_dtype,
    add_a_buffer,
    remove_a_part,
    untie,
    change_config,
    change_input,
    change_latent,
    change_adapter,
    rename,
    reshape,
    swap_equal_shapes,
]


@pytest.mark.parametrize("change", OTHER, ids=lambda change: change.__name__)
def test_the_fingerprint_changes(backbone: Backbone, change: Callable[[Backbone], None]) -> None:
    change(backbone)
    assert backbone.fingerprint != make().fingerprint
