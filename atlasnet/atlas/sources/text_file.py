# SPDX-License-Identifier: Apache-2.0
"""The text of a user's file, packed or not."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from atlasnet.errors import AtlasError

__all__ = ["BROKEN", "decode", "read_text", "unpack"]

_UNPACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    ".bz2": bz2.decompress,
    ".gz": gzip.decompress,
    ".xz": lzma.decompress,
}
BROKEN = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)
"""What is raised where packed data are damaged; a wrong encoding is a ValueError."""


def read_text(path: Path | str, what: str) -> str:
    """Return the text of a file; one that ends in .gz, .bz2 or .xz is unpacked.

    Parameters
    ----------
    path : Path or str
        The file.
    what : str
        What it is, for messages.

    Raises
    ------
    AtlasError
        If it is not there, damaged, or no text.
    """
    path = Path(path)
    try:
        return decode(unpack(path.name, path.read_bytes()))
    except UnicodeDecodeError as error:
        raise AtlasError(
            f"The {what} '{path}' cannot be read: it is no text in UTF-8 ({error}). "
            "Export it as plain text, such as CSV."
        ) from error
    except BROKEN as error:
        raise AtlasError(f"The {what} '{path}' cannot be read: {error}.") from error


def unpack(name: str, content: bytes) -> bytes:
    """Return the content of a file as its suffix has it packed."""
    unpacker = _UNPACKERS.get(Path(name).suffix.casefold())
    return content if unpacker is None else unpacker(content)


def decode(content: bytes) -> str:
    """Return content as text: UTF-8, or UTF-16 where it begins with that's mark.

    Examples
    --------
    >>> decode("Fläche".encode("utf-16"))
    'Fläche'
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    return content.decode("utf-8-sig")
