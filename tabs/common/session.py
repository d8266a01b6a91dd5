"""Who a request comes from."""

import gradio as gr


def visitor_of(request: gr.Request | None) -> str:
    """Who asks, for the line: the page's session, or the address of a program that has none (MCP)."""
    if request is None:
        return ""
    return request.session_hash or (request.client.host if request.client else "")
