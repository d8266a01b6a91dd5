"""The recipes of the embedded models: rendered data sets, training, evaluation and the command line of all three.

Invariants: importing this package is cheap; torch is imported where a recipe runs.
"""
