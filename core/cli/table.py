"""Plain-text tables for the terminal."""

from collections.abc import Mapping, Sequence

Row = Mapping[str, str]


def format_table(rows: Sequence[Row], *, indent: str = "") -> str:
    """Align rows under the names of their columns.

    Args:
        rows: Column name to text; all rows have the columns of the first.
        indent: What every line starts with.

    Returns:
        The lines; columns that are empty in every row are left out.

    >>> print(format_table([{"name": "fden", "note": ""}, {"name": "prototype", "note": ""}]))
    name
    fden
    prototype
    """
    if not rows:
        return ""
    columns = [name for name in rows[0] if any(row[name] for row in rows)]
    widths = [max(len(name), *(len(row[name]) for row in rows)) for name in columns]
    lines = [columns, *([row[name] for name in columns] for row in rows)]
    return "\n".join(indent + _align(line, widths) for line in lines)


def _align(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
