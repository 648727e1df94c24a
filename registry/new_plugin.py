"""Writing a new plug-in: a small distribution that works as it is."""

import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from unbraid.registry.catalogue import Registry
from unbraid.registry.errors import PluginClashError, PluginError, UnbraidError, UnknownNameError
from unbraid.registry.metadata import installed_plugins, normalise
from unbraid.registry.specs import PLUGIN_API

#: What a plug-in can be made from.
NewKind = Literal["method", "backbone", "dataset", "metric"]
KINDS: tuple[NewKind, ...] = get_args(NewKind)

_TEMPLATE = Path(__file__).parent / "template"
#: Narrower than names of plug-ins are: distributions begin and end with a letter or digit.
_NAME = re.compile(r"[a-z](?:[a-z0-9]|[-_](?=[a-z0-9]))*")
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
#: Names git and GitHub ask for; in a wheel they would be hidden files.
_HIDDEN = {"github": ".github", "gitignore": ".gitignore"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPlugin:
    """What a new plug-in will be called.

    Args:
        name: what users type.
        kind: of plug-in.

    Raises:
        PluginError: the name cannot be one of a plug-in and of a distribution.
        UnknownNameError: there is no such kind, or no template for it.

    >>> new = NewPlugin(name="my-split", kind="method")
    >>> new.distribution, new.package, new.stem
    ('unbraid-my-split', 'unbraid_my_split', 'MySplit')
    """

    name: str
    kind: NewKind

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownNameError("kind of plug-in", self.kind, KINDS)
        if not _NAME.fullmatch(self.name):
            raise PluginError(
                "a plug-in cannot be called that",
                expected="a lower-case letter, then letters, digits and single - or _ between them",
                found=repr(self.name),
                hint=f"unbraid new {suggestion(self.name)}",
            )

    @property
    def distribution(self) -> str:
        """What `pip install` takes."""
        return f"unbraid-{normalise(self.name)}"

    @property
    def package(self) -> str:
        """What Python imports."""
        return self.distribution.replace("-", "_")

    @property
    def stem(self) -> str:
        """What its classes begin with."""
        return "".join(part.capitalize() for part in re.split(r"[-_]", self.name))

    def check_free(self, registry: Registry) -> None:
        """Refuse names that somebody has already.

        Raises:
            PluginClashError: a plug-in of this kind, a distribution or an importable package has the name.
        """
        entries = {
            "method": registry.disentanglers,
            "backbone": registry.backbones,
            "dataset": registry.datasets,
            "metric": registry.metrics,
        }[self.kind]()
        taken = [entry.label for entry in entries.values() if normalise(entry.name) == normalise(self.name)]
        taken += [failed.label for failed in registry.failures if self.name in failed.provides]
        taken += [
            f"distribution {each.distribution} {each.version}"
            for each in installed_plugins()
            if normalise(each.distribution) == self.distribution
        ]
        if not taken and importlib.util.find_spec(self.package) is not None:
            taken.append(f"the Python package {self.package}")
        if taken:
            raise PluginClashError(
                f"there is a {self.kind} {self.name!r} already",
                expected="a name nobody has: `unbraid list` shows those in use",
                found=taken[0],
                hint="another name",
            )

    def files(self) -> dict[str, str]:
        """Give the files by their paths in the distribution, filled in."""
        return {self._place(path): self._fill(text) for path, text in _texts(self.kind)}

    def write(self, parent: Path | str) -> Path:
        """Write the distribution into a new folder that has the name of the plug-in, whole or not at all.

        Args:
            parent: where the folder is made.

        Returns:
            The folder.

        Raises:
            UnbraidError: something of that name is there, which is never overwritten, or it cannot be written.
        """
        folder = Path(parent).resolve() / self.name
        if os.path.lexists(folder):
            raise UnbraidError(
                f"{folder} is in the way",
                expected="nothing of that name",
                found="a file or folder",
                hint="--out ELSEWHERE",
            )
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=f".{self.distribution}-", dir=folder.parent))
            try:
                self._fill_folder(temporary)
                os.rename(temporary, folder)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        except OSError as error:
            raise UnbraidError(f"{folder} cannot be written", found=error, hint="--out ELSEWHERE") from error
        return folder

    def _fill_folder(self, folder: Path) -> None:
        folder.chmod(0o755)
        for name, text in self.files().items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def _fill(self, text: str) -> str:
        values = {
            "name": self.name,
            "kind": self.kind,
            "distribution": self.distribution,
            "package": self.package,
            "Stem": self.stem,
            "api": str(PLUGIN_API),
        }
        return _PLACEHOLDER.sub(lambda found: values[found[1]], text)

    def _place(self, path: Path) -> str:
        parts = [{"package": self.package, **_HIDDEN}.get(part, part) for part in path.with_suffix("").parts]
        return "/".join(parts)


def suggestion(name: str) -> str:
    """Give the nearest name that can be one of a plug-in.

    >>> suggestion("My Method!"), suggestion("2nd")
    ('my-method', 'plugin-2nd')
    """
    near = normalise(re.sub(r"[^A-Za-z0-9]+", "-", name)).strip("-")
    return near if near[:1].isalpha() else f"plugin-{near}".rstrip("-")


def _texts(kind: NewKind) -> Iterator[tuple[Path, str]]:
    """Give the template's files, `NAME.in` each, by their paths; those of the kind come last."""
    for part in ("common", kind):
        for path in sorted((_TEMPLATE / part).rglob("*.in")):
            yield path.relative_to(_TEMPLATE / part), path.read_text(encoding="utf-8")
