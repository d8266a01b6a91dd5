"""One recipe a model, and the loop that all of them share.

Invariants: a recipe says what one step is; resuming, checkpoints, progress, averaging and picture grids are the
loop's (`training_loop`).
"""
