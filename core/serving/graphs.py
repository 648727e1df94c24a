"""The graphs of a bundle: opened when first used, every input checked before it runs."""

import threading
from collections.abc import Mapping, Sequence
from copy import copy
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnxruntime as ort

from unbraid.core.bundle import BundleGraph, BundleTensor, Manifest
from unbraid.core.errors import CapabilityError, DamagedArtefactError, DataError
from unbraid.core.serving.session import CPU, Array, open_session, run_session

#: An input of this name may be left out; it is zeros then, which gives the mean.
NOISE = "noise"


class Graphs:
    """Run graphs by name, from any number of threads.

    Args:
        folder: the bundle.
        manifest: its manifest, already checked.
        threads: a graph uses for one call.
        providers: execution providers of onnxruntime, best first.
    """

    def __init__(self, folder: Path, manifest: Manifest, threads: int, providers: Sequence[str] = CPU) -> None:
        self._folder = folder
        self._manifest = manifest
        self._threads = threads
        self._providers = providers
        self._sessions: dict[str, ort.InferenceSession] = {}
        self._lock = threading.Lock()

    def of(self, manifest: Manifest) -> "Graphs":
        """Give the same graphs under the names of another view of the manifest; what is open is open for both."""
        view = copy(self)
        view._manifest = manifest
        return view

    def require(self, *names: str) -> None:
        """Raise `CapabilityError` where the bundle lacks one of the graphs."""
        for name in names:
            self.graph(name)

    def graph(self, name: str) -> BundleGraph:
        """Give the manifest's entry of a graph.

        Raises:
            CapabilityError: there is no such graph.
        """
        graphs = self._manifest.graphs
        if name not in graphs:
            heads = self._manifest.heads
            methods = ", ".join(dict.fromkeys(head.method.name for head in heads.values()))
            choose = f"choose one of several heads: bundle.head({next(iter(heads))!r})"
            raise CapabilityError(
                f"this bundle cannot {name}",
                expected=f"a graph {name!r}",
                found=", ".join(graphs),
                hint=choose if len(heads) > 1 else f"export a head ({methods} here) or backbone that can {name}",
            )
        return graphs[name]

    def run(self, name: str, inputs: Mapping[str, Array], options: ort.RunOptions | None = None) -> dict[str, Array]:
        """Run a graph on a batch: input name -> `(B, *shape)` numbers; gives its outputs by name.

        Raises:
            CapabilityError: there is no such graph.
            DataError: an input is missing, unknown, of the wrong shape, or not finite.
        """
        graph = self.graph(name)
        checked = _checked(name, graph, inputs)
        return run_session(self.session(name), checked, [output.name for output in graph.outputs], options)

    def session(self, name: str) -> ort.InferenceSession:
        """Give the session of a graph; the first call opens it, from bytes whose hash was just checked."""
        graph = self.graph(name)
        with self._lock:
            if graph.file not in self._sessions:
                self._sessions[graph.file] = self._open(graph)
            return self._sessions[graph.file]

    def _open(self, graph: BundleGraph) -> ort.InferenceSession:
        path = self._folder / graph.file
        data = read_graph(path, graph)
        try:
            return open_session(data, threads=self._threads, providers=self._providers)
        except Exception as error:  # onnxruntime has one class for each of its error codes
            problem = f"onnxruntime cannot open {path}"
            raise DamagedArtefactError(problem, found=str(error)[:300], hint="export it again") from error


def read_graph(path: Path, graph: BundleGraph) -> bytes:
    """Read the bytes of a graph and check them against the manifest.

    Raises:
        DamagedArtefactError: the file is missing, or its bytes are not those that were exported.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DamagedArtefactError(f"{path} cannot be read", found=error.strerror, hint="copy it again") from error
    found = sha256(data).hexdigest()
    if found != graph.sha256:
        expected = f"sha256 {graph.sha256}"
        raise DamagedArtefactError(
            f"{path} is altered", expected=expected, found=f"sha256 {found}", hint="copy it again"
        )
    return data


def _checked(name: str, graph: BundleGraph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    wanted = {tensor.name: tensor for tensor in graph.inputs}
    given = dict(inputs)
    rows = {len(np.atleast_1d(value)) for value in given.values()}
    if NOISE in wanted and NOISE not in given:
        given[NOISE] = np.zeros((max(rows, default=0), *wanted[NOISE].shape), np.float32)
    if given.keys() != wanted.keys() or len(rows) != 1 or 0 in rows:
        raise _wrong_inputs(name, wanted, given)
    return {key: _checked_array(name, wanted[key], value) for key, value in given.items()}


def _checked_array(name: str, tensor: BundleTensor, value: Array) -> Array:
    array = np.asarray(value)
    if array.shape[1:] != tensor.shape or array.ndim != len(tensor.shape) + 1 or array.dtype.kind not in "fiu":
        expected, found = f"{('B', *tensor.shape)} numbers", f"{array.shape} {array.dtype}"
        raise DataError(f"{name}: {tensor.name} has the wrong shape or dtype", expected=expected, found=found)
    if not np.isfinite(array).all():
        raise DataError(f"{name}: {tensor.name} must be finite", expected="no NaN or infinity", found="some")
    return array.astype(np.float32)


def _wrong_inputs(name: str, wanted: Mapping[str, BundleTensor], given: Mapping[str, Array]) -> DataError:
    return DataError(
        f"{name}: wrong inputs",
        expected=", ".join(f"{tensor.name} {('B', *tensor.shape)}" for tensor in wanted.values())
        + ", B the same in all",
        found=", ".join(f"{key} {np.shape(value)}" for key, value in given.items()) or "nothing",
        hint="pass every input under its name, each with as many rows",
    )
