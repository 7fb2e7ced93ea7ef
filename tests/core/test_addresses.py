"""Where nothing is sent, however it is written."""

import pytest

from stanch.core.addresses import why_not, wrong_host, wrong_url

NEVER = (
    *("169.254.169.254", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "0.0.0.0", "::"),
    *("224.0.0.1", "ff02::1", "240.0.0.1", "255.255.255.255", "2002:a9fe:a9fe::1"),
)
INSIDE = (
    *("127.0.0.1", "::1", "10.0.0.1", "172.16.5.5", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"),
    *("64:ff9b::a00:1", "2002:a00:1::1", "::ffff:127.0.0.1"),
)


@pytest.mark.parametrize("address", NEVER)
def test_link_local_is_never_told(address: str) -> None:
    """There clouds keep credentials; also where a policy names it."""
    assert "is ever sent" in why_not(address, inside=True)
    assert "is ever sent" in why_not(address, inside=False)


@pytest.mark.parametrize("address", INSIDE)
def test_inside_only_where_the_policy_names_it(address: str) -> None:
    """However the address is dressed up."""
    assert "is a private address" in why_not(address, inside=False)
    assert "" == why_not(address, inside=True)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_outside_is_where_people_are(address: str) -> None:
    """Or nobody could be told."""
    assert "" == why_not(address, inside=False)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://hooks.example.com/x", ""),
        ("http://hooks.example.com/x", "not https"),
        ("http://grafana.monitoring/x", ""),
        ("https://u:p@hooks.example.com/x", "user or password"),
        ("file:///etc/passwd", "no http or https URL"),
        ("https://", "no http or https URL"),
        ("https://[::1", "no URL"),
        ("https://127.0.0.1/x", "private address"),
        ("https://[fd00::1]/x", "private address"),
        ("https://169.254.169.254/x", "is ever sent"),
        ("https://grafana.monitoring.evil.example/x", ""),
        ("http://grafana.monitoring.evil.example/x", "not https"),
    ],
)
def test_what_a_url_says_of_itself(url: str, why: str) -> None:
    """A name is looked at when it is connected to."""
    found = wrong_url(url, "grafana.monitoring")
    assert why in found
    assert bool(why) == bool(found)


def test_a_host_that_is_named_is_exactly_that_host() -> None:
    """Another one inside is not meant."""
    assert ("", True) == (wrong_host("10.0.0.1", "10.0.0.1"), bool(wrong_host("10.0.0.2", "10.0.0.1")))
