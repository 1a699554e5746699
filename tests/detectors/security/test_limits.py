from detectors.security.bank import SecurityBank
from tests.contract import check
from tests.detectors.security.logs import START_S, log_of, request, said_of, threats
from topics.requests import REQUESTS
from topics.settings import Limit, SecuritySettings, Settings


def limited(*limits: Limit) -> SecuritySettings:
    return SecuritySettings(limit=Limit(requests=10), limits=limits)


def test_a_service_with_a_limit_of_its_own_is_counted_by_itself() -> None:
    security = limited(Limit(requests=3, service="shop"))
    shop = [request(k, service="shop") for k in range(4)]
    assert [t.text for t in threats(said_of(shop, security))] == ["3 requests in 60 s to shop exceeded"]
    others = [request(k, service=service) for k in range(6) for service in ("blog", "mail")]
    assert [t.at_s - START_S for t in threats(said_of(others, security))] == [5.0]
    both = [request(k, service="shop" if k < 3 else "blog") for k in range(13)]
    assert said_of(both, security) == []


def test_of_several_limits_the_first_that_fits_counts() -> None:
    security = limited(Limit(requests=20, network="192.0.2.0/24"), Limit(requests=2, network="192.0.0.0/8"))
    assert said_of((request(k, "192.0.2.9") for k in range(20)), security) == []
    assert len(threats(said_of((request(k, "192.9.9.9") for k in range(3)), security))) == 1
    assert said_of((request(k, "198.51.100.1") for k in range(10)), security) == []


def test_a_limit_for_a_service_and_a_network_leaves_others_with_theirs() -> None:
    security = limited(Limit(requests=2, service="shop", network="2001:db8::/32"))
    assert len(threats(said_of((request(k, "2001:db8::7", service="shop") for k in range(3)), security))) == 1
    mixed = [request(k, "192.0.2.1", service="shop" if k % 2 else "blog") for k in range(11)]
    assert [t.text for t in threats(said_of(mixed, security))] == ["10 requests in 60 s exceeded"]


def test_a_limit_can_be_for_an_api_key_and_for_requests_that_name_no_service() -> None:
    security = limited(Limit(requests=1, network="key:7f3a"), Limit(requests=2, service="default"))
    assert len(threats(said_of((request(k, "key:7f3a") for k in range(2)), security))) == 1
    assert len(threats(said_of((request(k) for k in range(3)), security))) == 1


def test_a_client_that_exceeds_two_limits_is_proposed_for_one_block() -> None:
    security = limited(Limit(requests=2, service="shop"))
    sent = [request(k, service="shop" if k < 3 else "blog") for k in range(20)]
    said = check(SecurityBank, REQUESTS, log_of(sent), Settings(security=security))
    assert [type(one).__name__ for one in said] == ["Threat", "Proposal", "Threat"] or [
        type(one).__name__ for one in said
    ] == ["Proposal", "Threat", "Threat"]
