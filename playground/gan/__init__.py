"""The generator's verbs: sample, truncate, mix, edit, move between, project, and say how good it is.

Invariants: styles are numpy arrays (layers, w) outside of the networks; torch is imported where a network is
used, and so not before one is.
"""
