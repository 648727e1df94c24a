"""From a method's name to an untrained head."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from unbraid.core.catalogue import method_config
from unbraid.core.config import config_to_dict
from unbraid.core.errors import ConfigError, PluginError
from unbraid.core.interfaces import Disentangler, LabelSpec, LatentSpec
from unbraid.registry import DisentanglerSpec, Entry, get_registry, import_target


@dataclass(frozen=True, slots=True)
class Method:
    """A method as resolved: who provides it, and with which configuration."""

    entry: Entry[DisentanglerSpec]
    config: Any

    @property
    def spec(self) -> DisentanglerSpec:
        """What its plug-in declares."""
        return self.entry.spec

    @property
    def name(self) -> str:
        """Its name."""
        return self.entry.spec.name

    def describe(self) -> dict[str, Any]:
        """Give what a file states of it: name, distribution, version, plug-in contract, configuration."""
        return {
            "name": self.name,
            "distribution": self.entry.distribution,
            "version": self.entry.version,
            "api": self.spec.api,
            "config": config_to_dict(self.config) if self.config is not None else {},
        }


def resolve_method(name: str, preset: str | None, settings: Mapping[str, Any], config: Any = None) -> Method:
    """Find a method and build its configuration: the preset's values, then the settings; or take a ready one.

    Raises:
        UnknownNameError: no such method.
        ConfigError: the preset or a setting is unknown, of the wrong type or out of range.
    """
    entry = get_registry().resolve("method", name)
    if config is not None and (preset or settings):
        raise ConfigError(
            "a ready configuration and single settings exclude each other", expected="one of them", found="both"
        )
    return Method(entry, config if config is not None else method_config(name, preset, settings))


def build_head(
    method: Method, latents: Mapping[str, LatentSpec], labels: Mapping[str, LabelSpec], seed: int
) -> Disentangler:
    """Build an untrained head; the same seed gives the same weights, and the global generator is left as it was."""
    target = import_target(method.entry)
    if not (isinstance(target, type) and issubclass(target, Disentangler)):
        raise PluginError(
            f"method {method.name} of {method.entry.distribution} is not a disentangler",
            expected=f"{method.spec.target} to be a subclass of unbraid.Disentangler",
            found=repr(target),
            hint="tell the author of the plug-in",
        )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        head = target.build(method.config, latents, labels)
    _check_built(method, head)
    return head


def _check_built(method: Method, head: Disentangler) -> None:
    names = [factor.name for factor in head.factors]
    if not names or len(set(names)) != len(names):
        raise PluginError(
            f"method {method.name} built a head whose factors are not named",
            expected="at least one factor, every name once",
            found=names,
            hint="set self.factors in the constructor",
        )
