"""Pictures that an endpoint is given and gives back: files in Gradio's cache, uploaded or to be downloaded.

Invariants: a name is made here, never of what somebody sent; what a picture was made with is inside.
"""

from typing import Any, cast

from gradio import processing_utils, utils
from gradio.data_classes import FileDataDict
from gradio_client.utils import is_file_obj_with_meta
from PIL import Image

from playground.errors import UserError
from playground.imaging import encoding


def png_file(picture: Image.Image, name: str, settings: str) -> FileDataDict:
    """A PNG called `name`.png whose text `parameters` holds the settings."""
    data = encoding.png(picture, {"parameters": settings})
    path = processing_utils.save_bytes_to_cache(data, f"{name}.png", utils.get_upload_folder())
    return {
        "path": path,
        "orig_name": f"{name}.png",
        "mime_type": "image/png",
        "size": len(data),
        "is_stream": False,
        "meta": {"_type": "gradio.FileData"},
    }


def uploaded(image: object) -> str:
    """The path of a file that was uploaded: Gradio lets one that carries its mark lie nowhere else."""
    if not is_file_obj_with_meta(image):
        raise UserError("`image` is a picture file. In Python: gradio_client.handle_file(path).")
    processing_utils.check_all_files_in_cache(cast(Any, image))
    return str(cast(FileDataDict, image)["path"])
