"""Live demonstrations: one module per paper, whose `DEMOS` the live page and the page without Python draw."""
