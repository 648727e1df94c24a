"""What is called how for each label."""

import re

#: Labels whose factor has a name of its own; what no label names is in `style`.
_FACTORS = {"content": "identity", "style": "attribute"}
#: What no further label may be called: names of other factors, of the graphs' latents, and of `nn.Module.to_empty`.
TAKEN = (*_FACTORS.values(), "rest", "latent", "empty")


def is_label(name: str) -> bool:
    """Whether a label of that role can have a factor.

    >>> is_label("content"), is_label("beard"), is_label("identity"), is_label("a beard")
    (True, True, False, False)
    """
    return name not in TAKEN and re.fullmatch(r"[a-z][a-z0-9_]*", name) is not None


def factor_of(label: str) -> str:
    """Name of the factor of a label.

    >>> factor_of("content"), factor_of("style"), factor_of("beard")
    ('identity', 'attribute', 'beard')
    """
    return _FACTORS.get(label, label)


def relation_of(label: str) -> str:
    """Name of the alignment network of a label.

    >>> relation_of("content"), relation_of("style"), relation_of("beard")
    ('relation', 'attribute_relation', 'beard_relation')
    """
    return "relation" if label == "content" else f"{factor_of(label)}_relation"


def batch_of(label: str) -> str:
    """Name of the episodes of a label within a batch.

    >>> batch_of("content"), batch_of("style")
    ('episodes', 'style_episodes')
    """
    return "episodes" if label == "content" else f"{label}_episodes"


def term_of(label: str) -> str:
    """Name of the alignment term of a label.

    >>> term_of("content"), term_of("style")
    ('alignment', 'style_alignment')
    """
    return "alignment" if label == "content" else f"{label}_alignment"
