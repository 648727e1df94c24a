"""Everything a report shows of an attached model beside its figures."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from unbraid.core.errors import CapabilityError, DataError
from unbraid.core.interfaces.dataset import Dataset
from unbraid.core.report.interpolation import interpolation_picture
from unbraid.core.report.maps import FactorMap, factor_maps
from unbraid.core.report.pictures import Picture, swap_picture

if TYPE_CHECKING:
    from unbraid.core.attached import AttachedModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Illustrations:
    """Pictures and maps.

    Args:
        pictures: swap grid and interpolation; none where head or backbone cannot.
        maps: of the factors.
        shown: what the maps show.
        without: why there are no pictures; empty where there are.
    """

    pictures: Sequence[Picture] = ()
    maps: Sequence[FactorMap] = field(default_factory=tuple)
    shown: str = ""
    without: str = ""


def illustrate(model: "AttachedModel", dataset: Dataset) -> Illustrations:
    """Draw what this model can show of a data set: swaps beside true cells, an interpolation, maps of its factors."""
    pictures: list[Picture] = []
    without = ""
    try:
        pictures.append(replace(swap_picture(model, dataset), title="Swaps"))
    except (CapabilityError, DataError) as error:
        without = str(error).partition("\n")[0]
    with suppress(CapabilityError, DataError):  # the reason is the same
        pictures.append(interpolation_picture(model, dataset))
    maps, shown = factor_maps(model, dataset)
    return Illustrations(pictures=tuple(pictures), maps=tuple(maps), shown=shown, without=without)
