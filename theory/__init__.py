"""Closed forms: one module per paper, pure functions of a model; `numerics` holds the mathematics they share."""

PAPERS = (
    "attention_memorization",
    "context_hijacking",
    "ar_diffusion",
    "rlvr_gradient_flow",
    "cnn_rank",
)
