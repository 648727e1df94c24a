"""What is called how for each label."""

from typing import Literal

#: The factor that a label names; what no label names is `style`.
LABELLED: dict[str, str] = {"content": "identity", "style": "attribute"}


def batch_of(label: Literal["content", "style"]) -> str:
    """Name of the episodes of a label within a batch.

    >>> batch_of("content"), batch_of("style")
    ('episodes', 'style_episodes')
    """
    return "episodes" if label == "content" else f"{label}_episodes"


def term_of(label: Literal["content", "style"]) -> str:
    """Name of the alignment term of a label.

    >>> term_of("content"), term_of("style")
    ('alignment', 'style_alignment')
    """
    return "alignment" if label == "content" else f"{label}_alignment"
