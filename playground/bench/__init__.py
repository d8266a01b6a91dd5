"""`python -m playground.bench TAB`: what this app costs beside the plain library call a user would write.

Invariants: both sides in one run and in turn, medians, the machine named, ratios printed.
"""
