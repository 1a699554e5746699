"""What was recorded of earlier versions holds for the code as it is."""

from tests.recorded import layouts


def test_no_bank_saves_another_layout_under_the_same_version() -> None:
    """Otherwise workers would take the bytes of one layout for those of another."""
    assert layouts.changed() == [], "raise the version of these banks: what they save has another layout"
    assert layouts.recorded() == layouts.layouts(), "a version was raised: python -m tests.recorded.layouts"
