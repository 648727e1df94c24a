"""How the registry recognises a module of the user's own."""

from unbraid.registry import hookimpl

#: Libraries whose models other plug-ins know better.
FOREIGN = ("diffusers.", "timm.", "torchvision.")


@hookimpl(trylast=True)
def unbraid_adapt(model: object) -> object | None:
    """Wrap a module that can `encode`, and `decode` where it has that too."""
    kinds = type(model).__mro__
    if not any(kind.__module__ == "torch.nn.modules.module" for kind in kinds) or not hasattr(model, "encode"):
        return None
    if any(kind.__module__.startswith(FOREIGN) for kind in kinds):
        return None
    from unbraid.adapters.backbones.modules.adapter import adapt

    return adapt(model)
