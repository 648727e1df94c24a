"""The zoo as a plug-in: what a third party would write."""

from unbraid.registry import DisentanglerSpec, hookimpl


def spec(name: str, target: str, **more: object) -> DisentanglerSpec:
    return DisentanglerSpec(
        name=name, target=f"zoo_methods:{target}", summary=f"toy: {target}", reference="none", **more
    )


@hookimpl
def unbraid_disentanglers() -> list[DisentanglerSpec]:
    return [
        spec("split", "Split", supervision="none"),
        spec("two-domains", "TwoDomains", supervision="none", domains=2),
        spec("gated-adversary", "GatedAdversary", supervision="none"),
        spec("gaussian-style", "GaussianStyle", supervision="pairs"),
        spec("class-gated", "ClassGated", supervision="partial", needs_classes=True),
        spec("embedding", "Embedding"),
        spec("closed-form", "ClosedForm", supervision="none"),
        spec("pooled-map", "PooledMap", supervision="none"),
        spec("exact-flow", "ExactFlow", supervision="none"),
        spec("three-labels", "ThreeLabels"),
        spec("pixel-cycle", "PixelCycle", supervision="none", needs=frozenset({"decode", "gradient"})),
    ]
