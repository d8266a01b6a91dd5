"""The generator's verbs: sample, truncate, mix, edit, move between, project, and say how good it is.

Rule of the room: styles are numpy arrays (layers, w) outside of the networks; torch is imported where a network is
used, and so not before one is.
"""
