"""What JADE minimises."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from unbraid.core.interfaces import Draws, Losses, Objective, OptimiserSpec, Posterior, Rows, Samples, Term
from unbraid.core.nn import gaussian_kl
from unbraid.core.nn.labelled import labelled_cross_entropy
from unbraid.plugins.jade.matching import matched_divergence, moment_divergence

if TYPE_CHECKING:
    from unbraid.plugins.jade.model import JADE, Domain


class Joint:
    """Labels and bounds of both domains and the divergence between their contents: one loss, one optimiser."""

    def __init__(self, head: "JADE") -> None:
        self.head = head

    def objective(self) -> Objective:
        """Give the objective for the engine."""
        config = self.head.config
        return Objective(
            name="joint",
            batch={name: Samples(config.rows, domain=name) for name in self.head.domains},
            loss=self.loss,
            updates=[self.head],
            optimiser=OptimiserSpec("adam", lr=config.lr),
        )

    def loss(self, batch: Mapping[str, Any], draws: Draws) -> Losses:
        """Compute the terms of each domain, and that which joins them."""
        terms: dict[str, Term] = {}
        contents: list[tuple[Posterior, Tensor]] = []
        for name in self.head.domains:
            domain, rows = self.head.domain(name), batch[name]
            x = domain.standardised(rows.z)
            posteriors = domain.read(x)
            terms |= {f"{name}_{term}": value for term, value in self._own(domain, x, posteriors, rows, draws).items()}
            contents.append((posteriors["content"], rows.labels["content"]))
        if self.head.config.match != "off":
            terms["matching"] = Term(self.matching(*contents), self.weight)
        return terms

    @property
    def weight(self) -> float:
        """Weight of the matching: it is a part of the bound, and divided as that of either domain is, on the average."""
        config = self.head.config
        widths = [self.head.domain(name).latent.width for name in self.head.domains]
        return config.matching * config.bound * sum(1 / width for width in widths) / len(widths)

    def matching(self, first: tuple[Posterior, Tensor], second: tuple[Posterior, Tensor]) -> Tensor:
        """Compute the divergence of contents and labels of the first domain from those of the second, a scalar."""
        match self.head.config.match:
            case "class_moment":
                return moment_divergence(*first, *second, self.head.classes)
            case "symmetric_kl":
                return 0.5 * (matched_divergence(*first, *second) + matched_divergence(*second, *first))
            case _:
                return matched_divergence(*first, *second)

    def _own(
        self, domain: "Domain", x: Tensor, posteriors: Mapping[str, Posterior], rows: Rows, draws: Draws
    ) -> dict[str, Term]:
        """Compute the label term of one domain and, where it is autoencoded, its bound."""
        config = self.head.config
        drawn = {name: p.sample(draws.normal(*p.mean.shape)) for name, p in posteriors.items()}
        logits = domain.classifier(drawn["content"])
        terms = {"label": Term(labelled_cross_entropy(logits, rows.labels["content"]), config.label)}
        if config.autoencode:
            weight = config.bound / x.shape[1]
            misfit = domain.misfit(x, domain.join(drawn["content"], drawn["style"]))
            terms["reconstruction"] = Term(misfit.mean(), weight)
            for name, posterior in posteriors.items():
                terms[f"{name}_kl"] = Term(_divergence(posterior), weight)
        return terms


def _divergence(posterior: Posterior) -> Tensor:
    assert posterior.log_variance is not None
    return gaussian_kl(posterior.mean, posterior.log_variance).mean()
