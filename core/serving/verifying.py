"""Say whether a bundle is what it says it is, and runs here as it ran where it was made."""

from collections.abc import Iterator
from pathlib import Path

from unbraid.core.artefacts.manifest import read_manifest as read_list
from unbraid.core.bundle import SCHEMA_VERSION, Manifest, triton_files
from unbraid.core.serving.bundle import Bundle
from unbraid.core.serving.loading import check_graph, read_manifest
from unbraid.core.serving.samples import read_samples


def verify_bundle(path: Path | str, *, tolerance: float | None = None) -> Iterator[tuple[str, str]]:
    """Check a bundle step by step: first every file, then every graph, and only then run them on the stored samples.

    Args:
        path: folder that `export` wrote.
        tolerance: as for `Bundle.verify`.

    Yields:
        What was checked, and what was found; the first thing that is wrong is an error instead.

    Raises:
        ArtefactError: there is no such folder, or it is no bundle.
        DamagedArtefactError: something is missing, altered, linked, too large, or breaks a rule.
        FormatVersionError: a newer version of Unbraid wrote it.
        ParityError: a graph gives other numbers here.
    """
    path = Path(path)
    manifest = read_manifest(path)
    count = len(read_list(path)["files"])
    yield "files", f"{count} of the size and sha256 that were listed; no links; nothing else in models/"
    yield "manifest", f"schema version {SCHEMA_VERSION}, id {manifest.id[:16]}; {_heads(manifest)}"
    configs = [name for name in triton_files(manifest) if name.endswith(".pbtxt")]
    yield "triton", f"{len(configs)} configurations say what the manifest says"
    for name in manifest.graphs:
        yield f"graph {name}", f"{check_graph(path, manifest, name)}; batch free, no data elsewhere"
    rows = {name: len(next(iter(given.values()))) for name, given in read_samples(path, manifest, "in").items()}
    for name, difference in Bundle(path, manifest).verify(tolerance).items():
        yield f"samples of {name}", f"{rows[name]} rows, {difference:.1e} at most from what was stored"


def _heads(manifest: Manifest) -> str:
    described = (
        f"head {name}: {head.method.name} ({', '.join(factor.name for factor in head.factors)})"
        for name, head in manifest.heads.items()
    )
    return "; ".join(described)
