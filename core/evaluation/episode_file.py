"""Episode lists as files, so that another tool scores the same episodes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from unbraid.core.artefacts import atomic_file, read_json, write_json
from unbraid.core.errors import DamagedArtefactError, FormatVersionError, ProtocolError
from unbraid.core.evaluation.episodes import EpisodeTable, Ints

FORMAT = 1
_TABLES = ("support", "query", "classes", "asked")


def save_episodes(table: EpisodeTable, path: str | Path, *, rows: Ints) -> Path:
    """Write episodes as JSON: rows of the data set, the class of each way, and the hash of the list.

    Args:
        table: episodes as positions.
        path: file to write, whole or not at all.
        rows: `(n,)` row in the data set of each position.

    Raises:
        StorageError: the disk is full, read-only, or permission is missing.
    """
    plain = {
        "format": FORMAT,
        "support": rows[table.support].tolist(),
        "query": rows[table.query].tolist(),
        "classes": table.classes.tolist(),
        "asked": None if table.asked is None else table.asked.tolist(),
        "hash": table.digest(rows),
    }
    with atomic_file(path) as temporary:
        write_json(temporary, plain)
    return Path(path)


def load_episodes(path: str | Path, *, rows: Ints, labels: Ints) -> EpisodeTable:
    """Read episodes back as positions, for samples that may stand in another order.

    Args:
        path: what `save_episodes` wrote, or another tool in the same form.
        rows: `(n,)` row in the data set of each position.
        labels: `(n,)` class of each position.

    Raises:
        DamagedArtefactError: the file is missing, no JSON, malformed, or not what its hash says.
        FormatVersionError: it was written by a newer version.
        ProtocolError: the episodes speak of other samples or other classes.
    """
    written, digest = _read(Path(path))
    table = EpisodeTable(
        support=_positions(written.support, rows, path),
        query=_positions(written.query, rows, path),
        classes=written.classes,
        asked=written.asked,
    )
    if table.digest(rows) != digest:
        raise DamagedArtefactError(f"{path}: the episodes were changed", expected=digest, found=table.digest(rows))
    _check_classes(table, labels, path)
    return table


def _read(path: Path) -> tuple[EpisodeTable, str]:
    """Give the table in rows of the data set, and its hash."""
    plain: Mapping[str, Any] = read_json(path)
    try:
        if plain["format"] > FORMAT:
            raise FormatVersionError(
                f"{path}: the episodes were written by a newer version",
                expected=f"format <= {FORMAT}",
                found=plain["format"],
            )
        tables = {name: None if plain[name] is None else np.array(plain[name], dtype=np.int64) for name in _TABLES}
        table = EpisodeTable(**tables)  # type: ignore[arg-type]
        _check_shapes(table)
        return table, str(plain["hash"])
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedArtefactError(f"{path}: no list of episodes", found=f"{type(error).__name__}: {error}") from None


def _check_shapes(table: EpisodeTable) -> None:
    episodes, ways = table.classes.shape
    asked = ways if table.asked is None else table.asked.shape[1]
    if table.support.shape[:2] != (episodes, ways) or table.query.shape[:2] != (episodes, asked):
        raise ValueError(f"support {table.support.shape}, query {table.query.shape}, classes {table.classes.shape}")
    if table.asked is not None and not ((table.asked >= 0) & (table.asked < ways)).all():
        raise ValueError(f"asked for ways outside 0 .. {ways - 1}")


def _positions(wanted: Ints, rows: Ints, path: str | Path) -> Ints:
    order = np.argsort(rows, kind="stable")
    places = np.minimum(np.searchsorted(rows[order], wanted), len(rows) - 1)
    positions: Ints = order[places]
    missing = np.setdiff1d(wanted, rows)
    if len(missing):
        raise ProtocolError(
            f"{path}: the episodes speak of other samples",
            expected=f"rows among the {len(rows)} at hand",
            found=f"{len(missing)} others, say row {int(missing[0])}",
            hint="episodes belong to one data set, split and population",
        )
    return positions


def _check_classes(table: EpisodeTable, labels: Ints, path: str | Path) -> None:
    asked = table.classes if table.asked is None else np.take_along_axis(table.classes, table.asked, axis=1)
    same = (labels[table.support] == table.classes[..., None]).all() and (labels[table.query] == asked[..., None]).all()
    if not same:
        raise ProtocolError(
            f"{path}: the episodes speak of other classes",
            expected="the class of every sample as in the list",
            found="other labels",
        )
