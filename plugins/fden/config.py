"""Settings of FDEN."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from unbraid.core.checked_settings import CheckedSettings
from unbraid.plugins.fden.names import TAKEN, is_label

Alignment = Literal["relation", "matching", "prototype"]
Clip = Literal["global", "per_tensor", "off"]
Averaging = Literal["rows", "sets"]
MapView = Literal["auto", "flattened", "pooled", "positions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FDENConfig(CheckedSettings):
    """Settings of FDEN; the defaults are the `default` preset.

    Args:
        alpha, beta, gamma: weights of reconstruction, alignment and mutual information; equation (6). The
            reconstruction error is a mean over dimensions, the paper's a sum. With gamma 0 there is no critic.
        alignment: how a query is compared with the support: a learned comparator as in the authors' code
            (`relation`), attention by cosine (`matching`), or distance to class means (`prototype`).
        clip: adaptive gradient clipping, equation (7): one norm over the whole disentangler (`global`), one for each
            matrix as in the authors' code (`per_tensor`), or none (`off`).
        labels: roles of the labels that get a factor of their own, `content` first: it alone is the source paper, more
            are the journal version. The factor of `style` is called `attribute`, that of an attribute of the data set
            as the attribute is; `style` holds what no label names.
        reconstruction: one mean over all rows of a step (`rows`), or the sum of one over support rows and one over
            query rows as in the authors' code (`sets`).
        adversary: weight of a classifier that reads the content label from style, behind a gradient reversal. An
            extra that no version of the paper has; 0 is none.
        ways, shots, queries, query_classes, episodes: `episodes` episodes a step and label, of `ways` classes with
            `shots` support rows, and `queries` query rows of each of `query_classes` of the ways. Labels other than
            content take all their classes where those are fewer.
        trunk, branch: hidden widths of D_dec, and of D_ide and D_sty.
        entangler_branch, entangler: hidden widths of E_ide and E_sty, and of E_enc.
        split_trunk: gives each of D_ide and D_sty its own part of D_dec's output, as the authors' code does, in place
            of the whole.
        critic: hidden widths of the statistician F_mi.
        critic_branch: widths of the layers that the statistician has for each factor before it joins them; none
            joins them at once, as printed.
        critic_average: weight of the newest batch in the moving average that corrects the bias of the statistician's
            gradient (MINE, equation 12); 0 takes the batch alone, as FDEN does.
        critic_steps: extra updates of the statistician alone in each step.
        factor_width: numbers in each factor; None takes as many as the networks see of a latent.
        dropout: probability, before every linear layer.
        slope: of the leaky ReLU below zero.
        bias: whether linear layers have one.
        initialiser: `glorot`, `he` or `truncated_normal` (standard deviation 0.001, as printed).
        standardise: of the latents before anything else: `dim`, `channel` or `none`.
        map: how maps are seen: `flattened` (up to 4096 numbers), `pooled` (means over positions; what they leave aside
            is a factor `rest`), by `positions` (1 x 1 convolutions; factors are maps, `factor_width` their channels), or
            `auto`: flattened where that is possible, otherwise pooled where channels are at least as many as
            positions, otherwise by positions. Vectors are as they are.
        lr, betas: of Adam, for all networks alike.
        steps: training steps of a fit unless told otherwise.

    Raises:
        ConfigError: a value out of range.
    """

    method: ClassVar[str] = "fden"

    alpha: float = 10.0
    beta: float = 1.0
    gamma: float = 0.5
    alignment: Alignment = "prototype"
    clip: Clip = "global"
    labels: tuple[str, ...] = ("content",)
    reconstruction: Averaging = "rows"
    adversary: float = 0.0
    ways: int = 5
    shots: int = 1
    queries: int = 1
    query_classes: int = 5
    episodes: int = 16
    trunk: tuple[int, ...] = (256, 256, 256)
    branch: tuple[int, ...] = (256, 256)
    entangler_branch: tuple[int, ...] = (256, 256)
    entangler: tuple[int, ...] = (256, 256, 256)
    split_trunk: bool = False
    critic: tuple[int, ...] = (512, 256, 64)
    critic_branch: tuple[int, ...] = ()
    critic_average: float = 0.0
    critic_steps: int = 0
    factor_width: int | None = None
    dropout: float = 0.0
    slope: float = 0.01
    bias: bool = True
    initialiser: Literal["glorot", "he", "truncated_normal"] = "glorot"
    standardise: Literal["none", "dim", "channel"] = "dim"
    map: MapView = "auto"
    lr: float = 1e-3
    betas: tuple[float, float] = (0.5, 0.999)
    steps: int = 2_500

    def __post_init__(self) -> None:
        self.check_at_least(0, "alpha", "beta", "gamma", "adversary", "critic_steps", "slope")
        self.check_at_least(1, "shots", "queries", "query_classes", "episodes", "steps")
        self.check_at_least(2, "ways")
        self.check_widths("trunk", "branch", "entangler_branch", "entangler", "critic")
        self.check(not self.critic_branch or min(self.critic_branch) >= 1, "critic_branch", "widths >= 1, or none")
        if self.factor_width is not None:
            self.check_at_least(1, "factor_width")
        self.check(self.query_classes <= self.ways, "query_classes", f"at most ways ({self.ways})")
        self.check_share("dropout", "critic_average")
        self.check(
            self.labels[:1] == ("content",) and len(set(self.labels)) == len(self.labels),
            "labels",
            "content, then any other roles, each once",
        )
        taken = f"snake_case names other than {', '.join(TAKEN)}, which are taken"
        self.check(all(is_label(label) for label in self.labels), "labels", taken)
        self.check_positive("lr")
        self.check_betas()
        self.check_one_of("alignment", Alignment)
        self.check_one_of("clip", Clip)
        self.check_one_of("reconstruction", Averaging)
        self.check_one_of("map", MapView)
