"""The key that signs evidence."""

from guardian.vault.signer import VaultSigner

FILE = "evidence.json"


class VaultNotary(VaultSigner):
    """Implements `services.evidence.Notary`."""

    file, what = FILE, "evidence key"
