"""What the registry knows about the flow."""

from collections.abc import Iterable

from unbraid.registry import BackboneSpec, hookimpl


@hookimpl
def unbraid_backbones() -> Iterable[BackboneSpec]:
    """Declare the backbone."""
    yield BackboneSpec(
        name="flow",
        target="unbraid.adapters.backbones.flow.adapter:load",
        config="unbraid.adapters.backbones.flow.config:FlowConfig",
        pretrain="unbraid.adapters.backbones.flow.pretrain:pretrain",
        pretrain_config="unbraid.adapters.backbones.flow.config:PretrainConfig",
        summary="a small normalising flow of affine couplings on two scales; pictures come back exactly",
        reference="Dinh et al. 2017, arXiv:1605.08803; Kingma and Dhariwal 2018, arXiv:1807.03039",
        licence="Apache-2.0",
        inverse="exact",
    )
