"""Families of models: what the app must know to load a model, and the registry of those there are.

A family is declared beside the code that loads it (`playground/grounding/families.py`, ...), or by a module of
somebody else's that the app is started with (`--extension`); see "Add a model family" in CONTRIBUTING.md.
"""

from playground.families.family import (
    Family,
    LoadRequest,
    always_cpu,
    best_device,
    lazy,
    listed_bytes,
    listed_in_16_bits,
)
from playground.families.registry import Extension, Registry, built_in, load_registry

__all__ = [
    "Extension",
    "Family",
    "LoadRequest",
    "Registry",
    "always_cpu",
    "best_device",
    "built_in",
    "lazy",
    "listed_bytes",
    "listed_in_16_bits",
    "load_registry",
]
