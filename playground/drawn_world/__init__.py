"""The Avatars world: people with known attributes, drawn as SVG, with captions, questions and boxes that are exact.

Invariants: importing this package is cheap. What draws (`python_avatars`, `resvg-py`, Pillow) is imported inside the
functions that draw; both packages stand in requirements-dev.txt.
"""
