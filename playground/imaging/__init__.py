"""Image input and output: reading uploads, cropping, encoding, metrics, animation, latent files.

Invariants: PIL, numpy and the standard library alone. Files from outside are untrusted until `uploads` or
`latent_file` has read them; after that a picture is RGB, upright, uint8.
"""
