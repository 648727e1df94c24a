"""PixelVAE on glyphs: an autoregressive decoder beside the VAE's own and a plain one, on the same frozen latents.

The report on cycle-VAE that tried it shows pictures and no figures, so all figures are ours (tier B): unseen
characters, the shipped VAE of glyphs in place of one on MNIST, its encoder frozen.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from judging import Eye
from results import Ints, kept, markdown
from torch import Tensor

import unbraid
from unbraid.adapters.backbones.decoded.config import DecodedConfig
from unbraid.adapters.backbones.decoded.config import PretrainConfig as PlainTraining
from unbraid.adapters.backbones.decoded.pretrain import pretrain as pretrain_plain
from unbraid.adapters.backbones.pixelvae.adapter import PixelVAEBackbone
from unbraid.adapters.backbones.pixelvae.config import PixelVAEConfig
from unbraid.adapters.backbones.pixelvae.config import PretrainConfig as PixelTraining
from unbraid.adapters.backbones.pixelvae.model import PixelDecoder
from unbraid.adapters.backbones.pixelvae.pretrain import pretrain as pretrain_pixels
from unbraid.core.evaluation.intervals import normal_interval
from unbraid.core.evaluation.judge import train_judge
from unbraid.core.evaluation.probe import ProbeSettings
from unbraid.core.interfaces import Draws
from unbraid.core.report.drawing import grid, png_of
from unbraid.core.threads import threads
from unbraid.core.training import FitSettings

Array = npt.NDArray[np.float64]

ENCODER: Mapping[str, Any] = {"encoder": "vae", "settings": {"weights": "builtin:glyphs"}}
#: Nine minutes of a core for the one, two for the other; the full form takes both five times as long.
PIXEL_STEPS, PLAIN_STEPS, LONGER = 2_000, 1_000, 5
#: Draws that are averaged, and latents of the prior that are drawn.
DRAWS, SHOWN = 4, 12
#: Pictures that the speed is measured on.
TIMED = 64
JUDGE = ProbeSettings(max_steps=500)
OWN, PLAIN, DRAWN, MODE, MEAN = (
    "the VAE's own, trained with its encoder",
    "`decoded`",
    "PixelVAE, `draw`",
    "PixelVAE, `mode`",
    f"PixelVAE, mean of {DRAWS} draws",
)
ITSELF = "the picture itself, black and white"
ROWS = (ITSELF, OWN, PLAIN, DRAWN, MODE, MEAN)
PROTOCOL = (
    "Glyphs, the encoder of `builtin:glyphs` (32 numbers, means), 30 characters that neither encoder nor decoder saw, 31 "
    "typefaces, 930 pictures; in brackets Student's t over the 30 characters. Wrong pixels after making both black and "
    "white at a half; balanced is the mean of the shares of ink and of paper that are wrong. Bits are of that black and "
    "white picture given its latent, for plain decoders by independent Bernoulli pixels. The judge, two layers on 50 "
    "principal components, learnt the 30 characters from real pictures in the 24 training typefaces; it is asked in the "
    "7 others (210 pictures, chance 3.3 %). Speed is of one thread, CPU time, 64 pictures at once."
)


def trained(train: Callable[..., Path], out: Path, steps: int) -> str:
    """Train a decoder on glyphs, unless it is there, and give its weights."""
    if not (out / "weights").exists():
        fit = FitSettings(steps=steps, eval_every=250, checkpoint_every=250, quiet=True)
        train(dataset=unbraid.load_dataset("glyphs"), out=out, fit=fit, resume=out.exists())
    return str(out / "weights")


def plain(out: Path, steps: int) -> unbraid.Backbone:
    """Train the plain decoder, unless it is there."""
    train = partial(pretrain_plain, DecodedConfig(**ENCODER), settings=PlainTraining(device="cpu"))
    return unbraid.load_backbone("decoded", weights=trained(train, out, steps))


def pixel_by_pixel(out: Path, steps: int) -> PixelVAEBackbone:
    """Train the autoregressive decoder, unless it is there."""
    train = partial(pretrain_pixels, PixelVAEConfig(**ENCODER), settings=PixelTraining(device="cpu"))
    backbone = unbraid.load_backbone("pixelvae", weights=trained(train, out, steps))
    assert isinstance(backbone, PixelVAEBackbone)
    return backbone


def decoder_of(backbone: unbraid.Backbone) -> PixelDecoder:
    """Give the autoregressive decoder."""
    assert isinstance(backbone.decoder, PixelDecoder)
    return backbone.decoder


def mean_of_draws(decoder: PixelDecoder, z: Tensor) -> Tensor:
    """Average pictures that are drawn with other random numbers each."""
    size = decoder.uniforms.shape
    drawn = [decoder.draw(z, Draws(0, "table", step).uniform(len(z), *size)) for step in range(DRAWS)]
    return torch.stack(drawn).mean(0)


def bernoulli_bits(p: Tensor, x: Tensor) -> Array:
    """Bits of black and white pictures whose pixels are independent: `(B,)`."""
    found = torch.nn.functional.binary_cross_entropy(p, x, reduction="none").flatten(1).sum(1) / math.log(2)
    return np.asarray(found.double())


def errors(made: Tensor, real: Tensor) -> dict[str, Array]:
    """Squared error of a pixel, share of wrong pixels and the balanced one, a number a picture."""
    wrong, ink = ((made > 0.5) != (real > 0.5)).flatten(1).double(), (real > 0.5).flatten(1).double()
    paper = 1 - ink
    missed, added = (wrong * ink).sum(1) / ink.sum(1), (wrong * paper).sum(1) / paper.sum(1)
    squared = (made - real).double().square().flatten(1).mean(1)
    found = {"squared": squared, "wrong": wrong.mean(1), "balanced": (missed + added) / 2}
    return {name: np.asarray(values) for name, values in found.items()}


def over_characters(values: Array, characters: Ints) -> list[float]:
    """Give mean and interval of the means of characters."""
    means = np.array([values[characters == each].mean() for each in np.unique(characters)])
    interval = normal_interval(means)
    assert interval is not None
    return [float(means.mean()), *interval]


def measure(out: Path, quick: bool) -> dict[str, Any]:
    """Train what is not trained yet, and measure all decoders on unseen characters."""
    longer = 1 if quick else LONGER
    pixels = pixel_by_pixel(out / "pixelvae", PIXEL_STEPS * longer)
    plainly = plain(out / "plain", PLAIN_STEPS * longer)
    mode = unbraid.load_backbone("pixelvae", weights=str(out / "pixelvae" / "weights"), sampling="mode")
    return compared(pixels, mode, plainly, out / "pictures")


def compared(
    pixels: PixelVAEBackbone, mode: unbraid.Backbone, plainly: unbraid.Backbone, pictures: Path
) -> dict[str, Any]:
    """Measure all decoders on the same latents of unseen characters."""
    whole, data = unbraid.load_backbone("vae", weights="builtin:glyphs"), unbraid.load_dataset("glyphs")
    rows = data.rows(content="test")
    characters, seen = data.labels["content"][rows], np.isin(rows, data.rows(content="test", style="train"))
    real = torch.from_numpy(np.asarray(data.images[rows])).float() / 255
    with threads(1), torch.no_grad():
        z = whole.encode(real)
        ways: dict[str, Callable[[Tensor], Tensor]] = {
            OWN: whole.decode,
            PLAIN: plainly.decode,
            DRAWN: pixels.decode,
            MODE: mode.decode,
            MEAN: partial(mean_of_draws, decoder_of(pixels)),
        }
        made = {ITSELF: (real > 0.5).float(), **{name: decode(z) for name, decode in ways.items()}}
        speed = {name: _speed(decode, z) for name, decode in ways.items()}
        bits = {name: bernoulli_bits(made[name], made[ITSELF]) for name in (OWN, PLAIN)}
        bits[DRAWN] = -np.asarray(pixels.log_likelihood(real, z).double()) / math.log(2)
        exchanged = -np.asarray(pixels.log_likelihood(real, z.roll(len(z) // 2, 0)).double()) / math.log(2)
    right = _judged(made, characters, seen)
    _draw(pictures, real, made, z, whole, pixels)
    figures = {name: errors(each, real) for name, each in made.items()}
    for name, values in bits.items():
        figures[name]["bits"] = values
    summed = partial(over_characters, characters=characters)
    return {
        "figures": {
            name: {key: summed(values) for key, values in found.items()}
            | {"judge": over_characters(right[name], characters[~seen])}
            for name, found in figures.items()
        },
        "less than its own": {
            name: {key: summed(figures[OWN][key] - found[key]) for key in found if key in figures[OWN]}
            for name, found in figures.items()
            if name not in (OWN, ITSELF)
        },
        "bits with the latent of another picture": summed(exchanged),
        "speed": speed,
    }


def _speed(decode: Callable[[Tensor], Tensor], z: Tensor) -> float:
    decode(z[:2])
    start = time.process_time()
    decode(z[:TIMED])
    return TIMED / (time.process_time() - start)


def _judged(made: Mapping[str, Tensor], characters: Ints, seen: npt.NDArray[np.bool_]) -> dict[str, Array]:
    """Ask a judge of real pictures for the character of each made one in typefaces it did not see: 1 where it is right."""
    black = {name: np.asarray(pictures > 0.5, dtype=np.float32) for name, pictures in made.items()}
    eye = Eye.of(black[ITSELF][seen])
    judge = train_judge(eye(black[ITSELF][seen]), characters[seen], seed=0, settings=JUDGE)
    return {name: (judge(eye(pictures[~seen])) == characters[~seen]).astype(float) for name, pictures in black.items()}


@torch.no_grad()
def _draw(
    folder: Path,
    real: Tensor,
    made: Mapping[str, Tensor],
    z: Tensor,
    whole: unbraid.Backbone,
    pixels: unbraid.Backbone,
) -> None:
    """Write two grids: what comes back of some pictures, a row for each way, and what both decoders make of the prior."""
    folder.mkdir(parents=True, exist_ok=True)
    some = np.linspace(0, len(real) - 1, SHOWN).round().astype(int)
    rows = [real[some], *(pictures[some] for pictures in made.values())]
    (folder / "reconstructions.png").write_bytes(png_of(grid(torch.cat(rows), SHOWN)))
    drawn = Draws(0, "prior", 0).normal(SHOWN, z.shape[1])
    (folder / "prior.png").write_bytes(png_of(grid(torch.cat([whole.decode(drawn), pixels.decode(drawn)]), SHOWN)))


def table(out: Path, quick: bool) -> Iterator[str]:
    """Measure what is missing and lay out the tables."""
    longer = 1 if quick else LONGER
    yield PROTOCOL
    yield (
        f"PixelVAE {PIXEL_STEPS * longer:,} steps of 32 pictures, `decoded` {PLAIN_STEPS * longer:,} of 64, one seed; the "
        "VAE's own decoder had 12,000 of 32 with pictures warped, together with the encoder."
    )
    found = kept(out / "figures.json", partial(measure, out, quick))
    yield _figures(found)
    yield _differences(found)
    bits, low, high = found["bits with the latent of another picture"]
    yield f"Bits of PixelVAE with the latent of another picture: {bits:.0f} ({low:.0f} .. {high:.0f})."


def _figures(found: Mapping[str, Any]) -> str:
    columns = ("decoder", "squared error", "wrong pixels", "balanced", "bits a picture", "judge is right", "pictures/s")
    rows = []
    for name in ROWS:
        each = found["figures"][name]
        cells = [name, _cell(each["squared"], 1, ".4f"), _cell(each["wrong"], 100, ".2f")]
        cells += [_cell(each["balanced"], 100, ".1f"), _cell(each["bits"], 1, ".1f") if "bits" in each else ""]
        cells += [_cell(each["judge"], 100, ".1f"), f"{found['speed'][name]:,.0f}" if name in found["speed"] else ""]
        rows.append(cells)
    return markdown(columns, rows)


def _differences(found: Mapping[str, Any]) -> str:
    rows = [
        [
            name,
            _cell(each["squared"], 1, "+.4f"),
            _cell(each["wrong"], 100, "+.2f"),
            _cell(each["bits"], 1, "+.1f") if "bits" in each else "",
        ]
        for name in ROWS
        if (each := found["less than its own"].get(name))
    ]
    told = "Less than the VAE's own decoder, paired by character; positive is better:\n\n"
    return told + markdown(("decoder", "squared error", "wrong pixels, points", "bits"), rows)


def _cell(figure: list[float], scale: float, layout: str) -> str:
    mean, low, high = (scale * each for each in figure)
    return f"{mean:{layout}} ({low:{layout}} .. {high:{layout}})"
