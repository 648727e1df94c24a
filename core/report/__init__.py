"""One page a person reads: headline, tables, pictures, protocol."""

from unbraid.core.report.pictures import Picture, swap_grid, swap_picture
from unbraid.core.report.report import write_report

__all__ = ["Picture", "swap_grid", "swap_picture", "write_report"]
