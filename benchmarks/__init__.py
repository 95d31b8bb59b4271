"""Benchmarks beside other packages, one command a room: see README.md in this folder.

Numerical libraries read the number of their threads when they are first imported; on small data
more than one thread makes timings erratic, so every benchmark gets one.
"""

import os

for _library in ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"
