"""A run whose error must not end the others."""

import logging

from unbraid.core.comparison.recipe import ComparisonRecipe
from unbraid.core.comparison.run import Ground, Run, perform
from unbraid.core.errors import Interrupted, UnbraidError

log = logging.getLogger("unbraid")


def attempt(run: Run, recipe: ComparisonRecipe, ground: Ground, *, quiet: bool = False) -> str:
    """Perform a run and give the error it ended with, or an empty text.

    Raises:
        Interrupted: a signal came; the step was finished and saved.
    """
    try:
        perform(run, recipe.of(run.label, run.seed), ground, quiet=quiet)
    except Interrupted:
        raise
    except UnbraidError as error:
        return str(error)
    except Exception as error:
        log.exception("%s, seed %d broke", run.label, run.seed)
        return f"{type(error).__name__}: {error}"
    return ""
