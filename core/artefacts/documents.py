"""JSON on disk, in one form, so that equal values are equal bytes."""

import json
from pathlib import Path
from typing import Any

from unbraid.core.artefacts.storage import storage_errors
from unbraid.core.errors import ArtefactError, DamagedArtefactError


def write_json(path: Path | str, value: Any) -> None:
    r"""Write JSON with sorted keys, two-space indent, UTF-8 and a newline at the end.

    Raises:
        ArtefactError: the value holds something JSON cannot (an object, NaN, infinity).
        StorageError: the disk is full, read-only, or permission is missing.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json(Path(folder, "a.json"), {"b": [1], "a": None})
    ...     Path(folder, "a.json").read_text()
    '{\n  "a": null,\n  "b": [\n    1\n  ]\n}\n'
    """
    path = Path(path)
    text = dump_json(value, name=str(path))
    with storage_errors(path):
        path.write_bytes(text.encode())


def dump_json(value: Any, *, name: str) -> str:
    """Give the text `write_json` writes; `name` is what an error message calls it."""
    try:
        return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise ArtefactError(
            f"{name}: the value cannot be written as JSON",
            expected="dicts with text keys, lists, text, finite numbers, booleans and null",
            found=str(error),
        ) from error


def read_json(path: Path | str) -> Any:
    """Read JSON.

    Raises:
        DamagedArtefactError: the file is missing, is no JSON, holds NaN, or a key twice.
        StorageError: permission is missing, or the disk failed.
    """
    path = Path(path)
    try:
        with storage_errors(path, "read"):
            raw = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise DamagedArtefactError(f"{path} is missing", expected="a JSON file", found=error.strerror) from error
    try:
        return json.loads(raw.decode(), parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise DamagedArtefactError(
            f"{path} is no valid JSON",
            expected="JSON in UTF-8",
            found=f"{error} ({len(raw)} bytes)",
            hint="copy or make it again",
        ) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that comes twice: readers disagree on which one counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r:.80} comes twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")
