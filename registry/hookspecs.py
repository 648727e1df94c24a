"""What a plug-in may implement; a manifest is a module with one or more of these functions under `@hookimpl`.

Each hook is a contract for good, so there are few. They are never called as written here: the registry calls every
implementation on its own, so that one that raises costs only its own plug-in.
"""

from collections.abc import Iterable

from unbraid.registry.markers import hookspec
from unbraid.registry.specs import BackboneSpec, DatasetSpec, DisentanglerSpec, MetricSpec, TrackerSpec


@hookspec
def unbraid_disentanglers() -> Iterable[DisentanglerSpec]:
    """Declare methods.

    Returns:
        One spec per method.
    """
    raise NotImplementedError


@hookspec
def unbraid_backbones() -> Iterable[BackboneSpec]:
    """Declare ways to get a frozen backbone.

    Returns:
        One spec per backbone adapter.
    """
    raise NotImplementedError


@hookspec
def unbraid_datasets() -> Iterable[DatasetSpec]:
    """Declare data sets.

    Returns:
        One spec per data set.
    """
    raise NotImplementedError


@hookspec
def unbraid_metrics() -> Iterable[MetricSpec]:
    """Declare metrics.

    Returns:
        One spec per metric.
    """
    raise NotImplementedError


@hookspec
def unbraid_trackers() -> Iterable[TrackerSpec]:
    """Declare sinks for training metrics.

    Returns:
        One spec per tracker.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def unbraid_adapt(model: object, hint: str | None) -> object | None:
    """Recognise a live object and wrap it as a backbone.

    An implementation looks in `sys.modules` before it imports a library: an object can only come from a library
    that is already imported.

    Args:
        model: What the user passed in.
        hint: Name of the backbone adapter the user asked for, if any.

    Returns:
        A `unbraid.Backbone`, or None where the object is not one this plug-in knows.
    """
    raise NotImplementedError
