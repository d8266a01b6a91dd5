"""`python -m playground.bench TAB`: what this app costs beside the plain library call a user would write.

Rule of the room: both sides in one run and in turn, medians, the machine named, ratios printed.
"""
