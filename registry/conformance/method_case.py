"""A method on one toy backbone."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

import unbraid
from unbraid.core.attached import AttachedModel
from unbraid.core.attached.attaching import check_backbones
from unbraid.core.attached.building import Method, build_head, resolve_method
from unbraid.core.attached.fitting import training_rows
from unbraid.core.errors import CapabilityError, FrozenError, ParityError
from unbraid.core.freezing import FrozenGuard
from unbraid.core.interfaces import Backbone, Dataset, Disentangler
from unbraid.core.latents import Latents, encode_dataset
from unbraid.core.serving import Bundle
from unbraid.core.training import TrainResult
from unbraid.registry import DisentanglerSpec
from unbraid.registry.conformance.case import PluginCase, spec_name
from unbraid.registry.conformance.check import Kind, Skip
from unbraid.registry.conformance.held import hold
from unbraid.registry.conformance.shared import Blocked, shared
from unbraid.registry.conformance.toys import ToyBackbone, toy_dataset

#: Steps of every fit of the suite: enough for an optimiser to have moved everything, and for two stops on the way.
STEPS = 8
ROWS = 6


class MethodCase(PluginCase):
    """A method on a backbone, with everything its checks share.

    Args:
        subject: name, `DisentanglerSpec`, or subclass of `Disentangler`.
        on: what the backbone is called.
        make: makes the backbone from a seed of its weights.
        settings, preset: of the method.
        config: a ready configuration, for a class that was handed over.
        dataset: what it is trained on; default: the toy.
    """

    kind: ClassVar[Kind] = "method"

    def __init__(
        self,
        subject: "str | DisentanglerSpec | type[Disentangler]",
        on: str,
        make: ToyBackbone,
        *,
        settings: Mapping[str, Any] | None = None,
        preset: str | None = None,
        ready: Any = None,
        dataset: Dataset | None = None,
    ) -> None:
        super().__init__(subject, settings)
        self.on = on
        self.make = make
        self.preset = preset
        self.ready = ready
        self._dataset = dataset
        #: The same method on other backbones.
        self.siblings: Sequence[MethodCase] = ()

    def declare(self) -> DisentanglerSpec:
        """Declare a class that was handed over."""
        config = None if self.ready is None else hold(type(self.ready))
        return DisentanglerSpec(
            name=spec_name(self.subject),
            target=hold(self.subject),
            config=config,
            summary="checked",
            supervision="none",
        )

    # -- what a fit starts from

    def backbones(self) -> dict[str, Backbone]:
        """Make the backbone anew, or one a domain."""
        if self.spec.domains == 1:
            return {"default": self.make(0)}
        return {f"domain-{i}": self.make(i) for i in range(self.spec.domains)}

    @cached_property
    def dataset(self) -> Dataset:
        """What it is trained on."""
        return toy_dataset() if self._dataset is None else self._dataset

    @property
    def domains(self) -> list[str]:
        """Names of the domains."""
        return list(self.backbones())

    def method(self) -> Method:
        """The method with its configuration."""
        return resolve_method(self.qualified, self.preset, self.settings, self.ready)

    def attach(self, backbones: Mapping[str, Backbone] | None = None, seed: int = 0) -> AttachedModel:
        """Attach it anew; where that fails, `contract.attaches` says why."""
        _ = self.attached
        return self._attach(self.backbones() if backbones is None else backbones, seed)

    def _attach(self, backbones: Mapping[str, Backbone], seed: int = 0) -> AttachedModel:
        try:
            return unbraid.attach(
                self.qualified,
                dict(backbones) if self.spec.domains > 1 else next(iter(backbones.values())),
                preset=self.preset,
                seed=seed,
                device="cpu",
                config=self.ready,
                **self.settings,
            )
        except CapabilityError as error:
            if all(sibling.refuses() for sibling in self.siblings):
                raise
            raise Blocked("", Skip(f"refuses this backbone: {error.problem}")) from error

    def refuses(self) -> bool:
        """Whether the method refuses this backbone by name."""
        backbones = self.backbones()
        try:
            check_backbones(self.method(), backbones)
            self._build(backbones, 0)
        except CapabilityError:
            return True
        return False

    def _build(self, backbones: Mapping[str, Backbone], seed: int) -> Disentangler:
        specs = {name: backbone.info.latent for name, backbone in backbones.items()}
        labels = self.dataset.label_specs if self.spec.needs_classes else {}
        return build_head(self.method(), specs, labels, seed)

    def head_of(self, seed: int = 0) -> Disentangler:
        """Build an untrained head, also of a method that waits for the classes."""
        return self._build(self.attached.backbones, seed)

    def fit(self, model: AttachedModel, *, data: Dataset | None = None, **settings: Any) -> TrainResult:
        """Fit it for a few steps; where a plain fit fails, `contract.fits` says why."""
        _ = self.fitted
        return self._fit(model, data, **settings)

    def _fit(self, model: AttachedModel, data: Dataset | None = None, **settings: Any) -> TrainResult:
        given = {"steps": STEPS, "eval_every": 5, "checkpoint_every": 3, "log_every": 4, "quiet": True, **settings}
        chosen = self.dataset if data is None else data
        return model.fit(chosen if self.spec.domains == 1 else dict.fromkeys(self.domains, chosen), **given)

    # -- what checks share

    @shared("contract.attaches")
    def attached(self) -> AttachedModel:
        """An untrained model."""
        return self._attach(self.backbones())

    @shared("contract.fits")
    def fitted(self) -> AttachedModel:
        """The model after a fit, whose backbones are held to have stayed what they were."""
        model = self.attach()
        model.train()
        guards = [FrozenGuard(backbone) for backbone in model.backbones.values()]
        try:
            self._fit(model, out=self.folder("run"))
            for guard in guards:
                guard.verify()
        except FrozenError as error:
            raise Blocked("frozen.weights", error) from error
        return model

    @property
    def model(self) -> AttachedModel:
        """The fitted model, or that of its first domain."""
        return self.single(self.fitted)

    @property
    def head(self) -> Disentangler:
        """The head of `model`, in evaluation mode."""
        return self.model.head.eval()

    def single(self, model: AttachedModel) -> AttachedModel:
        """Give the model of the first domain."""
        return model if self.spec.domains == 1 else model.domain(self.domains[0])

    @property
    def images(self) -> Any:
        """A few pictures of different contents, uint8; a copy each time."""
        return self.dataset.images[np.linspace(0, len(self.dataset) - 1, ROWS).round().astype(np.int64)]

    @property
    def z(self) -> Tensor:
        """Their latents, `(6, *latent)`; a copy each time, since a head may write to it."""
        return self._z.clone()

    @cached_property
    def _z(self) -> Tensor:
        return self.model.encode(self.images)

    @cached_property
    def factors(self) -> dict[str, Tensor]:
        """Their factors."""
        with torch.no_grad():
            return self.head.disentangle(self.z)

    @property
    def sources(self) -> dict[str, Latents]:
        """Training latents of every domain."""
        model = self.attached
        rows = torch.from_numpy(training_rows(model, self.dataset))
        return {
            name: encode_dataset(backbone, self.dataset, device="cpu").subset(rows)
            for name, backbone in model.backbones.items()
        }

    @shared("saving.saves")
    def saved(self) -> Any:
        """The folder of the saved head."""
        return self.fitted.save(self.folder("head"))

    @shared("export.exports")
    def bundle(self) -> Bundle:
        """The exported bundle, in onnxruntime."""
        model = self.model
        try:
            model.export(self.folder("bundle"))
        except ParityError as error:
            raise Blocked("export.parity", error) from error
        return unbraid.load_bundle(self.folder("bundle"))

    def need(self, capability: str) -> None:
        """Skip a check about something the head cannot do."""
        if capability not in self.head.capabilities:
            raise Skip(f"the head cannot {capability}, and does not claim it")
