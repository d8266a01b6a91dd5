"""The VAE's verbs: encode, decode, move along named controls, and what a map of the latent tells about it.

Invariants: importing this package is cheap; what computes imports torch inside the functions that compute.
"""
