"""The command line: `unbraid`, or `python -m unbraid`."""

import errno
import os
import sys
from collections.abc import Sequence

INTERRUPTED = 130
FAULT = 1

_HINTS = {
    errno.ENOSPC: "free some space, or write somewhere else",
    errno.EROFS: "write to a folder that is not read-only",
    errno.EACCES: "choose a folder you may read and write",
    errno.ENOENT: "check the path",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What follows `unbraid`. Default: the arguments of the process.

    Returns:
        The exit code: 0, 2 for misuse, 1 for a fault of the environment, 130 for Ctrl-C.
    """
    # Heads train fastest when idle OpenMP threads sleep instead of spin; this must be set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import click

    from unbraid.core.cli.main import cli
    from unbraid.registry.errors import UnbraidError

    try:
        returned = cli.main(args=arguments, prog_name="unbraid", standalone_mode=False)
        sys.stdout.flush()
    except UnbraidError as error:
        print(f"unbraid: {error}", file=sys.stderr)  # noqa: T201 - stderr is where the user looks
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("unbraid: interrupted", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`head`, a pager) left. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT
    except OSError as error:
        print(f"unbraid: {_explain(error)}", file=sys.stderr)  # noqa: T201
        return FAULT
    return returned if isinstance(returned, int) else 0


def _explain(error: OSError) -> str:
    problem = error.strerror or str(error) or type(error).__name__
    lines = [problem if error.filename is None else f"{problem}: {error.filename}"]
    hint = _HINTS.get(error.errno or 0)
    if hint:
        lines.append(f"  try:      {hint}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
