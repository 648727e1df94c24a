"""Performs runs of a comparison in a process of its own: `python -m unbraid.core.comparison.worker OUT`.

Reads `LABEL SEED` from standard input, one run a line, and answers each with a line of JSON: the error it ended with,
or an empty text.
"""

import json
import os
import queue
import sys
import threading
from pathlib import Path

#: What the parent sends when there is nothing left to do.
DONE = "done"


def main(out: str) -> int:
    """Perform the runs that standard input asks for.

    Args:
        out: folder of the comparison, with its resolved `recipe.yaml` and its latents.

    Returns:
        The exit code; 130 or 143 where a signal came and the step was finished and saved.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    from unbraid.core.comparison.attempt import attempt
    from unbraid.core.comparison.recipe import load_comparison
    from unbraid.core.comparison.run import Run, load_ground
    from unbraid.core.errors import UnbraidError
    from unbraid.core.recipe import RECIPE

    try:
        recipe = load_comparison(Path(out) / RECIPE)
        ground = load_ground(recipe, Path(out))
        while (line := lines.get()) != DONE:
            label, seed = line.split(" ")
            error = attempt(Run(Path(out), label, int(seed)), recipe, ground, quiet=True)
            sys.stdout.write(json.dumps(error) + "\n")
            sys.stdout.flush()
    except UnbraidError as error:
        sys.stdout.write(json.dumps(str(error)) + "\n")
        return error.exit_code
    return 0


def _listen(lines: "queue.SimpleQueue[str]") -> None:
    """Pass lines on, and end this process when its parent ends, however that ends: two must never write one run."""
    rest = b""
    while chunk := os.read(sys.stdin.fileno(), 4096):  # not sys.stdin: its lock would be held when Python finishes
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            lines.put(line.decode())
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
