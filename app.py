"""The entry: flags and environment, build, launch. Also what a Hugging Face Space runs."""

import gc
import os
import signal
import sys
import threading

from playground.errors import UserError


def main(argv: list[str]) -> int:
    """Run the app until Ctrl-C; the exit status."""
    # Imports make hundreds of thousands of objects that stay: looking for garbage among them takes a second.
    gc.disable()
    from playground.settings import read_settings

    try:
        settings = read_settings(argv, os.environ)
        if settings.prefetch:
            from playground.prefetch import prefetch

            gc.enable()
            return prefetch(settings)
        from tabs.launch import launch

        return launch(settings, ended())
    except UserError as error:
        print(f"AIGC Playground: {error}", file=sys.stderr)
        return 2


def ended() -> threading.Event:
    """An event that Ctrl-C and a polite kill set."""
    event = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: event.set())
    return event


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
