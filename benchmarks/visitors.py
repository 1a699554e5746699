"""Visitors: what people, programs and machines ask of a shop, its blog and its interface, made up from a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

SERVICES = ("shop", "shop", "shop", "api", "api", "blog", "login")
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
BROWSERS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/{{major}}.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/{{minor}}.4 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{major}.0) Gecko/20100101 Firefox/{major}.0",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS {{minor}}_2 like Mac OS X) {WEBKIT} Mobile/15E148",
    f"Mozilla/5.0 (Linux; Android {{minor}}; Pixel {{digit}}) {WEBKIT} Chrome/{{major}}.0.0.0 Mobile",
)
PROGRAMS = ("curl/8.{digit}.0", "python-requests/2.3{digit}", "okhttp/4.1{digit}.0", "ShopApp/{minor}.{digit}")
ADJECTIVES = ("red", "blue", "light", "warm", "small", "women's", "running", "waterproof", "wool", "used", "50%")
THINGS = ("shoes", "jacket", "socks", "lamp", "coffee", "tea & cake", "table", "tent", "Café au lait", "rock & roll")
SITES = (
    "https://www.search.example/",
    "https://news.example/2026/shoes",
    "https://shop.example/",
    "https://a.example/p/1",
)
SLUGS = ("running-shoes", "wool-socks", "desk-lamp", "rain-jacket", "camping-tent", "city-bike")
SORTS = ("price", "-price", "new", "rating")

Ask = dict[str, Any]


class Visitors:
    """A seeded source of requests: each call asks one thing."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._agents = [self._agent() for _ in range(400)]
        self._plain: list[Callable[[], Ask]] = [
            *[self.file] * 48, *[self.page] * 18, *[self.listing] * 12, *[self.interface] * 10,
        ]  # fmt: skip
        self._words: list[Callable[[], Ask]] = [
            *[self.search] * 5, *[self.campaign] * 2, *[self.order] * 3, *[self.form] * 2,
        ]  # fmt: skip

    def ask(self) -> Ask:
        """Return what one request asks: of a hundred, twelve carry words of somebody's own."""
        return self._sent(self.chance.choice(self._plain + self._words))

    def ask_plainly(self) -> Ask:
        """Return a request for something that the site itself has named."""
        return self._sent(self.chance.choice(self._plain))

    def ask_with_words(self) -> Ask:
        """Return a request that carries words of somebody's own."""
        return self._sent(self.chance.choice(self._words))

    def _sent(self, ask: Callable[[], Ask]) -> Ask:
        return {"agent": self.chance.choice(self._agents), "referer": self.referer(), **ask()}

    def _agent(self) -> str:
        form = self.chance.choice(BROWSERS * 3 + PROGRAMS)
        major, minor = self.chance.randint(110, 142), self.chance.randint(12, 19)
        return form.format(major=major, minor=minor, digit=self.chance.randint(0, 9))

    def referer(self) -> str:
        """Return where a visitor comes from, often nowhere."""
        chance = self.chance.random()
        if chance < 0.45:
            return ""
        if chance < 0.8:
            return f"https://shop.example/products/{self.chance.choice(SLUGS)}-{self.chance.randint(1, 3000)}"
        return self.chance.choice(SITES)

    def file(self) -> Ask:
        """Ask for a file of a page."""
        names = (f"/assets/app.{self.chance.getrandbits(32):08x}.js", f"/img/{self.chance.randint(1, 9000)}_640.webp")
        return {"path": self.chance.choice((*names, "/assets/main.css", "/favicon.ico", "/fonts/inter.woff2"))}

    def page(self) -> Ask:
        """Ask for a page."""
        slug, number = self.chance.choice(SLUGS), self.chance.randint(1, 3000)
        return {"path": self.chance.choice(("/", "/cart", f"/products/{slug}-{number}", f"/blog/2026/{slug}"))}

    def listing(self) -> Ask:
        """Ask for a list, with single words as parameters."""
        page, sort = self.chance.randint(1, 30), self.chance.choice(SORTS)
        return {
            "path": f"/category/{self.chance.choice(SLUGS)}?page={page}&sort={sort}&size={self.chance.randint(36, 48)}"
        }

    def interface(self) -> Ask:
        """Ask for an object by its number."""
        name = f"{self.chance.getrandbits(64):016x}"
        return {
            "path": f"/api/v2/carts/{name}?fields=items,total&since=2026-11-20T10:{self.chance.randint(10, 59)}:00Z"
        }

    def words(self, most: int = 3) -> str:
        """Return what somebody types."""
        some = [self.chance.choice(ADJECTIVES) for _ in range(self.chance.randint(1, most))]
        return " ".join([*some, self.chance.choice(THINGS), str(self.chance.randint(1, 5000))][: most + 2])

    def search(self) -> Ask:
        """Ask for words."""
        encode = self.chance.choice((quote, quote_plus))
        return {"path": f"/search?q={encode(self.words())}&page={self.chance.randint(1, 5)}"}

    def campaign(self) -> Ask:
        """Come by a link of a letter."""
        mark = f"{self.chance.getrandbits(80):020x}"
        return {"path": f"/?utm_source=letter&utm_campaign={quote('November sale 2026')}&gclid=Cj0KCQ{mark}_{mark[:6]}"}

    def order(self) -> Ask:
        """Send an order as JSON."""
        items = [{"sku": f"A-{self.chance.randint(1, 9999)}", "count": self.chance.randint(1, 3)} for _ in range(2)]
        body = {
            "items": items,
            "note": f'please ring at "{self.words()}", thanks!',
            "express": self.chance.random() < 0.3,
        }
        return {"method": "POST", "path": "/api/v2/orders", "body": json.dumps(body), "status": 201}

    def form(self) -> Ask:
        """Send a form."""
        name = f"{self.chance.choice(ADJECTIVES)}.{self.chance.randint(1, 9999)}"
        words = f"email={quote_plus(name + '@mail.example')}&message={quote_plus(self.words(6) + '; call me at 10?')}"
        return {"method": "POST", "path": "/contact", "body": words, "status": 302}
