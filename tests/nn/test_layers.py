import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from unbraid.core.errors import ConfigError, UnknownNameError
from unbraid.core.interfaces import LatentSpec
from unbraid.core.latents import Latents
from unbraid.core.nn import (
    MLP,
    Standardise,
    gaussian_kl,
    gradient_reversal,
    initialise,
    recalibrate_batch_norm,
)


def latents_of(mean):
    return Latents(mean=mean, log_variance=None, labels={}, spec=LatentSpec(tuple(mean.shape[1:])), classes={})


class TestGradientReversal:
    def test_value_unchanged_and_gradient_negated(self):
        x = torch.randn(4, 3, requires_grad=True)
        weight = torch.randn(4, 3)
        y = gradient_reversal(x, 2.5)
        assert torch.equal(y, x)
        (y * weight).sum().backward()
        torch.testing.assert_close(x.grad, -2.5 * weight)

    def test_what_follows_learns_the_other_way_than_what_precedes(self):
        before, after = (torch.tensor(2.0, requires_grad=True) for _ in range(2))
        (gradient_reversal(before) * after).backward()
        assert (before.grad.item(), after.grad.item()) == (-2.0, 2.0)

    @pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
    def test_exports_as_the_identity(self, tmp_path):
        class Reversed(nn.Module):
            def forward(self, x):
                return gradient_reversal(x) + 1

        torch.onnx.export(Reversed().eval(), (torch.zeros(2, 3),), tmp_path / "m.onnx", dynamo=True, verbose=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(tmp_path / "m.onnx", options, providers=["CPUExecutionProvider"])
        x = np.arange(6, dtype=np.float32).reshape(2, 3)
        (y,) = session.run(None, {session.get_inputs()[0].name: x})
        np.testing.assert_array_equal(y, x + 1)


def test_gaussian_kl_is_that_of_torch_distributions():
    mean, log_variance = torch.randn(2, 5, 3, 2, dtype=torch.float64).unbind()
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum((1, 2))
    torch.testing.assert_close(gaussian_kl(mean, log_variance), expected)


class TestStandardise:
    def test_dim_is_numpy(self):
        z = (np.random.default_rng(0).normal(size=(50, 6)) * [1, 2, 3, 4, 5, 0] + 7).astype(np.float32)
        layer = Standardise(LatentSpec((6,)))
        layer.fit(latents_of(torch.from_numpy(z)))
        std = np.maximum(z.std(0, dtype=np.float64), 1e-3)
        assert std[-1] == 1e-3  # the collapsed dimension
        np.testing.assert_allclose(
            layer(torch.from_numpy(z)).numpy(), (z - z.mean(0, dtype=np.float64)) / std, atol=1e-5
        )

    def test_channel_is_numpy_over_rows_and_positions(self):
        z = np.random.default_rng(0).normal(size=(40, 3, 4, 5)).astype(np.float32)
        z += np.arange(5, dtype=np.float32)  # positions differ in their mean
        layer = Standardise(LatentSpec((3, 4, 5)), "channel")
        layer.fit(latents_of(torch.from_numpy(z)))
        np.testing.assert_allclose(layer.mean.flatten().numpy(), z.mean((0, 2, 3)), atol=1e-5)
        np.testing.assert_allclose(layer.std.flatten().numpy(), z.std((0, 2, 3)), rtol=1e-5)
        assert layer(torch.from_numpy(z)).shape == z.shape

    @pytest.mark.parametrize("mode", ["none", "dim", "channel"])
    @pytest.mark.parametrize("shape", [(6,), (3, 4, 5)])
    def test_inverse_undoes_forward(self, mode, shape):
        z = 3 * torch.randn(30, *shape) + 2
        layer = Standardise(LatentSpec(shape), mode)
        layer.fit(latents_of(z))
        torch.testing.assert_close(layer.inverse(layer(z)), z)
        if mode == "none":
            assert torch.equal(layer(z), z)

    def test_statistics_travel_with_the_state(self):
        z = 3 * torch.randn(30, 4) + 2
        fitted, other = Standardise(LatentSpec((4,))), Standardise(LatentSpec((4,)))
        fitted.fit(latents_of(z))
        other.load_state_dict(fitted.state_dict())
        assert torch.equal(other(z), fitted(z))

    def test_unknown_mode_is_refused(self):
        with pytest.raises(ConfigError, match="standardise"):
            Standardise(LatentSpec((4,)), "whiten")


class TestMLP:
    def test_is_the_written_out_sequence(self):
        net = MLP((4, 8, 6, 3), slope=0.2).eval()
        net.norm1.running_mean.normal_()
        net.norm1.running_var.uniform_(0.5, 2)
        x = torch.randn(5, 4)
        h = x @ net.linear1.weight.T + net.linear1.bias
        h = (h - net.norm1.running_mean) / (net.norm1.running_var + net.norm1.eps).sqrt()
        h = torch.where(h > 0, h, 0.2 * h)
        h = h @ net.linear2.weight.T + net.linear2.bias
        h = torch.where(h > 0, h, 0.2 * h)
        torch.testing.assert_close(net(x), h @ net.linear3.weight.T + net.linear3.bias)

    def test_names_do_not_depend_on_dropout(self):
        assert MLP((4, 8, 3)).state_dict().keys() == MLP((4, 8, 3), dropout=0.2).state_dict().keys()

    def test_dropout_precedes_every_linear_layer(self):
        kinds = [type(layer).__name__ for layer in MLP((4, 8, 3), dropout=0.2)]
        assert kinds == ["Dropout", "Linear", "BatchNorm1d", "LeakyReLU", "Dropout", "Linear"]

    @pytest.mark.parametrize(("widths", "dropout"), [((4,), 0.0), ((4, 0), 0.0), ((4, 2), 1.0)])
    def test_refuses_what_is_no_network(self, widths, dropout):
        with pytest.raises(ConfigError):
            MLP(widths, dropout=dropout)


class TestInitialise:
    def test_spreads(self):
        net = MLP((300, 500, 400))
        for how, expected in {
            "glorot": (2 / 800) ** 0.5,
            "he": (2 / (1 + 0.01**2) / 300) ** 0.5,
            # standard deviation of a normal cut at two of them
            "truncated_normal": 0.001 * 0.8796,
        }.items():
            initialise(net, how)
            assert net.linear1.weight.std().item() == pytest.approx(expected, rel=0.02)
            assert not net.linear1.bias.any()
        assert net.linear1.weight.abs().max() <= 0.002

    def test_unknown_name_comes_with_a_near_one(self):
        with pytest.raises(UnknownNameError, match="did you mean 'glorot'"):
            initialise(nn.Linear(2, 2), "glorott")


class TestRecalibration:
    @pytest.mark.parametrize("chunk", [64, 17])
    def test_statistics_are_those_of_the_final_network_however_the_data_is_cut(self, chunk):
        torch.manual_seed(0)
        net = nn.Sequential(MLP((4, 8, 6)), MLP((6, 8, 2), dropout=0.5)).double()
        initialise(net, "glorot")
        z = torch.randn(64, 4, dtype=torch.float64) * 3 + 1
        net.train()
        recalibrate_batch_norm(net, lambda: (net(part) for part in z.split(chunk)))
        assert all(m.training for m in net.modules())
        net.eval()
        first = net[0].linear1(z)
        torch.testing.assert_close(net[0].norm1.running_mean, first.mean(0))
        torch.testing.assert_close(net[0].norm1.running_var, first.var(0, correction=0))
        second = net[1].linear1(net[0](z))
        torch.testing.assert_close(net[1].norm1.running_mean, second.mean(0))
        torch.testing.assert_close(net[1].norm1.running_var, second.var(0, correction=0))

    def test_layers_out_of_reach_keep_theirs(self):
        used, unused = MLP((4, 8, 6)), MLP((4, 8, 6))
        both = nn.ModuleList([used, unused])
        recalibrate_batch_norm(both, lambda: (used(z) for z in torch.randn(3, 16, 4)))
        assert torch.equal(unused.norm1.running_mean, torch.zeros(8))
        assert not torch.equal(used.norm1.running_mean, torch.zeros(8))
