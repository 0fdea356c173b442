"""Pictures: one module per paper, each figure a pair of data and draw."""
