"""The models and everything around them; knows nothing of pages.

Invariants: what is set here must hold before any numeric library is loaded.
"""

import os

# How long an OpenMP thread that waits spins before it sleeps. The default never lets go: with anything
# else running on two cores, llama.cpp fell from 80 tokens a second to 2. Sleeping at once costs a quiet
# machine two thirds of its speed. This many turns keep most of both. Whoever knows better sets it first.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
