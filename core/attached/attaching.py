"""Attach a method to a frozen backbone."""

from collections.abc import Mapping
from typing import Any

from unbraid.core.attached.building import Method, build_head, resolve_method
from unbraid.core.attached.model import AttachedModel
from unbraid.core.device import resolve_device
from unbraid.core.errors import ConfigError
from unbraid.core.interfaces import DEFAULT_DOMAIN, Backbone
from unbraid.registry import get_registry


def attach(
    method: str,
    backbone: Any,
    *,
    preset: str | None = None,
    seed: int = 0,
    device: str = "auto",
    config: Any = None,
    **settings: Any,
) -> AttachedModel:
    """Attach an untrained head of a method to a frozen backbone.

    Args:
        method: name of a method; `unbraid list methods` lists them.
        backbone: a `Backbone`, a mapping domain -> `Backbone` for methods that join several, or a live model that an
            installed adapter knows. For your own modules see `unbraid.freeze`.
        preset: named settings of the method; `default` where it has one.
        seed: of the initial weights.
        device: `auto` (a GPU when there is one), or a torch device; backbone and head are moved there.
        config: the method's whole configuration as its own dataclass, instead of preset and settings.
        settings: single settings of the method, over those of the preset.

    Returns:
        The attached model. Until `fit` its head is untrained; a method whose network depends on the number of classes
        is built by `fit`.

    Raises:
        UnknownNameError: no such method or preset; near matches are offered.
        ConfigError: an unknown or malformed setting.
        CapabilityError: the backbone cannot do what the method needs.
    """
    resolved = resolve_method(method, preset, settings, config)
    backbones = as_backbones(backbone)
    check_backbones(resolved, backbones)
    for each in backbones.values():
        each.to(resolve_device(device))
    head = None
    if not resolved.spec.needs_classes:
        head = build_head(resolved, {name: b.info.latent for name, b in backbones.items()}, {}, seed)
        head.to(resolve_device(device))
    return AttachedModel(resolved, backbones, head, seed=seed)


def as_backbones(backbone: Any) -> dict[str, Backbone]:
    """Name the domains: one backbone is the domain `default`."""
    named = backbone if isinstance(backbone, Mapping) else {DEFAULT_DOMAIN: backbone}
    return {str(name): _as_backbone(each) for name, each in named.items()}


def check_backbones(method: Method, backbones: Mapping[str, Backbone]) -> None:
    """Check number and capabilities of the backbones against what the method declares."""
    if len(backbones) != method.spec.domains:
        raise ConfigError(
            f"{method.name} joins {method.spec.domains} domain(s)",
            expected=f"{method.spec.domains} backbone(s)",
            found=f"{len(backbones)}: {', '.join(backbones)}",
            hint='pass a mapping such as {"photo": b1, "sketch": b2}' if method.spec.domains > 1 else None,
        )
    needs = method.spec.needs | getattr(method.config, "needs", frozenset())  # settings may ask for more
    for backbone in backbones.values():
        for capability in sorted(needs):
            backbone.info.require(capability, by=f"method {method.name}")


def _as_backbone(candidate: Any) -> Backbone:
    if isinstance(candidate, Backbone):
        return candidate
    adapted = get_registry().adapt(candidate, None)
    if isinstance(adapted, Backbone):
        return adapted
    raise ConfigError(
        f"a {type(candidate).__name__} is not a backbone, and no installed adapter knows it",
        expected="a Backbone",
        found=type(candidate).__name__,
        hint="unbraid.load_backbone(name, ...), or unbraid.freeze(encoder, decoder, input=(C, H, W)) for your modules",
    )
