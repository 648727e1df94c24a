"""Bringing a latent cache to completion, alone or together with the other ranks of a job."""

import time
from collections.abc import Callable

from unbraid.core.latents.block_encoder import BlockEncoder
from unbraid.core.latents.cache import LatentCache
from unbraid.core.latents.claims import Claims
from unbraid.core.latents.ranks import Rank
from unbraid.core.latents.shard import Block, Shard

#: Between two looks at what the other ranks have finished.
SECONDS_BETWEEN_LOOKS = 0.1


class CacheBuild:
    """Encodes and writes the shards that are missing.

    Under torchrun each rank claims shards: its own share first, then whatever is left, be it of a rank that is late or
    of one that was killed. No rank waits for a particular other one, and none reaches another except by the disk.

    Args:
        cache: what to complete.
        encoder: of the data set.
        place: gives the room for the rows of a shard that is encoded here.
        found: called for every other shard, once it is finished.
    """

    def __init__(
        self,
        cache: LatentCache,
        encoder: BlockEncoder,
        place: Callable[[Shard], Block],
        found: Callable[[Shard], None],
    ) -> None:
        self._cache = cache
        self._encoder = encoder
        self._place = place
        self._found = found

    def run(self, *, show: bool) -> None:
        """Return when every shard is there and the index is written; `show` progress, on rank 0 only."""
        if self._cache.complete:
            for shard in self._cache.shards():
                self._found(shard)
            return
        rank = Rank.here()
        with self._cache.building(shared=rank.count > 1) as claims:
            missing = self._cache.missing()
            rows = sum(shard.stop - shard.start for shard in missing)
            with self._encoder.running(rows, show=show and rank.index == 0):
                for shard in self._cache.shards():
                    if shard not in missing:
                        self._found(shard)
                self._encode(rank.order(missing), claims)

    def _encode(self, waiting: list[Shard], claims: Claims) -> None:
        while waiting:
            left = [shard for shard in waiting if not self._settle(shard, claims)]
            if len(left) == len(waiting):
                time.sleep(SECONDS_BETWEEN_LOOKS)
            waiting = left

    def _settle(self, shard: Shard, claims: Claims) -> bool:
        """Encode a shard unless it is finished meanwhile; gives False where another rank is at it."""
        with claims.shard(shard.number) as free:
            if not free:
                return False
            self._cache.refresh()
            if not self._cache.has(shard):
                rows = self._place(shard)
                self._encoder.encode(shard.start, shard.stop, rows)
                self._cache.write(shard, rows)
                return True
        self._encoder.skip(shard.stop - shard.start)
        self._found(shard)
        return True
