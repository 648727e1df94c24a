"""What people read in a bundle: its model card, and whose weights it holds."""

from unbraid.core.bundle import BundleGraph, BundleHead, BundleReduction, BundleTensor, Manifest

_CARD = """\
---
library_name: unbraid
pipeline_tag: feature-extraction
tags: [unbraid, disentanglement, onnx]
---

# {title}

Made by Unbraid {unbraid}. ONNX opset {opset}, float32 in and out, no custom operators, no random operators, batch
size free.

| graph | takes | gives | bytes | weights | largest difference from torch |
|---|---|---|---|---|---|
{graphs}

Images: `(batch, {image})`, float32 in [0, 1], channels first, already of this size; all other preprocessing lies inside
`encode`. An input called `noise` may be zeros, which gives the mean.
{heads}
`transfer` takes the `content` factors from one image and all others from another one.

## Use

```python
import unbraid

bundle = unbraid.load_bundle("{folder}")  # needs onnxruntime and numpy, not torch
factors = bundle{chosen}.disentangle(images)
```

Any ONNX runtime takes the files under `models/`; `samples/in.safetensors` and `samples/out.safetensors` hold a few
rows in and out of every graph (`<graph>.<tensor>`) to check it with, and `unbraid bundle verify {folder}` does so here.
`models/` is also a model repository for Triton: `tritonserver --model-repository {folder}/models`.
`manifest.json` describes everything.

## Where it comes from

* backbone: {adapter}, frozen; source: {source}; licence of the weights: {licence}
* its fingerprint: `{fingerprint}`
{methods}
"""

_LICENCES = """\
Whose weights this bundle holds

models/encode, models/decode: backbone {adapter}
  source:  {source}
  licence: {licence}

{heads}
Unbraid, which wrote the bundle, is Apache-2.0; that says nothing about the weights. Who passes the bundle on keeps to
the licence of the backbone's weights, and to whatever binds those who trained the heads.
"""


def readme(manifest: Manifest, folder: str) -> str:
    """Write the README of a bundle that will be called `folder`: a model card."""
    backbone, names = manifest.backbone, list(manifest.heads)
    methods = dict.fromkeys(head.method.name for head in manifest.heads.values())
    return _CARD.format(
        title=f"{' and '.join(methods)} on {backbone.adapter}",
        adapter=backbone.adapter,
        source=backbone.source or "not stated",
        licence=backbone.licence or "not stated",
        fingerprint=backbone.fingerprint,
        unbraid=manifest.versions["unbraid"],
        opset=manifest.versions["opset"],
        image=", ".join(map(str, manifest.image)),
        graphs="\n".join(_graph_row(name, graph) for name, graph in manifest.graphs.items()),
        heads="".join(_factors(name, head) for name, head in manifest.heads.items()),
        methods="\n".join(_origin(name, head) for name, head in manifest.heads.items()),
        chosen="" if len(names) == 1 else f'.head("{names[0]}")',
        folder=folder,
    )


def licences(manifest: Manifest) -> str:
    """Write the file `LICENSES`: what is known of the rights in the weights."""
    backbone = manifest.backbone
    return _LICENCES.format(
        adapter=backbone.adapter,
        source=backbone.source or "not stated",
        licence=backbone.licence or "not stated: ask whoever gave you the weights",
        heads="".join(
            f"{', '.join(f'models/{graph}' for graph in head.graphs.values())}: head {name}\n"
            f"  trained with {head.method.name} of {head.method.distribution} {head.method.version}\n\n"
            for name, head in manifest.heads.items()
        ),
    )


def _graph_row(name: str, graph: BundleGraph) -> str:
    figure = f"{graph.tolerance.max_abs:.1e} (bound {graph.tolerance.bound:.1e})"
    sides = f"{_tensors(graph.inputs)} | {_tensors(graph.outputs)}"
    return f"| `{name}` | {sides} | {graph.bytes:,} | {graph.precision} | {figure} |"


def _factors(name: str, head: BundleHead) -> str:
    rows = "\n".join(f"| {f.name} | {f.role} | {list(f.shape)} | {f.distribution} |" for f in head.factors)
    table = f"\nHead `{name}`:\n\n| factor | role | shape | distribution |\n|---|---|---|---|\n{rows}\n"
    return table + (_cost(head.reduction) if head.reduction else "")


def _cost(found: BundleReduction) -> str:
    """Say what smaller weights cost."""
    rows = "\n".join(f"| {f.name} | {f.before:.4f} | {f.after:.4f} |" for f in found.figures)
    where = f"on {found.dataset}, {found.episodes} episodes, seed {found.seed}"
    return f"\n| {where} | float32 | these weights |\n|---|---|---|\n{rows}\n"


def _origin(name: str, head: BundleHead) -> str:
    return f"* head {name}: {head.method.name} ({head.method.distribution} {head.method.version}), `{head.fingerprint}`"


def _tensors(tensors: tuple[BundleTensor, ...]) -> str:
    return ", ".join(f"`{t.name}` {['batch', *t.shape]}".replace("'", "") for t in tensors)
