"""Slow, plain computations that share no code with the library: what its answers are held against."""
