"""CRC-32 as in zlib, by libdeflate where it is installed: beside the cipher, zlib's own takes four times as long, ISA-L's a quarter of its
time on processors without AVX-512, libdeflate's an eighth.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

crc32: Callable[..., int]

try:
    from deflate import crc32
except ImportError:  # a processor that it is not built for
    crc32 = zlib.crc32

__all__ = ["crc32"]
