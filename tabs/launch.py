"""From settings to a page that answers, and back to silence."""

import gc
import logging
import os
import socket
import threading

from playground.core import Playground
from playground.errors import UserError
from playground.settings import Settings

# A reply (or an imported conversation) may hold Markdown pictures: showing one must not tell another
# server that it was read. Scripts are Gradio's own business.
CONTENT_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="'
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; frame-src 'none'; "
    "object-src 'none'\">"
)
# Pillow refuses at twice this; what is large but below that, `playground.imaging.uploads` refuses in words.
LARGEST_PICTURE_PIXELS = 25_000_000
# How long the queue sleeps before it looks for new events. Gradio's own millisecond takes a tenth of a core for as
# long as the app is open, and that from whatever is computing.
BETWEEN_LOOKS_S = 0.01


def launch(settings: Settings, ended: threading.Event) -> int:
    """Serve the app until `ended` is set. Raises `UserError` if the port is taken."""
    check_port(settings)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    playground = Playground(settings)

    from PIL import Image

    from tabs.common.words import I18N
    from tabs.shell import build, theme

    Image.MAX_IMAGE_PIXELS = LARGEST_PICTURE_PIXELS
    page = build(playground)
    profile = settings.profile
    page.queue(max_size=profile.line, api_open=False, default_concurrency_limit=None)
    page._queue.sleep_when_free = BETWEEN_LOOKS_S
    page.launch(
        server_name=settings.host,
        server_port=settings.port,
        share=settings.share,
        auth=settings.auth,
        prevent_thread_lock=True,
        show_error=profile.show_error,
        max_file_size=profile.upload,
        max_threads=120,  # a visitor waiting in line holds one
        state_session_capacity=profile.sessions,
        enable_monitoring=profile.monitoring,
        footer_links=list(profile.footer),  # type: ignore[arg-type]  # names Gradio knows
        mcp_server=profile.mcp,
        strict_cors=True,
        run_history=False,
        ssr_mode=False,
        i18n=I18N,
        theme=theme(),
        head=CONTENT_POLICY,
        css_paths=settings.assets / "style.css",
        quiet=True,
    )
    gc.freeze()  # what is here now stays; later collections need not look at it
    gc.enable()
    print(f"AIGC Playground answers at http://{settings.host}:{settings.port} (Ctrl-C ends it)", flush=True)
    if page.share_url:
        print(f"Shared at {page.share_url}", flush=True)
    ended.wait()
    print("Ending.", flush=True)
    playground.close()
    # Open pages hold their connections for ever: do not wait for them, nor print how each was cut.
    page.server.force_exit = True
    logging.getLogger("uvicorn.error").disabled = True
    page.close(verbose=False)
    return 0


def check_port(settings: Settings) -> None:
    """Raise `UserError` if somebody listens there already."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise UserError(
                f"{settings.host}:{settings.port} cannot be used ({error.strerror}): perhaps the app is running "
                f"already. Open it in the browser, or add --port {settings.port + 1}."
            ) from error
