"""Everything a report shows of an attached model beside its figures."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from unbraid.core.errors import CapabilityError, DataError
from unbraid.core.interfaces.dataset import Dataset
from unbraid.core.interfaces.picture import Picture
from unbraid.core.report.interpolation import interpolation_picture
from unbraid.core.report.maps import FactorMap, factor_maps
from unbraid.core.report.own import own_pictures
from unbraid.core.report.pictures import swap_picture

if TYPE_CHECKING:
    from unbraid.core.attached import AttachedModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Illustrations:
    """Pictures and maps.

    Args:
        pictures: swap grid and interpolation; none where head or backbone cannot.
        own: what the method drew itself.
        maps: of the factors.
        shown: what the maps show.
        without: why there are no swaps; empty where there are.
        broken: why the method's own pictures are missing; empty where they are not.
    """

    pictures: Sequence[Picture] = ()
    own: Sequence[Picture] = ()
    maps: Sequence[FactorMap] = field(default_factory=tuple)
    shown: str = ""
    without: str = ""
    broken: str = ""


def illustrate(model: "AttachedModel", dataset: Dataset) -> Illustrations:
    """Draw what this model can show of a data set: swaps beside true cells, an interpolation, maps, what its method adds."""
    pictures: list[Picture] = []
    without = ""
    try:
        pictures.append(replace(swap_picture(model, dataset), title="Swaps"))
    except (CapabilityError, DataError) as error:
        without = str(error).partition("\n")[0]
    with suppress(CapabilityError, DataError):  # the reason is the same
        pictures.append(interpolation_picture(model, dataset))
    own, broken = own_pictures(model, dataset)
    maps, shown = factor_maps(model, dataset)
    return Illustrations(
        pictures=tuple(pictures), own=tuple(own), maps=tuple(maps), shown=shown, without=without, broken=broken
    )
