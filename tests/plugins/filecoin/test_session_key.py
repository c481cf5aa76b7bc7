"""Keccak, ABI and EIP-712 signatures, against the Solidity reference's vectors and, as a second judge, eth-account."""

import pytest
from eth_utils import keccak, to_checksum_address
from guardian_filecoin import abi
from guardian_filecoin.cid import of_bytes, parse
from guardian_filecoin.keccak import keccak256
from guardian_filecoin.session_key import Contract, SessionKey, add_pieces_hash, create_data_set_hash, signer_of
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian.sdk import Damaged
from tests.plugins.filecoin.vectors import read
from tests.support.ethereum import Account, encode_typed_data

GIVEN = read("typed-data.json")
CONTRACT = Contract(GIVEN["chain_id"], GIVEN["contract"])
KEY = SessionKey(GIVEN["private_key"])
DOMAIN = {
    "name": "FilecoinWarmStorageService",
    "version": "1",
    "chainId": CONTRACT.chain_id,
    "verifyingContract": CONTRACT.address,
}
ENTRY = [{"name": "key", "type": "string"}, {"name": "value", "type": "string"}]


def test_known_hashes():
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"


@given(st.binary(max_size=500))
@settings(max_examples=30)
def test_keccak_is_keccak(data):
    assert keccak256(data) == keccak(data)


def test_making_a_data_set_signs_as_the_reference_does():
    case = GIVEN["create_data_set"]
    extra = KEY.create_data_set(
        CONTRACT,
        payer=KEY.address,
        payee=case["payee"],
        client_data_set_id=GIVEN["client_data_set_id"],
        metadata=[tuple(one) for one in case["metadata"]],
    )
    assert "0x" + extra.hex() == case["extra_data"]


def test_adding_pieces_signs_as_the_reference_does():
    case = GIVEN["add_pieces"]
    pieces = [parse(text) for text in case["pieces"]]
    number = GIVEN["client_data_set_id"]
    extra = KEY.add_pieces(CONTRACT, client_data_set_id=number, nonce=case["nonce"], pieces=pieces)
    assert "0x" + extra.hex() == case["extra_data"]


def test_there_is_no_way_to_sign_a_removal():
    able = {name for name in dir(SessionKey) if not name.startswith("_")}
    assert able == {"sign", "create_data_set", "add_pieces"}


@given(st.binary(min_size=32, max_size=32), st.integers(1, 2**200), st.text(max_size=20), st.text(max_size=20))
@settings(max_examples=15, deadline=None)
def test_eth_account_agrees_on_a_data_set(secret, number, key, value):
    if int.from_bytes(secret, "big") == 0:
        return
    payee = "0x" + secret[:20].hex()
    types = {
        "CreateDataSet": [
            {"name": "clientDataSetId", "type": "uint256"},
            {"name": "payee", "type": "address"},
            {"name": "metadata", "type": "MetadataEntry[]"},
        ],
        "MetadataEntry": ENTRY,
    }
    message = {"clientDataSetId": number, "payee": payee, "metadata": [{"key": key, "value": value}]}
    signable = encode_typed_data(DOMAIN, types, message)
    digest = create_data_set_hash(CONTRACT, number, payee, [(key, value)])
    account = Account.from_key(secret)
    signed = account.sign_message(signable)
    assert digest == signed.message_hash
    assert SessionKey(secret.hex()).sign(digest) == signed.signature
    assert signer_of(digest, signed.signature) == account.address == to_checksum_address(account.address)


@given(st.integers(0, 2**255), st.integers(0, 4))
@settings(max_examples=15, deadline=None)
def test_eth_account_agrees_on_added_pieces(nonce, count):
    pieces = [of_bytes(bytes([one])) for one in range(count)]
    types = {
        "AddPieces": [
            {"name": "clientDataSetId", "type": "uint256"},
            {"name": "nonce", "type": "uint256"},
            {"name": "pieceData", "type": "Cid[]"},
            {"name": "pieceMetadata", "type": "PieceMetadata[]"},
        ],
        "Cid": [{"name": "data", "type": "bytes"}],
        "PieceMetadata": [{"name": "pieceIndex", "type": "uint256"}, {"name": "metadata", "type": "MetadataEntry[]"}],
        "MetadataEntry": ENTRY,
    }
    message = {
        "clientDataSetId": 7,
        "nonce": nonce,
        "pieceData": [{"data": bytes(piece)} for piece in pieces],
        "pieceMetadata": [{"pieceIndex": index, "metadata": []} for index in range(count)],
    }
    signed = Account.from_key(GIVEN["private_key"]).sign_message(encode_typed_data(DOMAIN, types, message))
    assert add_pieces_hash(CONTRACT, 7, nonce, pieces) == signed.message_hash


def test_a_signature_of_other_data_leads_to_another_key():
    digest = keccak256(b"what was signed")
    signature = KEY.sign(digest)
    assert signer_of(digest, signature) == KEY.address
    try:
        assert signer_of(keccak256(b"another"), signature) != KEY.address
    except ValueError:
        pass
    with pytest.raises(ValueError, match="no signature"):
        signer_of(digest, signature[:64] + b"\x00")


@pytest.mark.parametrize("secret", ["", "0x", "zz", "0", "ff" * 32])
def test_a_bad_key_is_refused_and_not_repeated(secret):
    with pytest.raises(ValueError, match="in hex") as caught:
        SessionKey(secret)
    assert caught.value.__cause__ is None


def test_a_short_answer_of_a_contract_is_refused():
    assert abi.words(bytes(31) + b"\x01", 1) == [1]
    with pytest.raises(Damaged):
        abi.words(b"", 1)
    with pytest.raises(ValueError, match="no address"):
        abi.address_bytes("0x1234")
    assert abi.selector("transfer(address,uint256)").hex() == "a9059cbb"
