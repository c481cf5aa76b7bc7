"""What `wg` is told and what it says; its keys go by standard input only."""

import base64

from guardian.protocol import wireguard as wg

PEER = wg.Peer(b"p" * 32, b"k" * 32, "fd00::1", "192.0.2.1:51820", 25)
ONE = wg.Interface("guardian0", b"s" * 32, "fd00::2", 0, (PEER,))


def test_the_configuration_has_what_wg_wants():
    assert wg.config(ONE).decode().splitlines() == [
        "[Interface]",
        f"PrivateKey = {base64.b64encode(b's' * 32).decode()}",
        "[Peer]",
        f"PublicKey = {base64.b64encode(b'p' * 32).decode()}",
        f"PresharedKey = {base64.b64encode(b'k' * 32).decode()}",
        "AllowedIPs = fd00::1/128",
        "Endpoint = 192.0.2.1:51820",
        "PersistentKeepalive = 25",
    ]
    assert b"ListenPort = 51820" in wg.config(wg.Interface("r", b"s" * 32, "fd00::1", 51820, ()))


def test_no_argument_holds_a_key():
    commands = [wg.add_kernel("x"), wg.add_userspace("x"), wg.configure("x", keep_sessions=True), wg.remove("x")]
    commands += wg.bring_up(ONE) + wg.look("x")
    words = [word for command in commands for word in command]
    for key in (b"s" * 32, b"p" * 32, b"k" * 32):
        assert not any(base64.b64encode(key).decode() in word or key.hex() in word for word in words)
    assert "dump" not in words


def test_the_firewall_lets_in_one_port_or_none():
    command, rules = wg.close_off("guardian-relay", 7444)
    assert command == ["nft", "-f", "-"]
    text = rules.decode()
    assert "table inet guardian_guardian_relay" in text
    assert text.index("tcp dport 7444 accept") < text.index("    drop")
    assert "dport" not in wg.close_off("x", None)[1].decode()
    assert wg.open_again("x-y") == ["nft", "delete", "table", "inet", "guardian_x_y"]


def test_what_wg_says_is_read():
    key = base64.b64encode(b"p" * 32).decode()
    found = wg.seen(f"{key}\t1790000000\n", f"{key}\t12\t34\n", f"{key}\t192.0.2.7:1234\n")
    assert found == {b"p" * 32: wg.Seen(1790000000, 12, 34, "192.0.2.7:1234")}
    assert wg.seen(f"{key}\t0\n", f"{key}\t0\t0\n", f"{key}\t(none)\n")[b"p" * 32].endpoint == ""
    assert wg.seen("", "", "") == {}


def test_a_public_key_is_that_of_wg():
    private = wg.make_private_key()
    assert len(private) == 32
    assert wg.public_key(private) != private
    assert wg.public_key(bytes(31) + b"\x40").hex() == "2fe57da347cd62431528daac5fbb290730fff684afc4cfc2ed90995f58cb3b74"
