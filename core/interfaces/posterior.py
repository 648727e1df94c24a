"""What an encoder says about a latent, and a head about a factor."""

from typing import NamedTuple

from torch import Tensor


class Posterior(NamedTuple):
    """A diagonal Gaussian, or a point where `log_variance` is None; both tensors are `(B, *shape)`."""

    mean: Tensor
    log_variance: Tensor | None = None

    def sample(self, noise: Tensor) -> Tensor:
        """Draw `mean + exp(log_variance / 2) * noise`; a point gives its mean.

        Args:
            noise: standard normal, of the shape of `mean`.
        """
        if self.log_variance is None:
            return self.mean
        return self.mean + (0.5 * self.log_variance).exp() * noise
