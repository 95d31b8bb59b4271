"""Our own speed from commit to commit, for asv."""
