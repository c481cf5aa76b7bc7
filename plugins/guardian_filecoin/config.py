"""Settings of the archive. Addresses of contracts are the network's of August 2026 and may change: they are settings, not code."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, HttpUrl, field_validator, model_validator

from guardian.sdk import PluginConfig
from guardian_filecoin.pack import BUCKETS_MIB

PLACE_NAME = re.compile(r"^[a-z][a-z0-9_-]{0,31}$")
_ADDRESS = r"^0x[0-9a-fA-F]{40}$"


class FolderPlace(PluginConfig):
    """A folder of this machine, such as a mounted disk or NAS."""

    path: str = Field(min_length=1, description="The folder. It must exist; nothing is public.")


class S3Place(PluginConfig):
    """A bucket of a server that speaks S3: Filebase, Backblaze, MinIO, Amazon."""

    url: HttpUrl = Field(description="Address of the server, such as https://s3.filebase.io.")
    bucket: str = Field(min_length=1, description="The bucket. It must exist.")
    access_key: str = Field(description="Id of the access key.")
    secret_key: str = Field(repr=False, description="Its secret; better as env: or file:.")
    region: str = Field("us-east-1", description="Region that requests are signed for.")
    prefix: str = Field("", description="What the names in the bucket begin with.")
    public: bool = Field(False, description="The server puts it on IPFS (as Filebase does), so it is public for ever.")

    @field_validator("url")
    @classmethod
    def _has_no_path(cls, value: HttpUrl) -> HttpUrl:
        if value.path not in (None, "", "/") or value.query:
            raise ValueError("give the server only, and the bucket apart")
        return value


class KuboPlace(PluginConfig):
    """A Kubo node of your own, by its RPC."""

    url: HttpUrl = Field(
        HttpUrl("http://127.0.0.1:5001"), description="Address of the node's RPC. Never let others reach it."
    )
    token: str = Field("", repr=False, description="Bearer token, where the node asks for one (API.Authorizations).")
    public: bool = Field(True, description="The node is on the public network: what it has is public for ever.")


class FilecoinPlace(PluginConfig):
    """A provider of Filecoin Onchain Cloud (PDP). What lies there is public for ever."""

    url: HttpUrl = Field(description="Address of the provider's service.")
    payee: str = Field(pattern=_ADDRESS, description="The provider's address, which is paid.")
    payer: str = Field(pattern=_ADDRESS, description="Your wallet's address, which pays.")
    session_key: str = Field(
        "",
        repr=False,
        pattern=r"^((0x)?[0-9a-fA-F]{64})?$",
        description="Private key, in hex, that your wallet allowed to CreateDataSet and AddPieces and nothing else. "
        "Empty: only what is there is read.",
    )
    rpc_url: HttpUrl = Field(
        HttpUrl("https://api.node.glif.io/rpc/v1"), description="JSON-RPC of a chain node, to read prices and data sets."
    )
    chain_id: int = Field(314, gt=0, description="314: mainnet, 314159: calibration.")
    contract: str = Field(
        "0x8408502033C418E1bbC97cE9ac48E5528F371A9f", pattern=_ADDRESS, description="Filecoin Warm Storage Service."
    )
    view: str = Field("", pattern=r"^(0x[0-9a-fA-F]{40})?$", description="Its state view; empty: asked of the contract.")
    currency: str = Field("USDFC", description="What the contract's prices are in, 10^-18 each.")


class FilecoinConfig(PluginConfig):
    """`[plugins.settings.filecoin]`. Without a place nothing is archived."""

    everything: bool = Field(False, description="Archive all footage.")
    protected: bool = Field(True, description="Archive protected footage.")
    labels: tuple[str, ...] = Field((), description="Archive events with these labels, such as person.")
    cameras: tuple[str, ...] = Field((), description="Only of these cameras; empty: all.")
    streams: tuple[str, ...] = Field(("main",), description="Only these streams.")
    before_s: float = Field(10.0, ge=0, le=3600, description="Seconds of footage before an event.")
    after_s: float = Field(10.0, ge=0, le=3600, description="Seconds of footage after an event.")
    pack_mib: int = Field(64, description="Size at which a pack is closed: 1, 4, 16, 64, 256 or 1008.")
    close_after_hours: float = Field(
        24.0, gt=0, le=24 * 31, description="A pack that is not full is closed after about this."
    )
    delay_minutes: float = Field(
        60.0, ge=0, le=24 * 60, description="Uploads begin up to this much later, by chance, so that they tell no times."
    )
    spool_gb: float = Field(
        20.0, gt=0, description="Packs that wait for their upload may take this much; then no more are made."
    )
    accept_public: bool = Field(
        False,
        description="I know that what lies on Filecoin or IPFS is public for ever. Until then nothing is uploaded there.",
    )
    verify_parts: int = Field(3, ge=1, le=64, description="Parts of 1 MiB fetched back from each copy before it counts.")
    scrub_percent: float = Field(0.1, ge=0, le=100, description="Share of all copies that is looked at again each day.")
    timeout_s: float = Field(30.0, gt=0, le=600, description="A place that sends nothing for so long is given up for now.")
    folder: dict[str, FolderPlace] = Field(default_factory=dict, description="Folders, by name.")
    s3: dict[str, S3Place] = Field(default_factory=dict, description="S3 servers, by name.")
    kubo: dict[str, KuboPlace] = Field(default_factory=dict, description="Kubo nodes, by name.")
    filecoin: dict[str, FilecoinPlace] = Field(default_factory=dict, description="Filecoin providers, by name.")

    @field_validator("pack_mib")
    @classmethod
    def _is_a_size(cls, value: int) -> int:
        if value not in BUCKETS_MIB:
            raise ValueError(f"choose one of {', '.join(map(str, BUCKETS_MIB))}")
        return value

    @model_validator(mode="after")
    def _names_are_names(self) -> Self:
        names = [name for part in (self.folder, self.s3, self.kubo, self.filecoin) for name in part]
        bad = [name for name in names if not PLACE_NAME.match(name)]
        if bad:
            raise ValueError(f"{bad[0]!r} is no name of a place: use small letters, digits, - and _")
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"two places are called {min(twice)}")
        return self
