"""Where the weights of a large pipeline are while it works on a device with memory of its own (a GPU).

Invariants: three ways, chosen by sizes alone before anything is loaded.

1. "none": weights and work together fit into what models may take there. All of it lives on the device, and residency
   moves it between device and RAM like any other model.
2. "parts": only the largest part fits beside the work. `enable_model_cpu_offload`, one part on the device at a time.
3. "layers": not even that. `enable_group_offload` by leaves with a stream: weights pass through layer by layer.

In 2 and 3 the weights live in RAM and the pipeline moves them itself, so the model cache leaves it where it is.
"""

from typing import Literal

Offload = Literal["none", "parts", "layers"]
MARGIN = 1.1  # as the model cache counts: a load takes more than its weights


def offload_for(weights: int, largest: int, working: int, room: int) -> Offload:
    """Choose the way by sizes.

    Args:
        weights: Bytes of all parts.
        largest: Bytes of the largest part, 0 if unknown.
        working: Bytes that the work takes beside the weights.
        room: Bytes that may be taken on the device.
    """
    if MARGIN * weights + working <= room or not largest:
        return "none"
    return "parts" if MARGIN * largest + working <= room else "layers"
