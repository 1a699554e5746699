from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.security.bank import SecurityBank
from detectors.security.limits import is_below
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


def test_a_route_with_a_limit_of_its_own_is_counted_by_itself_in_every_service() -> None:
    security = limited(Limit(requests=2, route="/search"), Limit(requests=5, service="blog", route="/feed/"))
    paths = ["/search", "/searches", "/search?q=a", "/", "/search/b"]
    said = said_of((request(k, path=path, service=("shop", "blog")[k % 2]) for k, path in enumerate(paths)), security)
    assert [t.text for t in threats(said)] == ["2 requests in 60 s for /search exceeded"]
    feeds = [request(k, path=f"/feed/{k}x", service="blog") for k in range(6)]
    assert [t.text for t in threats(said_of(feeds, security))] == ["5 requests in 60 s to blog for /feed/ exceeded"]
    assert said_of((request(k, path=f"/feed/{k}x", service="shop") for k in range(6)), security) == []


ROUTES = (Limit(requests=2, window_s=9.0, route="/a"), Limit(requests=3, window_s=7.0, service="shop"))


@given(
    sent=st.lists(
        st.tuples(
            st.integers(0, 4), st.sampled_from(["/a", "/a/b", "/a?c", "/ab", "/"]), st.sampled_from(["shop", "blog"])
        ),
        min_size=1,
        max_size=60,
    )
)
@settings(max_examples=10)
def test_limits_of_routes_and_services_are_what_sorted_logs_of_each_say(sent: list[tuple[int, str, str]]) -> None:
    security, at_s, requests = limited(*ROUTES), 0.0, []
    for gap, path, service in sent:
        at_s += gap
        requests.append(request(at_s, path=path, service=service))
    expected, times, said_s = [], dict[str, list[float]](), dict[str, float]()
    for one in requests:
        of_route = is_below(one.path.encode(), b"/a")
        scope = "route" if of_route else "shop" if one.service == "shop" else "all"
        most, window_s = {"route": (2, 9.0), "shop": (3, 7.0), "all": (10, 60.0)}[scope]
        mine = times.setdefault(scope, [])
        mine.append(one.at_s)
        over = sum(then > one.at_s - window_s for then in mine) > most
        if over and (scope not in said_s or one.at_s >= said_s[scope] + window_s):
            said_s[scope] = one.at_s
            expected.append(one.at_s)
    said = check(SecurityBank, REQUESTS, log_of(requests), Settings(security=security))
    assert [t.at_s for t in threats(said, "rate")] == expected
