# SPDX-License-Identifier: Apache-2.0
"""Files that are written whole or not at all."""

import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["reading", "replacing", "write_archive", "write_text"]

# A ZIP archive holds times; the same data make the same file.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@contextmanager
def reading(path: Path | str, what: str, error: type[Exception]) -> Iterator[None]:
    """Raise `error` where a file is not there or cannot be read as text."""
    try:
        yield
    except FileNotFoundError as reason:
        raise error(f"There is no {what} '{path}'.") from reason
    except (OSError, UnicodeDecodeError) as reason:
        told = getattr(reason, "strerror", None) or reason
        raise error(f"The {what} '{path}' cannot be read: {told}.") from reason


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place on success.

    The temporary file keeps the suffix, since many writers choose the format by it.
    If the block raises, `path` stays as it was and the temporary file is removed.

    Parameters
    ----------
    path : Path or str
        The file to write. Its folder is made if it does not exist.

    Yields
    ------
    Path
        Where to write.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=path.parent,
        prefix=f".{path.stem}.",
        suffix="".join(path.suffixes[-2:]),  # .nii.gz is one format
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp grants the owner alone
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_archive(path: Path, members: Mapping[str, str]) -> None:
    """Write texts as the members of a ZIP archive, whole or not at all."""
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, text in members.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
