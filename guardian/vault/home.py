"""The home's own key: it says which other keys are believed (docs/protocol.md#trust)."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from guardian.vault.signer import VaultSigner

STATEMENT_CONTEXT = b"guardian trust v1\x00"  # of guardian.protocol.trust, which needs a package that not every Guardian has
VIEWING_CONTEXT = b"guardian viewing v1\x00"
COMMAND_CONTEXT = b"guardian command v1\x00"  # of guardian.protocol.commands


class HomeKey(VaultSigner):
    """Signs statements, the edge's key for viewers, and commands, and nothing else: what it signs always begins with their context."""

    file, purpose, what = "home.json", "home", "home's key"

    def sign_statement(self, body: bytes) -> bytes:
        """Sign a serialised statement. VaultLocked, Damaged."""
        return self.sign(STATEMENT_CONTEXT + body)

    def sign_viewing(self, edge: bytes, created_us: int) -> bytes:
        """Sign the edge's key for viewers. VaultLocked, Damaged."""
        return self.sign(viewing_words(edge, created_us))

    def sign_command(self, signed: bytes) -> bytes:
        """Sign what a command's signature covers. VaultLocked, Damaged."""
        return self.sign(COMMAND_CONTEXT + signed)


def made_by(public_key: bytes, signed: bytes, signature: bytes) -> bool:
    """Whether a key made a command's signature. The vault need not be open."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, COMMAND_CONTEXT + signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def viewing_words(edge: bytes, created_us: int) -> bytes:
    """Return what the home signs of the edge's key for viewers."""
    return VIEWING_CONTEXT + edge + created_us.to_bytes(8, "big")
