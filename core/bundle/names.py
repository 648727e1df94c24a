"""What things in a bundle may be called, and where they lie."""

import re

#: Graphs, ensembles and heads: the name is part of a path and, in a server, of a URL.
GRAPH_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
#: Heads, which leave room for a verb: `<head>-<verb>` is the name of a graph.
HEAD_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,31}")
#: Inputs and outputs of graphs; they stand in quotes in `config.pbtxt`, and after a dot in the samples.
TENSOR_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
#: The head of a bundle that has one and does not name it.
DEFAULT_HEAD = "default"
#: What keeps the folder of a version alive that holds no file of its own: git and zip forget empty folders.
PLACEHOLDER = "EMPTY"


def graph_file(name: str) -> str:
    """Give the path of a graph inside the bundle; the folder `models` is a Triton model repository.

    >>> graph_file("encode")
    'models/encode/1/model.onnx'
    """
    return f"models/{name}/1/model.onnx"


def config_file(name: str) -> str:
    """Give the path of Triton's configuration of a graph or an ensemble.

    >>> config_file("encode")
    'models/encode/config.pbtxt'
    """
    return f"models/{name}/config.pbtxt"


def placeholder_file(name: str) -> str:
    """Give the path of the file that keeps the version folder of an ensemble alive.

    >>> placeholder_file("factors")
    'models/factors/1/EMPTY'
    """
    return f"models/{name}/1/{PLACEHOLDER}"


def qualified(head: str | None, verb: str) -> str:
    """Name the graph of a head's verb: the verb itself where the only head has no name.

    >>> qualified(None, "disentangle"), qualified("letters", "disentangle")
    ('disentangle', 'letters-disentangle')
    """
    return verb if head is None else f"{head}-{verb}"
