"""`make bench`: every benchmark, one after another."""

from __future__ import annotations

import subprocess
import sys

from benchmarks import throughput

if __name__ == "__main__":
    throughput.main()
    done = subprocess.run([sys.executable, "-m", "bot.cli", "bench"], check=False)
    sys.exit(done.returncode)
