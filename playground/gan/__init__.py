"""GAN sampling and editing: seeds, truncation, style mixing, directions, animation, projection, quality.

Invariants: outside of the networks a style is a numpy array (layers, w_dim) float32. Torch is imported inside the
functions that run a network, so importing this package loads no model library.
"""
