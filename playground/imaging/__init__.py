"""Pictures on their way in and out: read, cropped, compressed, measured, animated.

Invariants: PIL, numpy and the standard library alone. Whatever comes from outside is hostile until `intake` or
`latent_file` has read it; a picture is RGB, upright, uint8.
"""
