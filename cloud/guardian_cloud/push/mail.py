"""E-mail that says that there is news. It has no content: no camera, no time, no name of the home; a mailbox is nobody's vault."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

import aiosmtplib

from guardian.platform.clock import Clock
from guardian_cloud.model.errors import Unavailable
from guardian_cloud.settings.schema import Mail as MailSettings

TIMEOUT_S: Final = 20.0
SUBJECT: Final = "Guardian: something happened"
TEXT: Final = """Something happened that you wanted to be told of.

Open Guardian to see what: {address}

This mail says no more on purpose. You turn it off on your home's page.
"""


class Mail:
    """Sends through one SMTP server."""

    def __init__(self, settings: MailSettings, address: str, clock: Clock) -> None:
        self._settings, self._address, self._clock = settings, address, clock

    def message(self, receiver: str) -> EmailMessage:
        """Return the mail; it is the same for everything that happens."""
        made = EmailMessage()
        made["From"], made["To"], made["Subject"] = self._settings.sender, receiver, SUBJECT
        made["Date"] = formatdate(self._clock.now().utc_us / 1e6)
        made["Message-ID"] = make_msgid(domain=self._settings.sender.partition("@")[2])
        made["Auto-Submitted"] = "auto-generated"
        made.set_content(TEXT.format(address=self._address))
        return made

    async def send(self, receiver: str) -> None:
        """Send; Unavailable where the server does not take it now."""
        settings = self._settings
        try:
            await aiosmtplib.send(
                self.message(receiver),
                hostname=settings.host,
                port=settings.port,
                use_tls=settings.security == "tls",
                start_tls=settings.security == "starttls",
                username=settings.user or None,
                password=settings.password.get_secret_value() or None,
                timeout=TIMEOUT_S,
            )
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise Unavailable("the mail server did not take it", cure="See mail.* in the settings.") from error
