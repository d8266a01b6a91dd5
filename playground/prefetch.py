"""`--prefetch`: bring models to this disk before going where there is no network."""

import sys

from playground.core import Playground
from playground.runtime.task import Phase
from playground.settings import Settings


def prefetch(settings: Settings) -> int:
    """Fetch `settings.prefetch`, telling the progress on the terminal; 0 when all are here."""
    playground = Playground(settings)
    try:
        for model_id in settings.prefetch:
            playground.fetch(model_id, _tell)
            print(f"\r{model_id}: on this disk now.{' ' * 40}", flush=True)
    finally:
        playground.close()
    return 0


def _tell(phase: Phase) -> None:
    if phase.total:
        sys.stdout.write(f"\r{phase.kind} {phase.what}: {phase.done / 1e6:.0f} of {phase.total / 1e6:.0f} MB ")
        sys.stdout.flush()
