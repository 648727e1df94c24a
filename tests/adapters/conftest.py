"""What tests of data sets share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with a folder for each data set, as UNBRAID_DATA names it."""
    if "UNBRAID_DATA" not in os.environ:
        pytest.skip("UNBRAID_DATA is not set: no data sets to read")
    return Path(os.environ["UNBRAID_DATA"])
