"""The figures that docs/performance.md quotes: what we cost, next to a floor in the same run."""
