"""The rules of limits: what is wrong with one is said with line, expected, found."""

from pathlib import Path

import pytest

from streams.settings import SettingsRefused, load


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("{route: login}", "route: expected a path as it is sent, like /login, found 'login'"),
        ("{route: '/login?a'}", "route: expected a path as it is sent, like /login, found '/login?a'"),
        (
            "{by: user, network: 10.0.0.0/8}",
            "network: expected a network in limits of clients only, found '10.0.0.0/8' in one of users",
        ),
        ("{by: key}", "by: expected client or user, found 'key'; did you mean"),
    ],
)
def test_a_wrong_limit_is_refused(limit: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "luminar.yaml"
    file.write_text(f"security:\n  limits:\n  - {limit}")
    with pytest.raises(SettingsRefused) as refused:
        load(file)
    start, expected = f"{file}:3: security.limits[0].", said.split("; did")[0]
    assert str(refused.value).startswith(start + expected.split(":")[0])
    assert expected.split(", found")[1] in str(refused.value)


def test_limits_of_routes_and_users_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "luminar.yaml"
    file.write_text("security:\n  limits:\n  - {by: user, route: /api/orders, requests: 20}\n  - {route: /login}")
    first, second = load(file).settings.security.limits
    assert (first.by, first.route, first.requests, second.by, second.route) == (
        "user", "/api/orders", 20, "client", "/login",
    )  # fmt: skip


def test_proxies_are_networks(tmp_path: Path) -> None:
    file = tmp_path / "luminar.yaml"
    file.write_text("sources:\n  - {topic: t, format: nginx_json, proxies: [10.0.0.0/8, gateway]}")
    with pytest.raises(SettingsRefused, match=r"sources\[0\].proxies\[1\]: expected a network like 10.0.0.0/8"):
        load(file)
