"""The README of a bundle: what it is and how to run it."""

from unbraid.core.bundle import BundleGraph, BundleTensor, Manifest

_TEXT = """\
# {method} on {adapter}

Made by Unbraid {unbraid}. ONNX opset {opset}, float32, no custom operators, no random operators, batch size free.

| graph | takes | gives | bytes | largest difference from torch |
|---|---|---|---|---|
{graphs}

Images: `(batch, {image})`, float32 in [0, 1], channels first; all other preprocessing lies inside `encode`.

| factor | role | shape | distribution |
|---|---|---|---|
{factors}

`transfer` takes the `content` factors from one image and all others from another one.

## Use

```python
import unbraid

bundle = unbraid.load_bundle("{folder}")  # needs onnxruntime and numpy, not torch
factors = bundle.disentangle(images)
```

Any ONNX runtime takes the files under `models/`; `samples/in.safetensors` and `samples/out.safetensors` hold a few
rows in and out of every graph (`<graph>.<tensor>`) to check it with. `manifest.json` describes everything.

## Where it comes from

* method: {method} ({distribution} {version})
* backbone: {adapter}, frozen; source: {source}; licence of the weights: {licence}
* fingerprint: `{fingerprint}`
"""


def readme(manifest: Manifest, folder: str) -> str:
    """Write the README of a bundle that will be called `folder`."""
    method, backbone = manifest.method, manifest.backbone
    return _TEXT.format(
        method=method.name,
        distribution=method.distribution,
        version=method.version,
        adapter=backbone.adapter,
        source=backbone.source or "not stated",
        licence=backbone.licence or "not stated",
        fingerprint=backbone.fingerprint,
        unbraid=manifest.versions["unbraid"],
        opset=manifest.versions["opset"],
        image=", ".join(map(str, manifest.image)),
        graphs="\n".join(_graph_row(name, graph) for name, graph in manifest.graphs.items()),
        factors="\n".join(f"| {f.name} | {f.role} | {list(f.shape)} | {f.distribution} |" for f in manifest.factors),
        folder=folder,
    )


def _graph_row(name: str, graph: BundleGraph) -> str:
    figure = f"{graph.tolerance.max_abs:.1e} (bound {graph.tolerance.bound:.1e})"
    return f"| `{name}` | {_tensors(graph.inputs)} | {_tensors(graph.outputs)} | {graph.bytes:,} | {figure} |"


def _tensors(tensors: tuple[BundleTensor, ...]) -> str:
    return ", ".join(f"`{t.name}` {['batch', *t.shape]}".replace("'", "") for t in tensors)
