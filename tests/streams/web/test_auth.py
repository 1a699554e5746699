"""Who may see the page: this machine alone, or whoever knows the token; never a page of another site."""

from dataclasses import dataclass
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from streams.settings import Http, Process
from streams.web.auth import COOKIE, SESSION_S, Guard, is_loopback_name, same_site
from streams.web.serve import serve

TOKEN = "correct horse battery staple"


class Clock:
    now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


async def inside(scope: Scope, receive: Receive, send: Send) -> None:
    """The application behind the guard: whoever hears of it was let in."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inside"})


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str


class Browser:
    """Speaks to the guard as a server would on behalf of a browser that names `host`."""

    def __init__(self, token: str | None, clock: Clock | None = None, host: str = "page.example") -> None:
        self._guard = Guard(inside, token, clock or Clock())
        self._host = host

    async def ask(self, path: str = "/", method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
        said = await self._say({"type": "http", "scheme": "http", "method": method, "path": path}, body, headers)
        found = {name.decode().lower(): value.decode() for name, value in said[0]["headers"]}
        return Answer(said[0]["status"], found, b"".join(one.get("body", b"") for one in said[1:]).decode())

    async def opens_socket(self, **headers: str) -> bool:
        said = await self._say({"type": "websocket", "scheme": "ws", "path": "/_nicegui_ws/"}, b"", headers)
        return bool(said[0]["type"] == "websocket.accept")

    async def _say(self, scope: dict[str, Any], body: bytes, headers: dict[str, str]) -> list[Message]:
        said: list[Message] = []
        raw = [(name.lower().encode(), value.encode()) for name, value in {"Host": self._host, **headers}.items()]

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            said.append(message)

        await self._guard({**scope, "headers": raw, "query_string": b"", "client": ("192.0.2.9", 1)}, receive, send)
        return said


def form(token: str) -> dict[str, Any]:
    return {"path": "/login", "method": "POST", "body": f"token={token.replace(' ', '+')}".encode()}


async def test_without_the_token_there_is_only_the_question_for_it() -> None:
    answer = await Browser(TOKEN).ask()
    assert answer.status == 401
    assert "inside" not in answer.text
    assert 'name="token"' in answer.text
    assert (await Browser(TOKEN).ask("/parts/page.css")).status == 401


async def test_the_token_lets_in_as_a_header() -> None:
    assert (await Browser(TOKEN).ask(Authorization=f"Bearer {TOKEN}")).text == "inside"
    assert (await Browser(TOKEN).ask(Authorization="Bearer wrong")).status == 401
    assert (await Browser(TOKEN).ask(Authorization="Bearer é")).status == 401


async def test_the_token_gives_a_session_that_scripts_and_other_sites_cannot_use() -> None:
    browser = Browser(TOKEN)
    answer = await browser.ask(**form(TOKEN))
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    assert (await browser.ask(Cookie=cookie.split(";")[0])).text == "inside"


async def test_a_session_ends() -> None:
    clock = Clock()
    browser = Browser(TOKEN, clock)
    cookie = (await browser.ask(**form(TOKEN))).headers["set-cookie"].split(";")[0]
    clock.now_s += SESSION_S - 1
    assert (await browser.ask(Cookie=cookie)).status == 200
    clock.now_s += 1
    assert (await browser.ask(Cookie=cookie)).status == 401


@pytest.mark.parametrize("session", ["", "x", "9999999999.", "9999999999.0f0f", ".", "9999999999.é"])
async def test_a_session_cannot_be_made_up(session: str) -> None:
    assert (await Browser(TOKEN).ask(Cookie=f"{COOKIE}={session}")).status == 401


async def test_a_wrong_token_gives_no_session() -> None:
    answer = await Browser(TOKEN).ask(**form("<script>"))
    assert answer.status == 401
    assert "set-cookie" not in answer.headers
    assert "<script>" not in answer.text
    assert (await Browser(TOKEN).ask(**form("x" * 10_000))).status == 413


async def test_the_web_socket_needs_it_too() -> None:
    assert not await Browser(TOKEN).opens_socket()
    assert await Browser(TOKEN).opens_socket(Authorization=f"Bearer {TOKEN}")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:81"])
async def test_another_site_cannot_use_a_visitors_browser(origin: str) -> None:
    browser = Browser(None, host="localhost:80")
    assert (await browser.ask(Origin=origin)).status == 403
    assert not await browser.opens_socket(Origin=origin)
    assert (await browser.ask(Origin="http://localhost:80")).text == "inside"
    assert await browser.opens_socket(Origin="http://localhost:80")


async def test_a_page_of_the_loopback_answers_to_its_own_names_only() -> None:
    assert (await Browser(None, host="rebound.example").ask()).status == 403
    assert not await Browser(None, host="rebound.example").opens_socket()
    assert (await Browser(None, host="127.0.0.1:9").ask()).text == "inside"
    assert is_loopback_name("[::1]:80")
    assert not is_loopback_name("")
    assert not is_loopback_name("127.0.0.1.evil.example")
    assert same_site(None, "anything")


async def test_answers_forbid_what_is_not_from_here() -> None:
    policy = (await Browser(None, host="localhost").ask()).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


async def test_whether_it_lives_is_told_to_everybody() -> None:
    assert (await Browser(TOKEN).ask("/live")).text == "ok"


def test_no_start_beyond_the_loopback_without_a_token() -> None:
    with pytest.raises(SystemExit, match=r"http\.token"):
        serve(Process(http=Http(host="0.0.0.0")))
    with pytest.raises(SystemExit, match=r"http\.token"):
        serve(Process(), host="192.0.2.1")
