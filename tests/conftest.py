"""Settings of the whole test-suite, made before anything is imported."""

import os

# Plots are drawn, never shown.
os.environ["MPLBACKEND"] = "Agg"
