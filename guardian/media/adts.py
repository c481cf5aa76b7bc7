"""ADTS, the header that some cameras put before each AAC frame (ISO/IEC 13818-7, 6.2) and that MP4 and decoders with an
AudioSpecificConfig do not want.
"""


def without_adts(data: bytes) -> bytes:
    """Return an AAC frame without its ADTS header, or as it is where it has none."""
    if len(data) > 7 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
        return data[7 if data[1] & 1 else 9 :]
    return data
