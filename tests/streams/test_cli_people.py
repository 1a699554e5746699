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
