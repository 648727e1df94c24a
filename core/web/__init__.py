"""The page to play with a bundle: a folder that runs its graphs in the browser, or the same files beside a server."""

from unbraid.core.web.folder import write_page_folder
from unbraid.core.web.runtime import Runtime, find_runtime

__all__ = ["Runtime", "find_runtime", "write_page_folder"]
