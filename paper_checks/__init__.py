"""Claims and verdicts: one module per paper."""
