"""Sources that the weights have not learned, on a handful of made-up requests."""

from streams.evaluate.held_out import measure
from streams.evaluate.recordings import Recorded
from topics.requests import Request


def row(path: str, hostile: bool, source: str, file: str = "") -> Recorded:
    return Recorded(Request(client="a", at_s=0.0, path=path), hostile, "sqli", source, file)


def test_each_source_is_judged_by_weights_that_learned_the_others() -> None:
    attacks = [row(f"/?q={n}'%20or%20'{n}'='{n}", True, source) for source in ("fuzzdb", "wcp-mgm") for n in range(20)]
    odd = [row(f"/?q=%23%23{n}%23%23", True, "PayloadsAllTheThings") for n in range(20)]
    browsing = [row(f"/?q=red%20shoes%20{n}", False, "wcp-legit", f"site {n % 8}") for n in range(40)]
    figures = measure([*attacks, *odd, *browsing])
    assert figures["held_out.fuzzdb.tpr"] == figures["held_out.wcp.tpr"] == 100.0
    assert figures["held_out.payloadsallthethings.tpr"] == 0.0
    assert figures["held_out.browsing.fpr"] == 0.0
    assert figures["curve.fpr_2000"] == 0.0
