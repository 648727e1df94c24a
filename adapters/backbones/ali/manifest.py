"""What the registry knows about ALI and BiGAN."""

from collections.abc import Iterable

from unbraid.registry import BackboneSpec, hookimpl

_HERE = "unbraid.adapters.backbones.ali"


@hookimpl
def unbraid_backbones() -> Iterable[BackboneSpec]:
    """Declare both backbones."""
    yield BackboneSpec(
        name="ali",
        target=f"{_HERE}.adapter:load",
        config=f"{_HERE}.config:ALIConfig",
        pretrain=f"{_HERE}.pretrain:pretrain",
        pretrain_config=f"{_HERE}.config:PretrainConfig",
        summary="adversarially learned inference: the SVHN, CIFAR-10 and CelebA tables, and a small one for a CPU",
        reference="Dumoulin et al. 2017, arXiv:1606.00704",
        licence="Apache-2.0",
    )
    yield BackboneSpec(
        name="bigan",
        target=f"{_HERE}.adapter:load",
        config=f"{_HERE}.config:BiGANConfig",
        pretrain=f"{_HERE}.pretrain:pretrain",
        pretrain_config=f"{_HERE}.config:PretrainConfig",
        summary="bidirectional GAN: ALI with a deterministic encoder; fully connected as on MNIST, or convolutional",
        reference="Donahue et al. 2017, arXiv:1605.09782",
        licence="Apache-2.0",
    )
