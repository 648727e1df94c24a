"""What a person sees of a run: a bar on a terminal, a line every few seconds elsewhere."""

import sys
import time
from collections.abc import Mapping

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Shows steps done and the latest figures; silent where told so."""

    def __init__(self, total: int, start: int, *, quiet: bool) -> None:
        self._total = total
        self._quiet = quiet
        self._figures = ""
        self._last_line = time.monotonic()
        terminal = sys.stderr.isatty() and not quiet
        self._bar = tqdm(total=total, initial=start, unit="step", file=sys.stderr) if terminal else None

    def advance(self, step: int) -> None:
        """Take note that `step` steps are done."""
        if self._bar is not None:
            self._bar.update(step - self._bar.n)
        elif not self._quiet and (step == self._total or time.monotonic() - self._last_line > SECONDS_BETWEEN_LINES):
            self._last_line = time.monotonic()
            sys.stderr.write(f"step {step}/{self._total} {self._figures}\n")

    def show(self, figures: Mapping[str, float]) -> None:
        """Show the latest figures."""
        self._figures = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
        if self._bar is not None:
            self._bar.set_postfix_str(self._figures, refresh=False)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.close()
