"""The ground every room stands on: validation, version differences, callbacks, optional imports."""
