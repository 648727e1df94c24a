"""Methods that do what no method may."""

from typing import Any

from zoo_methods import Split

from unbraid import Objective, Samples, only


class Meddler(Split):
    """A plain split whose loss does something on the way, `meddle(backbone, step)`."""

    name = "meddle"

    def meddle(self, backbone: Any, step: int) -> None:
        raise NotImplementedError

    def objectives(self, backbones: Any) -> list[Objective]:
        backbone, calls = only(backbones), []

        def loss(batch: Any, draws: Any) -> Any:
            calls.append(None)
            self.meddle(backbone, len(calls) - 1)
            seen = backbone.encode(backbone.decode(batch["rows"].z))
            return {"keep": self.keep(seen)}

        return [Objective(name="meddle", batch={"rows": Samples(16)}, loss=loss, updates=[self.there, self.back])]


class Raising(Meddler):
    def meddle(self, backbone: Any, step: int) -> None:
        if step == 3:
            raise ZeroDivisionError


class Scribbling(Meddler):
    def meddle(self, backbone: Any, step: int) -> None:
        if step == 3:
            backbone.encoder.module[2].running_mean.add_(1e-3)


class Switching(Meddler):
    def meddle(self, backbone: Any, step: int) -> None:
        if step == 3:
            backbone.encoder.train()


class Thieving(Split):
    def objectives(self, backbones: Any) -> list[Objective]:
        rows = {"rows": Samples(16)}
        stolen = [self.there, only(backbones).decoder]
        loss = lambda batch, draws: {"keep": self.keep(batch["rows"].z)}
        return [Objective(name="steal", batch=rows, loss=loss, updates=stolen)]
