"""Signals: what is unusual (an anomaly) or hostile (a threat)."""

from __future__ import annotations

from topics import Derived, Topic

MANY = "*"
"""Stands for the clients of a threat that many share."""


class Anomaly(Derived, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag_field="signal", tag="anomaly"):
    """A reading, or the want of one, that the model calls unusual.

    series         which one; its service keys the topic
    kind           "level" (far from what was expected), "missing" (fell silent), "joint" (unusual together), "fault"
                   (our own). Shapes of one series: "flatline" (stands still), "variance" (scatters otherwise),
                   "saturation" (full, or used up, soon), "rhythm" (what comes regularly did not), "threshold" and
                   "target" (beyond a fixed one). Of two of a service: "correlation" (go together otherwise),
                   "code-fault" (errors up, cpu down), "runaway" (cpu up, load down), "leak" (memory rises, load flat)
    at_s           when it happened, on the clock of whoever measured
    value          what came; expected, lower, upper: what the model expected, and its band, which goes
                   below 0 only where the series did; in the unit of the series
    score          how unusual; above 1 is anomalous
    calm           True when this says that an excursion is over: the first reading back in the band
    since_s        when the excursion began
    view           for "level": which expectation was missed most: "season", "level", "nearest" (of all expectations),
                   "drift" (the errors of late, together), "shift" (the latest values against those of long),
                   "lasting" (the latest errors together, none for more than its bound)
    stands_out     for "joint": the series that stand out, most unusual first; of two series: both
    text           in words for a person, where figures alone say little
    """

    series: str
    kind: str
    at_s: float
    value: float | None = None
    expected: float | None = None
    lower: float | None = None
    upper: float | None = None
    score: float = 0.0
    calm: bool = False
    since_s: float | None = None
    stands_out: tuple[str, ...] = ()
    text: str = ""
    view: str = ""

    @property
    def service(self) -> str:
        """Return the text before the first slash."""
        return self.series.split("/", 1)[0]

    def key(self) -> str:
        """Return the service."""
        return self.service

    def subject(self) -> str:
        """Return series and kind."""
        return f"{self.series} {self.kind}"


class Threat(Derived, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag_field="signal", tag="threat"):
    """Behaviour of a client that the model calls hostile.

    client         an IP address or API key; "*": many at once
    service        which service it was aimed at; keys the topic
    family         "flood", "rate", "scan", "login" (too many fail), "crawl" (takes many pages with it), "enumeration"
                   (counts up the numbers of objects), or of a payload: "sqli", "nosqli", "xss", "traversal", "probe"
                   (for secret files and webshells), "command", "code", "ssti", "ssrf", "redirect", "header", "xxe",
                   "log4shell", "deserialisation"
    rule           which signature or limit said so
    field          where it was found ("path", "agent", "body"); excerpt: at most 120 characters of it, normalised
    score          how sure; above 1 is hostile
    text           the finding in one sentence for a person: "100 requests in 60 s exceeded"
    """

    client: str
    service: str
    family: str
    rule: str
    at_s: float
    field: str = ""
    excerpt: str = ""
    score: float = 1.0
    text: str = ""

    def key(self) -> str:
        """Return the service."""
        return self.service

    def subject(self) -> str:
        """Return client, family and rule; of a flood, the service, too: two may be flooded at one moment."""
        service = f" {self.service}" if self.family == "flood" else ""
        return f"{self.client} {self.family} {self.rule}{service}"

    @property
    def who(self) -> str:
        """Return the client, or in words that they were many."""
        return "many clients" if self.client == MANY else self.client


Signal = Anomaly | Threat
SIGNALS = Topic("signals", (Anomaly, Threat), key="service", keep_days=7)
