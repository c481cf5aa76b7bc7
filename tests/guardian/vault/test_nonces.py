"""No key meets a nonce twice: whatever is sealed, wherever it is cut short, however often it begins anew and whatever the clock says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian.model.segment import ContentKind, SegmentHeader
from guardian.vault import hpke, stream
from guardian.vault.sealer import VaultSealer

PRIVATE, PUBLIC = hpke.generate()
NAME = "01a221f0-419b-7a5b-881d-deacce32a174"  # of each file the same: as after a restore, or with a clock set back


class Watched:
    """AES-GCM that remembers what it was used with."""

    real, used = stream.AESGCM, []

    def __init__(self, key):
        self._key, self._cipher = bytes(key), self.real(key)

    def encrypt_into(self, nonce, *rest):
        self.used.append((self._key, bytes(nonce)))
        return self._cipher.encrypt_into(nonce, *rest)


# each a life of the recorder: records sealed in each file, whether it was finished, and what the clock said
LIVES = st.lists(
    st.tuples(st.integers(0, 4), st.booleans(), st.sampled_from([0, 1_795_392_000_000_000])), min_size=1, max_size=8
)


@settings(max_examples=40, deadline=None)
@given(LIVES)
def test_no_key_meets_a_nonce_twice(lives):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "AESGCM", Watched)
        Watched.used = []
        for records, finished, now_us in lives:
            header = SegmentHeader(NAME, NAME, "gate", "main", ContentKind.VIDEO, now_us, now_us, 0, "avc1.640028", 640, 360)
            sealing = VaultSealer(PUBLIC, 1).begin(header)
            for number in range(records):
                more = {"start_90k": number, "duration_90k": 1, "start_utc_us": now_us, "is_key": True, "video_frames": 1}
                sealing.seal(b"the same content", **more)
            if finished:
                sealing.finish()
    assert len(Watched.used) == sum(records + finished for records, finished, _ in lives)
    assert len(set(Watched.used)) == len(Watched.used)
    prefixes = {nonce[:7] for _, nonce in Watched.used}
    assert len(prefixes) == sum(1 for records, finished, _ in lives if records or finished)
