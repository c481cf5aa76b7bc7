"""The home's own key: it says which other keys are believed (docs/protocol.md#trust)."""

from guardian.vault.signer import VaultSigner

STATEMENT_CONTEXT = b"guardian trust v1\x00"  # of guardian.protocol.trust, which needs a package that not every Guardian has


class HomeKey(VaultSigner):
    """Signs statements and nothing else: what it signs always begins with their context."""

    file, purpose, what = "home.json", "home", "home's key"

    def sign_statement(self, body: bytes) -> bytes:
        """Sign a serialised statement. VaultLocked, Damaged."""
        return self.sign(STATEMENT_CONTEXT + body)
