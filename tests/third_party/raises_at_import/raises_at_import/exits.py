"""Ends the process that imports it, if that process lets it."""

import sys

sys.exit("the manifest exits")
