"""What /vault takes and answers. Secrets are never repeated: neither in an answer nor in an error."""

from __future__ import annotations

from pydantic import Field

from guardian.api.fields import In, Out, TimeOut
from guardian.model.views import EpochCheck, VaultStatus


class UnlockIn(In):
    """The owner's passphrase."""

    passphrase: str = Field(min_length=1, max_length=1024, description="the vault's passphrase", repr=False)


class NewPassphraseIn(UnlockIn):
    """The owner's passphrase, and the one that takes its place."""

    new_passphrase: str = Field(min_length=1, max_length=1024, description="the new passphrase", repr=False)


class RecoverIn(In):
    """The recovery code, and a new passphrase."""

    recovery_code: str = Field(min_length=1, max_length=200, description="the recovery code, in groups", repr=False)
    new_passphrase: str = Field(min_length=1, max_length=1024, description="the new passphrase", repr=False)


class VerifyIn(In):
    """Passphrase or recovery code: one of them."""

    passphrase: str = Field("", max_length=1024, description="the vault's passphrase", repr=False)
    recovery_code: str = Field("", max_length=200, description="or the recovery code", repr=False)


class RecoveryCodeOut(Out):
    """A recovery code, shown this once: it opens the vault as the passphrase does."""

    recovery_code: str


class EpochCheckOut(Out):
    """An epoch: how many of its files were opened, and which did not open."""

    epoch: int
    created: TimeOut
    files_opened: int
    faults: list[str]


class VaultCheckOut(Out):
    """What was opened. `whole`: everything that was tried did open."""

    whole: bool
    epochs: list[EpochCheckOut]

    @staticmethod
    def of(checks: tuple[EpochCheck, ...]) -> VaultCheckOut:
        """Make it of what was found."""
        return VaultCheckOut(
            whole=not any(check.faults for check in checks),
            epochs=[
                EpochCheckOut(
                    epoch=check.number,
                    created=check.created_us,
                    files_opened=check.opened,
                    faults=list(check.faults),
                )
                for check in checks
            ],
        )


class VaultOut(Out):
    """The vault. `throttled_s`: seconds until another passphrase may be tried. `recovery_created`: when the recovery code
    was made, null without one.
    """

    exists: bool
    unlocked: bool
    epoch: int
    kem: str
    throttled_s: float
    recovery_created: TimeOut | None
    evidence_key: str = Field(description="Fingerprint of the key that signs evidence, or empty.")

    @staticmethod
    def of(status: VaultStatus) -> VaultOut:
        """Make it of the vault's status."""
        return VaultOut(
            exists=status.exists,
            unlocked=status.unlocked,
            epoch=status.epoch,
            kem=status.kem,
            throttled_s=round(status.throttled_s, 1),
            recovery_created=status.recovery_us,
            evidence_key=status.evidence_key,
        )
