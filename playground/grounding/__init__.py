"""Pictures and words that point at each other: boxes, phrases, and the models that tie them together.

Invariants: nothing here knows a page.
"""
