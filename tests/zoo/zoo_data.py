"""The toy data set of the conformance suite, by the name the zoo calls it."""

from unbraid.testing import toy_dataset

stripes = toy_dataset
