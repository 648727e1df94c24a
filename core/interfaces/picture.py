"""A picture for a report."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG, what it shows, and what it is called where several stand together."""

    caption: str
    png: bytes
    title: str = ""
