"""From a passphrase to a key: Argon2id (RFC 9106). Parameters are stored; below the floors nothing is opened."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from dataclasses import dataclass

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from guardian.model.errors import BadRequest, Damaged, ResourceGone

SALT_BYTES, KEY_BYTES = 16, 32
MIN_LENGTH, MAX_LENGTH = 8, 1024
FLOOR_MEMORY_KIB, FLOOR_TIME, FLOOR_LANES = 64 * 1024, 3, 1  # RFC 9106's second recommended option
MOST_MEMORY_KIB, MOST_TIME, MOST_LANES = 1024 * 1024, 64, 64  # a forged file must not exhaust the machine

# One at a time: with OpenSSL 4.0.3, two derivations of several lanes side by side wait for each other's threads for ever. It also
# bounds the memory.
_ONE = threading.Lock()
_CONSONANTS, _VOWELS = "bdfghjklmnprstvz", "aiou"


@dataclass(frozen=True, slots=True)
class Argon2Parameters:
    """Cost of one derivation."""

    salt: bytes
    memory_kib: int = 64 * 1024
    time: int = 3
    lanes: int = 4

    def check(self) -> None:
        """Damaged outside of the floors and ceilings: a changed file must not make guessing cheap."""
        low = self.memory_kib < FLOOR_MEMORY_KIB or self.time < FLOOR_TIME or self.lanes < FLOOR_LANES
        high = self.memory_kib > MOST_MEMORY_KIB or self.time > MOST_TIME or self.lanes > MOST_LANES
        if low or high or len(self.salt) < SALT_BYTES:
            raise Damaged(
                "the vault's Argon2id parameters are outside of what is safe", cure="Restore vault.json from a backup."
            )


def check_passphrase(passphrase: str) -> None:
    """BadRequest for one that is too short or too long."""
    if len(passphrase) < MIN_LENGTH:
        raise BadRequest(
            f"the passphrase has {len(passphrase)} characters; at least {MIN_LENGTH} are needed",
            field="passphrase",
            cure="Take five or six random words.",
        )
    if len(passphrase) > MAX_LENGTH:
        raise BadRequest(f"the passphrase is longer than {MAX_LENGTH} characters", field="passphrase")


def derive_kek(passphrase: str, parameters: Argon2Parameters) -> bytearray:
    """Return the key-encryption key, for the caller to `wipe`. Takes 64 MiB and some 100 ms; the passphrase is normalised to
    Unicode NFKC.
    """
    parameters.check()
    try:
        text = bytearray(unicodedata.normalize("NFKC", passphrase).encode())
    except UnicodeEncodeError:
        raise BadRequest("the passphrase is no Unicode text", field="passphrase", cure="Give it as UTF-8.") from None
    key = bytearray(KEY_BYTES)
    try:
        with _ONE:
            _argon2id(parameters).derive_into(text, key)  # type: ignore[arg-type]  # it takes any buffer
    except MemoryError as error:
        raise ResourceGone(
            f"{parameters.memory_kib // 1024} MiB of memory to check the passphrase are not to be had",
            cure="End other programs and try again.",
        ) from error
    finally:
        wipe(text)
    return key


def _argon2id(p: Argon2Parameters) -> Argon2id:
    return Argon2id(salt=p.salt, length=KEY_BYTES, iterations=p.time, lanes=p.lanes, memory_cost=p.memory_kib)


def wipe(*secrets_held: bytearray) -> None:
    """Overwrite secrets where they lie. Copies that a library made meanwhile are not reached."""
    for secret in secrets_held:
        secret[:] = bytes(len(secret))


def generate_passphrase(words: int = 6) -> str:
    """Return pronounceable words, each consonant-vowel-consonant-vowel of 16 and 4 letters (12 bits): six hold 72 bits."""
    return "-".join("".join(secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(2)) for _ in range(words))
