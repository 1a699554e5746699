"""Families of attacks: what each is called, and which say more than others of a value that several speak for."""

from __future__ import annotations

FAMILIES = {
    "sqli": "SQL injection",
    "nosqli": "NoSQL injection",
    "xss": "cross-site scripting",
    "traversal": "path traversal",
    "probe": "probe for secret files or webshells",
    "command": "command injection",
    "code": "code injection",
    "ssti": "template injection",
    "ssrf": "server-side request forgery",
    "redirect": "open redirect",
    "header": "header injection",
    "xxe": "XML external entity",
    "log4shell": "Log4Shell lookup",
    "deserialisation": "unsafe deserialisation",
    "payload": "hostile payload",
}
"""The last is said where nothing tells which it is."""

SPECIFIC = frozenset(["log4shell", "deserialisation", "xxe", "ssti", "nosqli", "header"])
"""What these carry is of other families by itself (an entity names a file), but is only the means."""
