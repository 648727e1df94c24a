"""A backbone under check."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from unbraid.core.catalogue import load_backbone
from unbraid.core.freezing import FrozenGuard
from unbraid.core.interfaces import Backbone
from unbraid.registry import BackboneSpec
from unbraid.registry.conformance.case import PluginCase, spec_name
from unbraid.registry.conformance.check import Kind, Skip
from unbraid.registry.conformance.held import hold
from unbraid.registry.conformance.shared import shared

ROWS = 5


class BackboneCase(PluginCase):
    """A backbone, with everything its checks share.

    Args:
        subject: name or `BackboneSpec` of an adapter, a callable that makes one, or a `Backbone`.
        settings: of the adapter.
    """

    kind: ClassVar[Kind] = "backbone"

    def declare(self) -> BackboneSpec:
        """Declare a backbone, or a callable that makes one."""
        made = self.subject
        make: Callable[..., Any] = (lambda _: made) if isinstance(made, Backbone) else lambda _: made()
        return BackboneSpec(name=spec_name(made), target=hold(make), summary="checked")

    def load(self) -> Backbone:
        """Load it anew; a `Backbone` that was handed over is itself."""
        return load_backbone(self.qualified, **self.settings)

    @shared("contract.loads")
    def backbone(self) -> Backbone:
        """The backbone."""
        return self.load()

    @cached_property
    def guard(self) -> FrozenGuard:
        """A snapshot of the backbone as it was loaded."""
        return FrozenGuard(self.backbone)

    @property
    def pictures(self) -> Tensor:
        """A few random pictures, `(5, C, H, W)`; a copy each time, since an encoder may write to it."""
        _ = self.guard
        return torch.rand(ROWS, *self.backbone.info.input.shape, generator=torch.Generator().manual_seed(1))

    @shared("shapes.encode")
    def z(self) -> Tensor:
        """Their latents."""
        with torch.no_grad():
            return self.backbone.encode(self.pictures)

    def need(self, capability: str) -> None:
        """Skip a check about something the backbone cannot do."""
        if capability not in self.backbone.info.capabilities:
            raise Skip(f"the backbone cannot {capability}, and does not claim it")
