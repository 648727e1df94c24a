"""What the plug-in declares; imports nothing heavy."""

from collections.abc import Iterable

from unbraid import MetricSpec, hookimpl


@hookimpl
def unbraid_metrics() -> Iterable[MetricSpec]:
    """Declare the metric."""
    yield MetricSpec(
        name="pair_correlation",
        target="unbraid_pair_correlation.metric:pair_correlation",
        summary="How much do two samples of one content, or of one style, agree in each factor?",
        licence="Apache-2.0",
        reference="Esser, Rombach and Ommer 2020, arXiv:2004.13166, section 3.3",
    )
