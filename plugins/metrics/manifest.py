"""What the built-in metrics declare."""

from unbraid.registry import MetricSpec, hookimpl

_HERE = "unbraid.plugins.metrics"


@hookimpl
def unbraid_metrics() -> tuple[MetricSpec, ...]:
    """Declare the metrics."""
    return (
        MetricSpec(
            name="few_shot",
            target=f"{_HERE}.few_shot:few_shot",
            config=f"{_HERE}.few_shot:FewShotConfig",
            summary="Can unseen contents be told apart from one or a few examples, by each factor?",
            reference="Snell et al. 2017, Prototypical Networks; interval over classes: arXiv 2409.02850",
        ),
        MetricSpec(
            name="probes",
            target=f"{_HERE}.probes:probes",
            config=f"{_HERE}.probes:ProbesConfig",
            summary="What do fresh attackers read from each factor: what should be there, and what leaks?",
            reference="Elazar & Goldberg 2018, arXiv 1808.06640",
        ),
        MetricSpec(
            name="blocks",
            target=f"{_HERE}.blocks:blocks",
            config=f"{_HERE}.readings:ProbesConfig",
            summary="How do content and style spread over the factors: selectivity, MIG, DCI and modularity of blocks?",
            reference="Chen et al. 2018 (MIG), Eastwood & Williams 2018 (DCI), Ridgeway & Mozer 2018 (modularity)",
        ),
        MetricSpec(
            name="mutual_information",
            target=f"{_HERE}.mutual_information:mutual_information",
            config=f"{_HERE}.mutual_information:MutualInformationConfig",
            summary="How much do factors know of each other, by a fresh critic on held-out samples?",
            reference="Belghazi et al. 2018, MINE, arXiv 1801.04062",
        ),
        MetricSpec(
            name="scalar",
            target=f"{_HERE}.scalar:scalar",
            config=f"{_HERE}.scalar:ScalarConfig",
            summary="BetaVAE, FactorVAE, MIG, DCI, SAP, modularity, explicitness, IRS, where generative factors are known",
            reference="Locatello et al. 2019, arXiv 1811.12359",
        ),
        MetricSpec(
            name="reconstruction",
            target=f"{_HERE}.reconstruction:reconstruction",
            summary="How much of an unseen latent is lost by taking it apart and putting it back together?",
            needs=frozenset({"entangle"}),
        ),
        MetricSpec(
            name="swap_error",
            target=f"{_HERE}.swap_error:swap_error",
            config=f"{_HERE}.swap_error:SwapConfig",
            summary="How far is content in another style from the true sample, beside the simplest rules?",
            needs=frozenset({"entangle"}),
        ),
        MetricSpec(
            name="swap_labels",
            target=f"{_HERE}.swap_labels:swap_labels",
            config=f"{_HERE}.swap_labels:SwapLabelsConfig",
            summary="Does a judge of real latents see both donors in a swap, do its factors return, do styles differ?",
            needs=frozenset({"entangle"}),
        ),
        MetricSpec(
            name="variance_ratio",
            target=f"{_HERE}.variance_ratio:variance_ratio",
            summary="How much of each factor's variance is left within one content: little in content, most in style?",
            reference="Banijamali et al. 2017, JADE, figure 2",
        ),
    )
