"""CRC-32 as in zlib, by ISA-L where it is installed: zlib's own would take four times as long as the cipher."""

from __future__ import annotations

try:
    from isal.isal_zlib import crc32
except ImportError:  # a processor that it is not built for
    from zlib import crc32

__all__ = ["crc32"]
