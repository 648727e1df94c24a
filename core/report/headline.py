"""The few sentences somebody in a hurry reads."""

from unbraid.core.evaluation import RANDOM, RAW, Evaluation, Figure
from unbraid.core.evaluation.formatting import format_value


def headlines(evaluation: Evaluation) -> list[str]:
    """Write one sentence for each figure that matters most: what, how much, beside chance and baselines.

    Args:
        evaluation: any.

    Returns:
        Sentences in the order of the figures; empty where nothing of importance could be measured.
    """
    return [_sentence(figure) for figure in evaluation.figures if figure.headline and figure.value is not None]


def verdict(figure: Figure) -> str:
    """Say how a figure stands to the raw latents: `better`, `worse` or `no different`, by their intervals.

    Args:
        figure: any; the answer is empty where there is nothing to compare with, as for errors, which no head makes smaller.
    """
    raw = figure.baselines.get(RAW)
    if figure.unit != "share" or figure.value is None or raw is None or figure.interval is None:
        return ""
    low, high = figure.interval
    raw_low, raw_high = figure.baseline_intervals.get(RAW, (raw, raw))
    if low <= raw_high and raw_low <= high:
        return "no different from raw latents"
    better = (figure.value > raw) == figure.higher_is_better
    return f"{'better' if better else 'worse'} than raw latents"


def _sentence(figure: Figure) -> str:
    beside = [f"chance {format_value(figure.chance, figure.unit)}"] if figure.chance is not None else []
    shown = [name for name in (RAW, RANDOM, "additive rule") if figure.baselines.get(name) is not None]
    beside += [f"{name} {format_value(figure.baselines[name], figure.unit)}" for name in shown]
    sentence = f"{figure.headline}: {format_value(figure.value, figure.unit)} ({', '.join(beside)})"
    return sentence[0].upper() + sentence[1:]
