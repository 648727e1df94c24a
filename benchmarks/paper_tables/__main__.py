"""Tables of the papers beside what this project measures: one sub-command a paper.

    python benchmarks/paper_tables cycle-vae --quick
    python benchmarks/paper_tables cycle-vae-few-shot --quick
    python benchmarks/paper_tables jade --quick
    python benchmarks/paper_tables n-vae --quick
    python benchmarks/paper_tables pixelvae --quick
    python benchmarks/paper_tables fden-omniglot --quick

Needs UNBRAID_DATA. Each prints the figure of the paper, ours, the protocol and the tier: A is the same figure from
published weights, B the same protocol at another scale or on other data, C is quoted. What is in `--out` is not made
again: run the command again after a stop. The quick forms take five to fifteen minutes of one idle core each.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import cycle_vae_tables
import few_shot_tables
import jade_tables
import n_vae_tables
import pixelvae_tables

TABLES: Mapping[str, Callable[[Path, bool], Iterator[str]]] = {
    "cycle-vae": cycle_vae_tables.table,
    "cycle-vae-few-shot": few_shot_tables.table,
    "jade": jade_tables.table,
    "n-vae": n_vae_tables.table,
    "pixelvae": pixelvae_tables.table,
}


def fden_omniglot(out: Path, quick: bool, ali: Path | None) -> None:
    """Run the benchmark of FDEN on its VAE and, where weights are given, on ALI; it prints the paper's row below its own."""
    print(
        "FDEN on Omniglot, tier B: its split and episodes, a VAE or the ALI that is given in place of its own (256 numbers).\n",
        flush=True,
    )
    script = Path(__file__).parents[1] / "fden_omniglot.py"
    backbones = {"vae": []} | ({"ali": ["--backbone", "ali", "--weights", str(ali)]} if ali else {})
    for name, options in backbones.items():
        short = ["--quick"] if quick else []
        command = [sys.executable, str(script), "--out", str(out / f"fden-omniglot-{name}"), *options, *short]
        subprocess.run(command, check=True)
    if ali is None:
        print("\nOn ALI: not measured, no weights: --ali FOLDER")


def main() -> None:
    """Measure what is missing of one table and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=(*TABLES, "fden-omniglot"))
    parser.add_argument("--out", type=Path, default=Path("runs/paper-tables"), help="folder of all results")
    parser.add_argument("--quick", action="store_true", help="fewer steps and smaller networks; the table says which")
    parser.add_argument("--ali", type=Path, help="ALI weights for fden-omniglot")
    asked = parser.parse_args()
    out = asked.out / ("quick" if asked.quick else "full")
    if asked.table == "fden-omniglot":
        fden_omniglot(out, asked.quick, asked.ali)
    else:
        for text in TABLES[asked.table](out / asked.table, asked.quick):
            print(text, end="\n\n", flush=True)


if __name__ == "__main__":
    main()
