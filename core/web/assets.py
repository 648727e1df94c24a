"""The files of the page, the same in a folder and beside a server."""

from importlib.resources import files
from importlib.resources.abc import Traversable

#: What the page reads first: where graphs run and where bundles lie.
SETTINGS = "page.json"
#: The page itself.
INDEX = "index.html"
#: Samples of a bundle, for those who have no picture at hand.
SAMPLES = "samples/in.safetensors"

_MEDIA_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}


def wants_page(accept: str) -> bool:
    """Tell from the header `Accept` whether a browser asks, to show the answer to a person.

    >>> wants_page("text/html,application/xhtml+xml,*/*;q=0.8"), wants_page("*/*")
    (True, False)
    """
    return "text/html" in accept


def page_files() -> dict[str, bytes]:
    """Give the files by their names below the page.

    >>> sorted(name for name in page_files() if name.startswith("engines/"))
    ['engines/browser.js', 'engines/graphs.js', 'engines/server.js', 'engines/worker.js']
    """
    return dict(_walk(files("unbraid.core.web") / "page", ""))


def media_type(name: str) -> str:
    """Give the type of a file of the page, in HTTP's words.

    >>> media_type("engines/browser.js")
    'text/javascript; charset=utf-8'
    """
    return f"{_MEDIA_TYPES[name.rpartition('.')[2]]}; charset=utf-8"


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        name = prefix + entry.name
        found += _walk(entry, f"{name}/") if entry.is_dir() else [(name, entry.read_bytes())]
    return found
