"""What cannot be done is refused in words."""

from unbraid.core.errors import ArtefactError, ConfigError, MissingDependencyError
from unbraid.registry.conformance.backbone_case import BackboneCase
from unbraid.registry.conformance.check import Failure, Skip, check, require


@check("errors", "backbone")
def no_weights(case: BackboneCase) -> None:
    """Weights that are not there are an error that names the place.

    Breaks: a mistyped path loads random weights, and a week is spent on noise.

    Mend: raise `ArtefactError` with the path and what was expected there.
    """
    place = str(case.folder("absent"))
    settings = case.config_fields()
    if "weights" not in settings:
        raise Skip("has no setting 'weights'")
    try:
        BackboneCase(case.subject, {**case.settings, "weights": place}).load()
    except (ArtefactError, ConfigError, MissingDependencyError) as error:
        require(
            place in str(error) and error.expected, "the error does not help", expected=f"{place}", found=str(error)
        )
        return
    raise Failure("weights that are not there are accepted", expected="ArtefactError", found="a backbone")
