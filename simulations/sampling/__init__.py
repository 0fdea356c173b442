"""Sampling that papers share: exact reductions and the kernels that draw them."""
