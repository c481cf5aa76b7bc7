"""UDP or TLS: a relay that is away is not UDP that is blocked."""

from dataclasses import dataclass, field

from guardian_wireguard import paths
from guardian_wireguard.paths import AGAIN_S, TLS, UDP


@dataclass
class Network:
    """Steps every five seconds, as the link does."""

    udp: bool = True
    gateway: bool = True
    relay: bool = True
    now_s: float = 100.0
    way: paths.Way = field(default_factory=lambda: paths.begin(100.0))
    gateway_s: float | None = None

    def go(self, seconds):
        ways = []
        for _ in range(round(seconds / 5)):
            self.now_s += 5
            there = self.way.calls and self.gateway and self.relay
            self.gateway_s = (self.gateway_s or self.now_s - 4) if there else None
            heard = self.relay and (self.udp if self.way.name == UDP else there)
            self.way = paths.step(self.way, heard=heard, now_s=self.now_s, gateway_s=self.gateway_s)
            ways.append(self.way.name)
        return ways


def test_udp_that_is_blocked_is_left_for_tls_within_half_a_minute():
    network = Network(udp=False)
    assert TLS in network.go(30)
    assert set(network.go(300)) == {TLS}


def test_a_relay_that_is_away_is_waited_for_over_udp_and_so_is_one_without_a_gateway():
    network = Network(relay=False)
    assert set(network.go(600)) == {UDP}
    network.relay = True
    assert set(network.go(60)) == {UDP}
    assert not network.way.calls
    assert set(Network(udp=False, gateway=False).go(600)) == {UDP}


def test_udp_is_tried_again_ever_more_rarely_and_kept_when_it_works():
    network = Network(udp=False)
    network.go(60)
    tries = [way for way in network.go(3 * 3600) if way == UDP]
    assert 6 <= len(tries) <= 12  # two steps each: after 10, 20, 40, 80 minutes
    network.udp = True
    assert network.go(4 * 3600)[-1] == UDP
    assert not network.way.calls
    assert network.way.again_s == AGAIN_S


def test_a_gateway_that_goes_away_while_udp_works_again_is_left():
    network = Network(udp=False)
    network.go(60)
    network.udp, network.gateway = True, False
    assert network.go(30)[-1] == UDP
