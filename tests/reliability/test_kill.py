"""A few kills in every run of the suite; `kill_and_resume.py --times 20` does many."""

import subprocess
import sys
from pathlib import Path


def test_killed_runs_end_as_whole_ones() -> None:
    script = Path(__file__).with_name("kill_and_resume.py")
    command = [sys.executable, str(script), "--times", "3", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "same weights bit for bit" in done.stdout
