"""The result of an evaluation: figures, failures and the protocol they were measured by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from unbraid.core.artefacts import atomic_file, read_json, write_json
from unbraid.core.artefacts.documents import dump_json
from unbraid.core.errors import FormatVersionError, UnknownNameError
from unbraid.core.evaluation.figure import Figure
from unbraid.core.evaluation.table import format_evaluation

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Figures with everything needed to judge and repeat them.

    Args:
        figures: in the order of the metrics.
        failures: metric -> error, of metrics that broke; nothing is left out silently.
        protocol: data set, splits, seeds, modes, head, backbone and versions; JSON values.
    """

    figures: tuple[Figure, ...]
    failures: Mapping[str, str] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(default_factory=dict)

    def figure(self, name: str) -> Figure:
        """Give the figure of a name.

        Raises:
            UnknownNameError: there is none; the message lists near matches.
        """
        for figure in self.figures:
            if figure.name == name:
                return figure
        raise UnknownNameError("figure", name, [figure.name for figure in self.figures])

    def table(self) -> str:
        """Print all figures beside chance, baselines and intervals."""
        return format_evaluation(self.figures, self.failures, self.protocol)

    def to_dict(self) -> dict[str, Any]:
        """Give JSON values, which `from_dict` reads back to an equal evaluation."""
        return {
            "format": FORMAT,
            "figures": [figure.to_dict() for figure in self.figures],
            "failures": dict(self.failures),
            "protocol": dict(self.protocol),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_dict` gave.

        Raises:
            FormatVersionError: it was written by a newer version.
        """
        if plain["format"] > FORMAT:
            raise FormatVersionError(
                "the metrics were written by a newer version", expected=f"format <= {FORMAT}", found=plain["format"]
            )
        figures = tuple(Figure.from_dict(figure) for figure in plain["figures"])
        return cls(figures=figures, failures=plain["failures"], protocol=plain["protocol"])

    def to_json(self) -> str:
        """Give the text `save` writes; equal evaluations give equal bytes, and no clock is in them."""
        return dump_json(self.to_dict(), name="evaluation")

    def save(self, path: str | Path) -> Path:
        """Write `metrics.json`, whole or not at all.

        Raises:
            StorageError: the disk is full, read-only, or permission is missing.
        """
        with atomic_file(path) as temporary:
            write_json(temporary, self.to_dict())
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Raises:
            DamagedArtefactError: the file is missing or no JSON.
            FormatVersionError: it was written by a newer version.
        """
        return cls.from_dict(read_json(path))

    def __str__(self) -> str:
        return self.table()
