from topics.accounts import Use


def test_a_use_without_an_account_or_a_time_is_refused() -> None:
    good = Use(account="ann", client="192.0.2.1", at_s=5.0)
    assert (good.problem(), good.key(), good.subject()) == (None, "ann", "ann")
    for account, at_s in (("", 5.0), ("x" * 257, 5.0), ("ann", float("nan")), ("ann", -1.0)):
        assert Use(account=account, client="192.0.2.1", at_s=at_s).problem()
