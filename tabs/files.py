"""Pictures that an endpoint gives back: files in Gradio's cache, which a client downloads.

Rule of the room: a name is made here, never of what somebody sent; what a picture was made with is inside.
"""

from gradio import processing_utils, utils
from gradio.data_classes import FileDataDict
from PIL import Image

from playground.pictures import encode


def png_file(picture: Image.Image, name: str, settings: str) -> FileDataDict:
    """A PNG called `name`.png whose text `parameters` holds the settings."""
    data = encode.png(picture, {"parameters": settings})
    path = processing_utils.save_bytes_to_cache(data, f"{name}.png", utils.get_upload_folder())
    return {
        "path": path,
        "orig_name": f"{name}.png",
        "mime_type": "image/png",
        "size": len(data),
        "is_stream": False,
        "meta": {"_type": "gradio.FileData"},
    }
