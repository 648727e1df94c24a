"""One page a person reads: headline, tables, pictures, protocol."""

from unbraid.core.interfaces.picture import Picture
from unbraid.core.report.charts import Curve, read_curves
from unbraid.core.report.fit import write_fit_report
from unbraid.core.report.illustrations import Illustrations, illustrate
from unbraid.core.report.interpolation import interpolation_grid, interpolation_picture
from unbraid.core.report.maps import FactorMap, factor_maps
from unbraid.core.report.own import own_pictures
from unbraid.core.report.pictures import swap_grid, swap_picture
from unbraid.core.report.pretrain import write_pretrain_report
from unbraid.core.report.report import write_report

__all__ = [
    "Curve",
    "FactorMap",
    "Illustrations",
    "Picture",
    "factor_maps",
    "illustrate",
    "interpolation_grid",
    "interpolation_picture",
    "own_pictures",
    "read_curves",
    "swap_grid",
    "swap_picture",
    "write_fit_report",
    "write_pretrain_report",
    "write_report",
]
