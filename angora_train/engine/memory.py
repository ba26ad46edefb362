# SPDX-License-Identifier: Apache-2.0
"""Memory that was freed is kept for the next step, where the C library allows it."""

import ctypes
import sys
from contextlib import suppress

__all__ = ["keep_memory"]

# Numbers of glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3

_MB = 1 << 20
_SETTINGS = {
    _M_TRIM_THRESHOLD: 2047 * _MB,
    _M_TOP_PAD: 64 * _MB,
    _M_MMAP_THRESHOLD: 32 * _MB,  # the most that glibc takes
}


def keep_memory() -> None:
    """Let this process keep memory that it frees, on Linux with glibc.

    An update makes and drops hundreds of MB; given back to the system every time, each
    page is cleared again before its next use. An update of the network of areas takes
    a tenth less time without that, and what the process holds stays at its peak.
    """
    if not sys.platform.startswith("linux"):
        return
    with suppress(OSError, AttributeError):  # another C library
        library = ctypes.CDLL("libc.so.6")
        for name, value in _SETTINGS.items():
            library.mallopt(name, value)
