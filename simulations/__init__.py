"""Monte Carlo: one module per paper, public samplers and private kernels; `sampling` holds what they share."""
