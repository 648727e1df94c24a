"""What a person sees of an encoding: a bar on a terminal, a line every few seconds elsewhere."""

import sys
import time

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10.0


class EncodingProgress:
    """Counts images; silent unless `show`."""

    def __init__(self, total: int, *, show: bool) -> None:
        self._total = total
        self._done = 0
        self._lines = show and not sys.stderr.isatty()
        self._start = self._last_line = time.monotonic()
        bar = show and not self._lines
        self._bar = tqdm(total=total, desc="encode", unit="image", file=sys.stderr) if bar else None

    def advance(self, images: int) -> None:
        """Take note that so many more images are done."""
        self._done += images
        if self._bar is not None:
            self._bar.update(images)
        elif self._lines and (self._done == self._total or time.monotonic() - self._last_line > SECONDS_BETWEEN_LINES):
            self._last_line = time.monotonic()
            rate = self._done / max(self._last_line - self._start, 1e-9)
            sys.stderr.write(f"encoded {self._done}/{self._total} images, {rate:,.0f} a second\n")

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.close()
