"""How to read each kind of figure, in the words of the report."""

from collections.abc import Iterable, Mapping

#: First part of a figure's name -> what it is, which direction is good, and where it deceives.
READING: Mapping[str, str] = {
    "few_shot": "Share of queries put to the right one of a few classes by the nearest mean of their examples. High is "
    "good for a content factor, and should at least equal the raw latents; near chance is good for a style factor.",
    "few_shot_score": "The same task, decided by the head's own scorer instead of distance.",
    "alignment": "Share of labels a fresh attacker reads from the factor they belong in; high is good. Training "
    "contents, split by sample, so it says what the factor holds and not whether it generalises to new contents.",
    "leakage": "The same for labels that do not belong in the factor; chance is best. It is a lower bound: a stronger "
    "attacker might read more, none can be shown to read less.",
    "selectivity": "Normalised accuracy in the right factors less that in the wrong ones: 1 is best, 0 is no separation.",
    "block_mig": "Information in the right factors less that in the wrong ones, as a share of the label's entropy: "
    "1 is best, 0 is no separation.",
    "block_dci": "Disentanglement: each factor speaks of one label. Completeness: each label sits in one "
    "factor. 1 is best.",
    "block_modularity": "Each factor speaks of one label only, all factors counted alike: 1 is best.",
    "reconstruction": "Squared error of taking a latent apart and putting it together, by the variance of the latents: "
    "0 is perfect, 1 is predicting the mean. Raw latents have 0 by definition: no head gets there for free.",
    "reconstruction_pixels": "Squared error of the decoded picture; low is good. Raw latents show what encoder and decoder lose "
    "by themselves; only what lies above is the head's doing.",
    "swap_error": "Squared error of content in another style against the true sample, by the variance: 0 is perfect, 1 "
    "is predicting the mean. A head that only copies its content donor scores 'copy content donor'; one worth having "
    "beats the additive rule too.",
    "swap_right_cell": "Share of swaps nearest to a true sample of the right content and the right style; high is good.",
    "swap_labels": "Share of swaps in which a classifier trained on real latents sees the content of the content donor, the "
    "style of the style donor, or both; high is good. 'Real latents' is what it scores on the donors themselves; "
    "'copy style donor' has the style right by copying, so only 'both' shows a swap.",
    "swap_labels_pixels": "The same after the swap was decoded and encoded again by the frozen model; 'decoded donors' is "
    "the best any head can do behind this decoder and encoder.",
    "swap_cycle": "The swap is taken apart again: distance of each factor from its donor's, by that of a random sample. 0 is "
    "perfect, 1 is no nearer than a random sample. A factor that is nearly constant makes it easy.",
    "swap_cycle_pixels": "The same through the picture: decoded and encoded again before it is taken apart.",
    "swap_diversity": "Distance between swaps of one content in other styles, by that of real samples of a content: 0 "
    "ignores style, 1 is as varied as real ones. Above 1, content changes too: look at swap_labels.",
    "swap_diversity_pixels": "The same in decoded pixels, beside decoded real samples.",
    "mutual_information": "Information two factors share, in nats, by a fresh critic on samples it never saw. Low is good, 0 "
    "is independence; a lower bound, so a low value says that this critic sees little. 'Shuffled pairs' is what it finds in "
    "nothing. '>=' means that there is more than the samples at hand can tell.",
    "variance_ratio": "Variance of a factor's numbers within one content, by their overall variance: 0 is the same for all "
    "samples of a content, which is best for a content factor; 1 knows nothing of the content, which is best for a style "
    "factor. It sees means and spreads alone: a style factor near 1 may still give the content away to an attacker.",
    "scalar": "The field's scores of single numbers against known generative factors; high is good. They want one number a "
    "factor: one spread over several numbers, as in wide factors, scores low in MIG, SAP, DCI, FactorVAE and IRS and loses "
    "nothing by it. BetaVAE and explicitness ask whether factors are there, not where. Compare only scores of one protocol.",
    "swap_error_pixels": "The same as swap_error on decoded pictures; 'decoded true latent' is the best any head can do "
    "behind this decoder.",
}


def how_to_read(kinds: Iterable[str]) -> dict[str, str]:
    """Give the explanation of every kind of figure that has one, in the order of the figures."""
    return {kind: READING[kind] for kind in kinds if kind in READING}
