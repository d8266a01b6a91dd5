"""VAE inference: encode, decode, named attribute controls, sampling, interpolation, typicality, and the latent atlas.

Invariants: importing this package is cheap; torch is imported inside the functions that run a network.
"""
