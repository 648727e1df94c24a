"""What the prototype heads declare; imports nothing heavy."""

from collections.abc import Iterable

from unbraid.registry import DisentanglerSpec, hookimpl


@hookimpl
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare the method."""
    yield DisentanglerSpec(
        name="prototype",
        target="unbraid.plugins.prototype.model:Prototype",
        config="unbraid.plugins.prototype.config:PrototypeConfig",
        summary="few-shot reference: class means of the latents, raw, linear, an MLP or convolutions; no entangler",
        supervision="labels",
        factors={"embedding": "content"},
        presets={
            "default": {"network": "mlp"},
            "raw": {"network": "raw"},
            "linear": {"network": "linear"},
            "mlp": {"network": "mlp"},
            "paper": {"network": "auto", "ways": 60, "steps": 20_000},
        },
        licence="Apache-2.0",
        reference="Snell et al. 2017, Prototypical Networks for Few-shot Learning, arXiv:1703.05175",
    )
