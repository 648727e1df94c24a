"""How a head sees a latent: a vector as it is; a map flattened, averaged, or position by position."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from unbraid.core.errors import CapabilityError, ConfigError
from unbraid.core.interfaces import Factor, LatentSpec
from unbraid.core.interfaces.specs import Role
from unbraid.core.latents import Latents
from unbraid.core.latents.latents import CHUNK

MapView = Literal["auto", "flattened", "pooled", "positions"]
#: Widest latent that fully connected networks are made for.
MAX_WIDTH = 4096
#: Name of what averaging leaves aside.
REST = "rest"


def require_narrow(
    latent: LatentSpec, *, by: str, hint: str = "tap the backbone at a narrower layer, or use smaller images"
) -> None:
    """Check that a latent is narrow enough for fully connected networks.

    Raises:
        CapabilityError: `by` would flatten a latent of more than 4096 numbers; `hint` says what to do instead.
    """
    if latent.width <= MAX_WIDTH:
        return
    shape = f"{' x '.join(map(str, latent.shape))} = " if latent.is_map else ""
    raise CapabilityError(
        f"{by} flattens latents, and this one is too wide for fully connected networks",
        expected=f"at most {MAX_WIDTH} numbers",
        found=f"{shape}{latent.width}",
        hint=hint,
    )


class PerPosition(nn.Module):
    """A network of rows at every position of a map: `(B, C, H, W)` -> `(B, F, H, W)`.

    A fully connected layer becomes a 1 x 1 convolution, and batch norm takes its statistics over rows and positions.

    Args:
        network: `(B, C)` -> `(B, F)`.
        height, width: of the maps.

    >>> PerPosition(nn.Linear(3, 5), 2, 4)(torch.zeros(7, 3, 2, 4)).shape
    torch.Size([7, 5, 2, 4])
    """

    def __init__(self, network: nn.Module, height: int, width: int) -> None:
        super().__init__()
        self.network = network
        self.height, self.width = height, width

    def forward(self, maps: Tensor) -> Tensor:
        """Run the network on every position."""
        rows: Tensor = self.network(maps.movedim(1, -1).flatten(0, 2))
        return rows.view(-1, self.height, self.width, rows.shape[1]).movedim(-1, 1)


class _Averaged(nn.Module):
    """One row of numbers for a map of them: their mean over positions."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, maps: Tensor) -> Tensor:
        values: Tensor = self.network(maps)
        return values.mean((2, 3))


@dataclass(frozen=True, slots=True)
class LatentView:
    """What networks of a head see of a latent, and the way back. It has no parameters.

    A vector is always seen as it is. A map `(C, H, W)` is seen

    * `flattened`: as one row of C * H * W numbers;
    * `pooled`: as one row of C numbers, the means over its positions. What is rebuilt from factors of that row differs
      from the map by a factor `rest`, so factors nobody touched give the latent back exactly, whatever the networks
      lose, and nothing hides from attackers. Swapping factors adds the change to every position;
    * by `positions`: one row at every position, so that linear layers are 1 x 1 convolutions and factors are maps.

    `auto` flattens up to 4096 numbers. Wider maps are pooled where they have as many channels as positions or more
    (features of a classifier, 2048 x 7 x 7), and seen by positions otherwise (an autoencoder's, 4 x 64 x 64).

    Args:
        latent: shape of the latents.
        how: of the above; once made, never `auto`.

    Raises:
        ConfigError: no such way.

    >>> LatentView(LatentSpec((32, 8, 8))).how, LatentView(LatentSpec((32, 32, 32))).how
    ('flattened', 'positions')
    >>> view = LatentView(LatentSpec((3, 2, 2)), "pooled")
    >>> view.see(torch.ones(5, 3, 2, 2)).shape, view.lay(torch.ones(5, 3)).shape
    (torch.Size([5, 3]), torch.Size([5, 3, 2, 2]))
    """

    latent: LatentSpec
    how: MapView = "auto"

    def __post_init__(self) -> None:
        if self.how not in get_args(MapView):
            known = ", ".join(get_args(MapView))
            raise ConfigError("unknown way to see a map", expected=known, found=repr(self.how))
        if not self.latent.is_map:
            object.__setattr__(self, "how", "flattened")
        elif self.how == "auto":
            object.__setattr__(self, "how", _suited(self.latent))

    def require_narrow(self, by: str) -> None:
        """Raise `CapabilityError` where `by` would flatten a latent of more than 4096 numbers."""
        if self.how == "flattened":
            hint = "map=pooled and map=positions take any map" if self.latent.is_map else "tap a narrower layer"
            require_narrow(self.latent, by=by, hint=hint)

    @property
    def width(self) -> int:
        """How many numbers networks see at once."""
        return self.latent.width if self.how == "flattened" else self.latent.shape[0]

    @property
    def chunk(self) -> int:
        """How many latents are run at once where all of them are: fewer of maps that are seen by positions."""
        return max(CHUNK // math.prod(self.latent.shape[1:]), 1) if self.how == "positions" else CHUNK

    @property
    def statistics(self) -> LatentSpec:
        """Shape of the statistics that standardise what is seen; they broadcast over latents."""
        return LatentSpec((self.width, 1, 1)) if self.how == "pooled" else self.latent

    def of(self, latents: Latents) -> Latents:
        """Give latents to take those statistics from: of pooled maps the averages, otherwise as they are."""
        return _averages(latents) if self.how == "pooled" else latents

    def see(self, z: Tensor) -> Tensor:
        """Give latents `(B, *latent)` as networks see them: `(B, width)`, or `(B, C, H, W)` by positions."""
        if self.how == "positions":
            return z
        return z.mean((2, 3)) if self.how == "pooled" else z.flatten(1)

    def lay(self, seen: Tensor) -> Tensor:
        """Give the latents `(B, *latent)` that look so; of pooled maps those that are the same at every position."""
        if self.how == "pooled":
            return seen[:, :, None, None].expand(-1, *self.latent.shape)
        return seen.reshape(-1, *self.latent.shape)

    def network(self, rows: nn.Module) -> nn.Module:
        """Make a network of what is seen from one of rows, `(B, width)` -> `(B, anything)`."""
        return PerPosition(rows, *self.latent.shape[1:]) if self.how == "positions" else rows

    def verdict(self, rows: nn.Module) -> nn.Module:
        """The same for a network that gives a row and no map: by positions, the mean over them."""
        return _Averaged(self.network(rows)) if self.how == "positions" else rows

    def factor(self, name: str, width: int, role: Role, label: str | None = None) -> Factor:
        """Declare a factor of `width` numbers: of so many channels by positions."""
        shape = (width, *self.latent.shape[1:]) if self.how == "positions" else (width,)
        return Factor(name, shape, role, label=label)

    @property
    def rest(self) -> tuple[Factor, ...]:
        """The factor of what is not seen; none unless maps are pooled."""
        return (Factor(REST, self.latent.shape, "rest"),) if self.how == "pooled" else ()

    def split(self, z: Tensor, rebuilt: Tensor) -> dict[str, Tensor]:
        """Give the `rest` of pooled maps: what `rebuilt`, which comes of the other factors alone, lacks."""
        return {REST: z - rebuilt} if self.rest else {}

    def join(self, rebuilt: Tensor, factors: Mapping[str, Tensor]) -> Tensor:
        """Add the `rest` to what other factors rebuild; both `(B, *latent)`."""
        return rebuilt + factors[REST] if self.rest else rebuilt


def _suited(latent: LatentSpec) -> MapView:
    """Flatten what is narrow; average maps of many channels, whose every position says what the picture is of."""
    if latent.width <= MAX_WIDTH:
        return "flattened"
    channels, *sides = latent.shape
    return "pooled" if channels >= math.prod(sides) else "positions"


def _averages(latents: Latents) -> Latents:
    """Average maps over positions: `(N, C, 1, 1)`, with the variance that averages of samples have."""
    mean = torch.cat([z.mean((2, 3), keepdim=True) for z in latents.chunks()])
    spec = LatentSpec(tuple(mean.shape[1:]), stochastic=latents.spec.stochastic)
    variance = None
    if latents.log_variance is not None:
        stored = latents.log_variance if latents.rows is None else latents.log_variance[latents.rows]
        positions = math.prod(latents.spec.shape[1:])
        variance = stored.float().flatten(2).logsumexp(2)[:, :, None, None] - 2 * math.log(positions)
    return Latents(mean=mean, log_variance=variance, labels={}, spec=spec, classes={}, mode=latents.mode)
