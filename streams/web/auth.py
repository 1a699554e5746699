"""Who may see the page: this machine alone, or whoever knows the token.

Guards every answer and every web socket, the static files included. A page that may end blocks is worth attacking from
a browser, so requests that another site makes a visitor's browser send are refused too: by their Host where the page
answers the loopback only (a name that an attacker lets point there), and by their Origin.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import ipaddress
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "luminar_session"
SESSION_S = 12 * 3600
LOGIN_BYTES_MOST = 4096
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'"
)
PROTECTION = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
}


class Guard:
    """Stands before the whole application.

    token          who knows it is let in, with `Authorization: Bearer` or a session; None lets everyone in who can
                   reach the page, which then must be this machine alone
    """

    def __init__(self, app: ASGIApp, token: str | None, now: Callable[[], float] = time.time) -> None:
        self._app = app
        self._token = token
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        answer = await self._answer(scope, receive)
        if answer is None:
            await self._app(scope, receive, _protecting(send))
        elif scope["type"] == "http":
            await answer(scope, receive, _protecting(send))
        else:
            # Closing before accepting is how a web socket is refused: the browser sees a 403.
            await send({"type": "websocket.close", "code": 1008, "reason": "not allowed"})

    async def _answer(self, scope: Scope, receive: Receive) -> Response | None:
        """Return what to answer in place of the application, or None to let it answer."""
        headers = Headers(scope=scope)
        if self._token is None and not is_loopback_name(headers.get("host", "")):
            return PlainTextResponse("this page answers to names of this machine only", 403)
        if not same_site(headers.get("origin"), headers.get("host", "")):
            return PlainTextResponse("a page of another site may not ask this", 403)
        if scope["path"] == "/live":
            return PlainTextResponse("ok")
        if self._token is None or self._is_known(headers):
            return None
        if scope["path"] == "/login" and scope.get("method") == "POST":
            return await self._log_in(scope, receive)
        if scope["path"] == "/" and scope.get("method") == "GET":
            return HTMLResponse(login_page(), 401)
        return PlainTextResponse("a token is needed: log in at /, or send Authorization: Bearer", 401)

    def _is_known(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._is_token(given)
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and self._is_session(cookie.value)

    def _is_token(self, given: str) -> bool:
        assert self._token is not None
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._token.encode())

    def session(self) -> str:
        """Return a new session: until when it holds, and the proof that whoever has it knew the token."""
        until = str(int(self._now() + SESSION_S))
        return f"{until}.{self._proof(until)}"

    def _is_session(self, value: str) -> bool:
        until, _, proof = value.partition(".")
        if not hmac.compare_digest(proof.encode("utf-8", "replace"), self._proof(until).encode()):
            return False
        return self._now() < int(until)

    def _proof(self, until: str) -> str:
        assert self._token is not None
        message = b"luminar page session " + until.encode("utf-8", "replace")
        return hmac.new(self._token.encode(), message, hashlib.sha256).hexdigest()

    async def _log_in(self, scope: Scope, receive: Receive) -> Response:
        body = b""
        async for part in Request(scope, receive).stream():
            body += part
            if len(body) > LOGIN_BYTES_MOST:
                return PlainTextResponse("too long for a token", 413)
        given = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
        if not self._is_token(given.strip()):
            return HTMLResponse(login_page("That is not the token."), 401)
        answer = RedirectResponse("/", 303)
        secure = scope["scheme"] in ("https", "wss")
        answer.set_cookie(
            COOKIE, self.session(), max_age=SESSION_S, httponly=True, samesite="strict", secure=secure, path="/"
        )
        return answer


def is_loopback_name(host: str) -> bool:
    """Whether a Host header names this machine by a name nobody else can let point here."""
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def same_site(origin: str | None, host: str) -> bool:
    """Whether a request comes from the page itself; what is no browser sends no Origin."""
    return origin is None or urlsplit(origin).netloc == host


def _protecting(send: Send) -> Send:
    async def send_protected(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *PROTECTION.items()]}
        await send(message)

    return send_protected


def login_page(problem: str = "") -> str:
    """Return the page that asks for the token."""
    note = f'<p role="alert">{html.escape(problem)}</p>' if problem else ""
    return LOGIN.replace("<!--problem-->", note)


LOGIN = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Luminar</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh; margin: 0 16px;
  background: light-dark(#f4f6f9, #0f141b); color: light-dark(#1b2430, #e6ebf2); }
form { width: min(360px, 100%); display: grid; gap: 12px; padding: 28px; border-radius: 12px;
  background: light-dark(#fff, #161c25); border: 1px solid light-dark(#dfe5ec, #2a3340); box-sizing: border-box; }
h1 { font-size: 20px; margin: 0; } p { margin: 0; color: light-dark(#5c6b7d, #93a1b3); font-size: 14px; }
p[role=alert] { color: light-dark(#b3380a, #ff8a4c); }
input, button { font: inherit; padding: 10px 12px; border-radius: 8px; border: 1px solid light-dark(#b9c4d0, #3a4657); }
button { background: light-dark(#0b6bb0, #5ab0f2); color: light-dark(#fff, #0b1016); border: 0; cursor: pointer; }
</style></head>
<body><form method="post" action="/login"><h1>Luminar</h1>
<p>This page can be reached from other machines, so it asks for the token in its settings (<code>http.token</code>).</p>
<!--problem-->
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" autofocus required>
<button>Show the page</button></form></body></html>
"""
