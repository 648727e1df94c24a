"""Every error Unbraid raises, in one tree.

UnbraidError                     exit code 2 unless said otherwise
├── UnknownNameError             a name nothing provides (near matches in the message)
├── ConfigError                  a setting is unknown, of the wrong type or out of range
├── DataError                    a data set cannot be used as asked
│   ├── ImageError               size, channels, dtype, range or NaN of images
│   ├── LabelError               labels missing, of the wrong length, or too few rows in a class
│   └── ProtocolError            an evaluation asks for more than the data holds
├── CapabilityError              head or backbone cannot do what was asked
├── FrozenError                  the backbone moved, or is about to
├── BackboneMismatchError        a head or cache belongs to another backbone
├── ArtefactError                a file people keep cannot be used
│   ├── DamagedArtefactError     truncated, altered or incomplete
│   └── FormatVersionError       written by a newer format
├── ExportError                  a graph breaks the rules of a bundle
│   └── ParityError              graph and head differ by more than the tolerance
├── PluginError                  a plug-in cannot be used
│   ├── PluginLoadError
│   ├── PluginClashError
│   └── PluginApiError
├── RequestError                 a server refused a request (HTTP status 4xx)
├── EnvironmentFault             exit code 1: the machine, not the user
│   ├── ServerError              a server is busy, too slow, failed or not there (HTTP status 5xx)
│   ├── StorageError             disk full, read-only, no permission
│   └── NonFiniteError           a loss, weight or latent became NaN or infinite
├── MissingDependencyError       exit code 1: an optional package is not installed
└── Interrupted                  exit code 130 or 143: stopped by a signal, state saved
"""

from pathlib import Path

from unbraid.registry.errors import (
    MissingDependencyError,
    PluginApiError,
    PluginClashError,
    PluginError,
    PluginLoadError,
    UnbraidError,
    UnknownNameError,
)

__all__ = [
    "ArtefactError",
    "BackboneMismatchError",
    "CapabilityError",
    "ConfigError",
    "DamagedArtefactError",
    "DataError",
    "EnvironmentFault",
    "ExportError",
    "FormatVersionError",
    "FrozenError",
    "ImageError",
    "Interrupted",
    "LabelError",
    "MissingDependencyError",
    "NonFiniteError",
    "ParityError",
    "PluginApiError",
    "PluginClashError",
    "PluginError",
    "PluginLoadError",
    "ProtocolError",
    "RequestError",
    "ServerError",
    "StorageError",
    "UnbraidError",
    "UnknownNameError",
]


class ConfigError(UnbraidError):
    """A setting is unknown, of the wrong type or out of range."""


class DataError(UnbraidError):
    """A data set cannot be used as asked."""


class ImageError(DataError):
    """Images of the wrong size, channel count, dtype or range, or with NaN."""


class LabelError(DataError):
    """Labels are missing, of the wrong length, or leave a class with too few rows."""


class ProtocolError(DataError):
    """An evaluation asks for more classes or samples than the data holds."""


class CapabilityError(UnbraidError):
    """The head or the backbone cannot do what was asked (decode, entangle, gradient, ...)."""


class FrozenError(UnbraidError):
    """The frozen backbone moved, or something tried to move it."""


class BackboneMismatchError(UnbraidError):
    """A head or a cache belongs to another backbone; the message shows both fingerprints."""


class ArtefactError(UnbraidError):
    """A head, cache, checkpoint or bundle cannot be used."""


class DamagedArtefactError(ArtefactError):
    """An artefact is truncated, altered or incomplete; the message names the file."""


class FormatVersionError(ArtefactError):
    """An artefact was written by a newer format than this version reads."""


class ExportError(UnbraidError):
    """A graph breaks the rules of a bundle (static batch, random operator, external data, ...)."""


class ParityError(ExportError):
    """An exported graph differs from the torch module by more than the tolerance."""


class RequestError(UnbraidError):
    """A server refused a request; `status` is the HTTP status, 4xx, and the message what the server said."""

    def __init__(self, status: int, problem: str, *, hint: str | None = None) -> None:
        super().__init__(problem, hint=hint)
        self.status = status


class EnvironmentFault(UnbraidError):
    """The machine failed, not the user; exit code 1."""

    exit_code = 1


class ServerError(EnvironmentFault):
    """A server is busy, too slow or failed; `status` is the HTTP status, 5xx, or 0 where nothing answered."""

    def __init__(self, status: int, problem: str, *, hint: str | None = None) -> None:
        super().__init__(problem, hint=hint)
        self.status = status


class StorageError(EnvironmentFault):
    """Writing failed: the disk is full, read-only, or permission is missing. Nothing that was there is lost."""


class NonFiniteError(EnvironmentFault):
    """A loss, weight or latent became NaN or infinite; nothing was trained or stored with it."""


class Interrupted(UnbraidError):
    """A signal stopped the run after it finished its step and saved; `checkpoint` is where (None: nothing asked for)."""

    exit_code = 130

    def __init__(self, problem: str, *, checkpoint: Path | None, hint: str | None = None, exit_code: int = 130) -> None:
        super().__init__(problem, hint=hint)
        self.checkpoint = checkpoint
        self.exit_code = exit_code  # type: ignore[misc]  # 143 for SIGTERM
