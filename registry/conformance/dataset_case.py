"""A data set under check."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from unbraid.core.catalogue import load_dataset
from unbraid.core.data_files.locate import VARIABLE
from unbraid.core.errors import DataError
from unbraid.core.interfaces import Dataset
from unbraid.registry import DatasetSpec
from unbraid.registry.conformance.case import PluginCase, spec_name
from unbraid.registry.conformance.check import Kind, Skip
from unbraid.registry.conformance.held import hold
from unbraid.registry.conformance.shared import Blocked, shared

#: Pictures that are looked at; data sets may be large.
ROWS = 64


class DatasetCase(PluginCase):
    """A data set, with everything its checks share.

    Args:
        subject: name or `DatasetSpec` of an adapter, a callable that makes one, or a `Dataset`.
        settings: of the adapter.
    """

    kind: ClassVar[Kind] = "dataset"

    def declare(self) -> DatasetSpec:
        """Declare a data set, or a callable that makes one."""
        made = self.subject
        make: Callable[..., Any] = (lambda _: made) if isinstance(made, Dataset) else lambda _: made()
        return DatasetSpec(name=spec_name(made), target=hold(make), summary="checked")

    def load(self) -> Dataset:
        """Load it anew; a `Dataset` that was handed over is itself."""
        return load_dataset(self.qualified, **self.settings)

    @shared("contract.loads")
    def dataset(self) -> Dataset:
        """The data set; data that are not on this machine are no fault of the plug-in."""
        try:
            return self.load()
        except DataError as error:
            if VARIABLE not in (error.hint or ""):
                raise
            raise Blocked("", Skip(f"not on this machine: {error.problem}")) from error

    @cached_property
    def rows(self) -> npt.NDArray[np.int64]:
        """Some rows, spread over the data set."""
        count = len(self.dataset)
        return np.unique(np.linspace(0, count - 1, min(ROWS, count)).round().astype(np.int64))
