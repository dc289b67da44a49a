"""`make bench`: every benchmark, one after another."""

from __future__ import annotations

from benchmarks import throughput

if __name__ == "__main__":
    throughput.main()
