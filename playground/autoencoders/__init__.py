"""Diffusion models' autoencoders (AutoencoderKL, AutoencoderTiny) on photographs: reconstruct, edit the latent.

Invariants: latents are (C, h, w) float32 with about unit variance, as the model's diffusion model saw them, so
that a gain or an amount of noise means the same in every model.
"""
