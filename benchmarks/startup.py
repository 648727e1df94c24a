"""What many installed plug-ins cost `unbraid list`, and what bad ones do to it.

    python benchmarks/startup.py [--plugins 200] [--runs 5]

Makes a scratch environment beside this one, lists it empty, with 200 plug-ins, and with four bad ones more: one sleeps,
one raises, one exits and one prints while it is imported. Fails where 200 cost 0.3 s of processor time or more, or a bad
one is not named, or costs anybody else. Processor time, since the wall clock of a busy machine says little; both are
printed, the least of the runs.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
LIMIT = 0.3
#: `unbraid list` names manifests that take longer.
NAP = 0.25

MANIFEST = """
from unbraid.registry import DisentanglerSpec, hookimpl
{mischief}

@hookimpl
def unbraid_disentanglers():
    return [DisentanglerSpec(name="{name}", target="{module}.model:Method", summary="Generated.", licence="CC0-1.0")]
"""

BAD = {
    "sleeps": f"import time; time.sleep({NAP})",
    "raises": "raise RuntimeError('no')",
    "exits": "raise SystemExit(3)",
    "prints": "print('must not reach stdout')",
}


def environment(folder: Path) -> tuple[Path, Path]:
    """Make an environment that sees the packages of this one; gives its interpreter and its site folder."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    command = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    parents = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), str(SOURCE)))
    (site / "parent.pth").write_text("\n".join(parents) + "\n")
    return python, site


def install(site: Path, name: str, mischief: str = "") -> None:
    """Write a distribution of one plug-in, as pip would leave it."""
    module = f"generated_{name}"
    (site / module).mkdir()
    (site / module / "__init__.py").write_text("")
    (site / module / "manifest.py").write_text(MANIFEST.format(name=name, module=module, mischief=mischief))
    info = site / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[unbraid]\n{name} = {module}.manifest\n")


def listing(python: Path) -> tuple[float, float, dict[str, object]]:
    """Run `unbraid list --json`: processor seconds, wall seconds, what it wrote."""
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("UNBRAID_", "PYTHON"))}
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [str(python), "-m", "unbraid", "list", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=quiet, timeout=300)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return spent, wall, json.loads(done.stdout)


def least(python: Path, runs: int) -> tuple[float, float, dict[str, object]]:
    """Run it several times; the first run, which writes bytecode, does not count."""
    listing(python)
    found = [listing(python) for _ in range(runs)]
    return min(cpu for cpu, _, _ in found), min(wall for _, wall, _ in found), found[-1][2]


def names(listed: dict[str, object], section: str) -> set[str]:
    """Names of what a section of the listing holds."""
    rows = listed[section]
    assert isinstance(rows, list)
    return {row["name"] for row in rows}


def main() -> int:
    """Measure, print, and give 1 where something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plugins", type=int, default=200)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        python, site = environment(Path(folder) / "venv")
        empty_cpu, empty_wall, _ = least(python, asked.runs)
        print(f"empty:              {empty_cpu:.3f} s processor, {empty_wall:.3f} s wall")
        good = {f"p{index}" for index in range(asked.plugins)}
        for name in sorted(good):
            install(site, name)
        cpu, wall, listed = least(python, asked.runs)
        print(f"{asked.plugins} plug-ins:       {cpu:.3f} s processor, {wall:.3f} s wall")
        print(
            f"cost:               {cpu - empty_cpu:.3f} s processor, {wall - empty_wall:.3f} s wall (limit {LIMIT} s)"
        )
        problems = [] if cpu - empty_cpu < LIMIT else ["they cost too much"]
        problems += [] if good <= names(listed, "methods") else ["some are not listed"]
        for name, mischief in BAD.items():
            install(site, name, mischief)
        _, wall, listed = least(python, 1)
        problems += judge(listed, good)
        print(
            f"with four bad ones: {wall:.3f} s wall; failed: {sorted(names(listed, 'failures'))}, slow: {slow(listed)}"
        )
    for problem in problems:
        print(f"FAILED: {problem}")
    return int(bool(problems))


def slow(listed: dict[str, object]) -> list[str]:
    """Names of the manifests that are said to be slow, of those generated here."""
    return sorted(names(listed, "slow") & {*BAD})


def judge(listed: dict[str, object], good: set[str]) -> list[str]:
    """Say what the bad ones did that they should not."""
    methods, failures = names(listed, "methods"), names(listed, "failures")
    problems = [] if good | {"sleeps", "prints"} <= methods else ["somebody was lost"]
    problems += [] if {"raises", "exits"} <= failures else ["a broken one is not named"]
    return problems + ([] if "sleeps" in slow(listed) else ["the slow one is not named"])


if __name__ == "__main__":
    sys.exit(main())
