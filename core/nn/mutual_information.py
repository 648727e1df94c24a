"""The Donsker-Varadhan bound on mutual information, as a training signal."""

import math

import torch
from torch import Tensor, nn

from unbraid.core.errors import ConfigError


def log_mean_exp(x: Tensor) -> Tensor:
    """Give `log(mean(exp(x)))` over all elements, without overflow; a scalar."""
    return x.flatten().logsumexp(0) - math.log(x.numel())


def donsker_varadhan(joint: Tensor, marginal: Tensor) -> Tensor:
    """Bound the Kullback-Leibler divergence of two distributions from below, in nats.

    `mean T(joint) - log mean exp T(marginal)` for a critic T (Donsker and Varadhan 1983; MINE, Belghazi et al. 2018,
    equation 10). With the joint distribution of two variables and the product of their marginals this bounds their
    mutual information. A low value says that this critic sees little, not that there is little to see.

    Args:
        joint: critic values on samples of the joint distribution, `(N,)` or any shape.
        marginal: critic values on samples of the product of the marginals.

    Returns:
        A scalar.

    >>> donsker_varadhan(torch.full((4,), 3.0), torch.full((9,), 3.0)).item()  # a constant critic sees nothing
    0.0
    """
    return joint.mean() - log_mean_exp(marginal)


class BiasCorrectedBound(nn.Module):
    """The Donsker-Varadhan bound with the moving-average gradient of MINE.

    Gives the value of `donsker_varadhan`. Its gradient divides by a moving average of `mean exp T(marginal)` instead
    of the mean of the batch, which removes the bias of small batches (Belghazi et al. 2018, equation 12).

    Args:
        rate: weight of the newest batch in the moving average, in (0, 1).

    Raises:
        ConfigError: a rate outside.
    """

    log_average: Tensor
    started: Tensor

    def __init__(self, rate: float = 0.01) -> None:
        super().__init__()
        if not 0 < rate < 1:
            raise ConfigError("the rate of a moving average is a share", expected="0 < rate < 1", found=rate)
        self.rate = rate
        # The average is kept as a logarithm: exp(T) overflows float32 from T = 89.
        self.register_buffer("log_average", torch.zeros(()))
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))

    def forward(self, joint: Tensor, marginal: Tensor) -> Tensor:
        """Bound the divergence from critic values of any shape; moves the average when training."""
        batch = log_mean_exp(marginal)
        average = self._average(batch.detach())
        # Value: the plain logarithm. Gradient: that of mean exp(T) / average.
        corrected = (batch - average).exp()
        return joint.mean() - (batch.detach() + corrected - corrected.detach())

    def _average(self, batch: Tensor) -> Tensor:
        if not self.training:
            return torch.where(self.started, self.log_average, batch)
        moved = torch.logaddexp(self.log_average + math.log1p(-self.rate), batch + math.log(self.rate))
        average = torch.where(self.started, moved, batch)
        with torch.no_grad():
            self.log_average.copy_(average)
            self.started.fill_(True)
        return average
