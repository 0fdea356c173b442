"""What arXiv 2506.04695 states, and what the evidence says."""
