"""Where the weights of a large pipeline are while it works on a device with memory of its own (a GPU).

Invariants: three ways, chosen by sizes alone before anything is loaded.

1. "none": weights and work together fit into what models may take there. All of it lives on the device, and residency
   moves it between device and RAM like any other model.
2. "parts": only the largest part fits beside the work. `enable_model_cpu_offload`, one part on the device at a time.
3. "layers": not even that. `enable_group_offload` by leaves with a stream: weights pass through layer by layer.

In 2 and 3 the weights live in RAM and the pipeline moves them itself, so residency leaves it where it is.
"""

from typing import Literal

Offload = Literal["none", "parts", "layers"]
MARGIN = 1.1  # as residency counts: a load takes more than its weights


def offload_for(weights: int, largest: int, working: int, room: int) -> Offload:
    """The way for `weights` bytes, `largest` of them in one part (0: unknown), where `room` bytes may be taken."""
    if MARGIN * weights + working <= room or not largest:
        return "none"
    return "parts" if MARGIN * largest + working <= room else "layers"
