"""The models and everything around them; knows nothing of pages.

Rule of the room: what is set here must hold before any numeric library is loaded.
"""

import os

# OpenMP threads that wait must sleep, not spin: on two busy cores a spinning llama.cpp fell from 40
# tokens a second to 2, and anything else on the machine with it. Whoever knows better sets it first.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
