"""Settings of the whole test-suite, made before anything is imported."""

import os

# Plots are drawn, never shown.
os.environ["MPLBACKEND"] = "Agg"
# Small problems: more threads would compete. numba's, which dcor starts, would take torch's along.
for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")
