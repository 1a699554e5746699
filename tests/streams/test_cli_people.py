"""What people tell is refused where it cannot be meant."""

import pytest

from tests.streams.test_cli import luminar


@pytest.mark.parametrize(
    "arguments",
    [("expected", "shop"), ("confirmed", "shop/x", "--until", "+2h"), ("expected", "shop", "--until", "now")],
)
def test_until_goes_with_expected_only(arguments: tuple[str, ...]) -> None:
    result = luminar("feedback", *arguments)
    assert result.exit_code == 2
    assert "--until TIME goes with `expected`" in result.output


@pytest.mark.parametrize("arguments", [(), ("192.0.2.7", "--all")])
def test_lift_wants_a_client_or_all(arguments: tuple[str, ...]) -> None:
    result = luminar("lift", *arguments)
    assert result.exit_code == 2
    assert "expected a CLIENT, or --all, and not both" in result.output
