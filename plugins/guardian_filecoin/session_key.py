"""What a session key signs: EIP-712 typed data of Filecoin Warm Storage. This key can make a data set and add pieces.

It signs neither removals nor transfers: there is no code for them here, and the owner's wallet gives the key no such right.
OpenSSL signs (in constant time); which of the four possible keys a signature belongs to is found by trying (EIP-2098's parity).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from guardian_filecoin.abi import address_bytes, address_text, encode
from guardian_filecoin.cid import Cid
from guardian_filecoin.keccak import keccak256

NAME, VERSION = "FilecoinWarmStorageService", "1"
Entries = Sequence[tuple[str, str]]

# SEC 2: secp256k1, y² = x³ + 7.
P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
Point = tuple[int, int] | None

_ENTRY = "MetadataEntry(string key,string value)"
_CID = "Cid(bytes data)"
_PIECE_METADATA = "PieceMetadata(uint256 pieceIndex,MetadataEntry[] metadata)"
_CREATE = "CreateDataSet(uint256 clientDataSetId,address payee,MetadataEntry[] metadata)"
_ADD = "AddPieces(uint256 clientDataSetId,uint256 nonce,Cid[] pieceData,PieceMetadata[] pieceMetadata)"
_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


@dataclass(frozen=True, slots=True)
class Contract:
    """Which contract on which chain a signature is for; a signature for one is worth nothing to another."""

    chain_id: int
    address: str

    def domain(self) -> bytes:
        """EIP-712's domain separator."""
        named = [_typed(_DOMAIN), keccak256(NAME.encode()), keccak256(VERSION.encode())]
        return keccak256(b"".join(named) + encode(["uint256", "address"], [self.chain_id, self.address]))


def _typed(*types: str) -> bytes:
    """Hash of a type with the types it uses, these in order of their names."""
    return keccak256("".join((types[0], *sorted(types[1:]))).encode())


def _entries(entries: Entries) -> bytes:
    one = _typed(_ENTRY)
    hashed = (keccak256(one + keccak256(key.encode()) + keccak256(value.encode())) for key, value in entries)
    return keccak256(b"".join(hashed))


def create_data_set_hash(contract: Contract, client_data_set_id: int, payee: str, metadata: Entries) -> bytes:
    """What is signed to make a data set."""
    words = encode(["uint256", "address"], [client_data_set_id, payee])
    return _digest(contract, keccak256(_typed(_CREATE, _ENTRY) + words + _entries(metadata)))


def add_pieces_hash(contract: Contract, client_data_set_id: int, nonce: int, pieces: Sequence[Cid]) -> bytes:
    """What is signed to add pieces, none of which has metadata."""
    of_cid, of_metadata = _typed(_CID), _typed(_PIECE_METADATA, _ENTRY)
    cids = keccak256(b"".join(keccak256(of_cid + keccak256(bytes(piece))) for piece in pieces))
    none = _entries(())
    metadata = keccak256(
        b"".join(keccak256(of_metadata + encode(["uint256"], [index]) + none) for index in range(len(pieces)))
    )
    words = encode(["uint256", "uint256"], [client_data_set_id, nonce])
    return _digest(contract, keccak256(_typed(_ADD, _CID, _PIECE_METADATA, _ENTRY) + words + cids + metadata))


def _digest(contract: Contract, struct: bytes) -> bytes:
    return keccak256(b"\x19\x01" + contract.domain() + struct)


class SessionKey:
    """A secp256k1 key that the owner's wallet has allowed to add, for a time."""

    def __init__(self, secret: str) -> None:
        """Take the key in hex. ValueError where it is none; the message does not repeat it."""
        try:
            number = int(secret.strip().removeprefix("0x"), 16)
            self._key = ec.derive_private_key(number, ec.SECP256K1())
        except ValueError:
            raise ValueError("the session key is no private key of 32 bytes in hex") from None
        raw = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self._public = int.from_bytes(raw[1:33], "big"), int.from_bytes(raw[33:], "big")
        self.address = address_text(keccak256(raw[1:])[12:])

    def sign(self, digest: bytes) -> bytes:
        """Return r, s (the lower of the two) and v."""
        r, s = decode_dss_signature(self._key.sign(digest, ec.ECDSA(Prehashed(SHA256()), deterministic_signing=True)))
        s = min(s, N - s)
        for parity in (0, 1):
            if recovered(digest, r, s, parity) == self._public:
                return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((27 + parity,))
        raise ArithmeticError("a signature does not lead back to its key")  # r past the order: one in 2^127

    def create_data_set(
        self, contract: Contract, *, payer: str, payee: str, client_data_set_id: int, metadata: Entries = ()
    ) -> bytes:
        """Return the `extraData` by which a provider may make a data set that `payer` pays for."""
        signature = self.sign(create_data_set_hash(contract, client_data_set_id, payee, metadata))
        keys, values = [key for key, _ in metadata], [value for _, value in metadata]
        types = ["address", "uint256", "string[]", "string[]", "bytes"]
        return encode(types, [payer, client_data_set_id, keys, values, signature])

    def add_pieces(self, contract: Contract, *, client_data_set_id: int, nonce: int, pieces: Sequence[Cid]) -> bytes:
        """Return the `extraData` by which a provider may add pieces. A nonce counts once: who sends it again pays nothing."""
        signature = self.sign(add_pieces_hash(contract, client_data_set_id, nonce, pieces))
        none: list[list[str]] = [[] for _ in pieces]
        return encode(["uint256", "string[][]", "string[][]", "bytes"], [nonce, none, none, signature])


def signer_of(digest: bytes, signature: bytes) -> str:
    """Return the address whose key made a signature; ValueError where none did."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise ValueError("this is no signature")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    point = recovered(digest, r, s, signature[64] - 27) if 0 < r < N and 0 < s <= N // 2 else None
    if point is None:
        raise ValueError("this is no signature")
    return address_text(keccak256(point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big"))[12:])


def recovered(digest: bytes, r: int, s: int, parity: int) -> Point:
    """Return the public key of a signature (SEC 1, 4.1.6). Of public values only, so its time tells nothing."""
    y = pow(r**3 + 7, (P + 1) // 4, P)
    if y * y % P != (r**3 + 7) % P:
        return None
    if y % 2 != parity:
        y = P - y
    inverse, number = pow(r, -1, N), int.from_bytes(digest, "big")
    return _sum(_times((r, y), s * inverse % N), _times(G, -number * inverse % N))


def _sum(a: Point, b: Point) -> Point:
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def _times(point: Point, by: int) -> Point:
    total: Point = None
    while by:
        if by & 1:
            total = _sum(total, point)
        point, by = _sum(point, point), by >> 1
    return total


def same_address(one: str, other: str) -> bool:
    """Compare addresses whatever the case of their letters."""
    return address_bytes(one) == address_bytes(other)
