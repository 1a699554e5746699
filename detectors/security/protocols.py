"""Protocols: addresses, header lines and documents that make whoever answers turn elsewhere; like `rules`, decoded."""

from __future__ import annotations

from detectors.security.rule import rule

# Addresses of whoever answers, in all the ways in which one may write them.
_INNER = (
    r"(?:127\.\d+|0\.0\.0\.0|0\b|localhost\b|10\.\d+\.\d+\.\d|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|"
    r"\[[\da-f:.%]+\]|"
    r"0x[\da-f]{2,}|0[0-7]{2,}[.:/]|0[0-7]{9,}|\d{8,10}\b|metadata\b|instance-data|\w*\.(?:internal|local|"
    r"localdomain|intranet|corp)\b|"
    r"[\w.-]*\b(?:nip|sslip|xip)\.io\b|[\w.-]*(?:localtest\.me|lvh\.me|vcap\.me|spoofed\.\w+\.\w+))"
)
# Services that tell whether somebody called.
_CALLED = (
    r"(?:burpcollaborator\.net|oastify\.com|oast\.(?:fun|pro|live|site|online|me)|interact\.sh|interactsh\.com|"
    r"dnslog\.\w+|ceye\.io|"
    r"ngrok(?:-free)?\.(?:io|app)|webhook\.site|requestbin\.\w+|pipedream\.net|requestcatcher\.com|"
    r"canarytokens\.\w+|rbndr\.us|"
    r"beeceptor\.com|mockbin\.org|postb\.in|serveo\.net|xss\.ht|bxss\.me)"
)
_FIELD = (
    r"(?:set-cookie|cookie|location|content-(?:type|length|disposition|encoding|location)|refresh|remote-addr|host|"
    r"transfer-encoding|connection|link|status|x-[a-z-]{3,}|access-control-[a-z-]+|last-modified|etag|www-authenticate)"
)

PROTOCOLS = (
    rule(
        "ssrf", "inner address",
        rf"\b(?:https?|ftp|gopher|dict|ldaps?|tftp)://(?:[^/@\s]*@)?{_INNER}", r"\b169\.254\.169\.254\b",
        r"\bmetadata\.(?:google|azure|packet|platformequinix)\.", r"\bkubernetes\.default\b",
        r"\b(?:gateway|host)\.docker\.internal\b",
        r"/(?:latest/(?:meta|user|dynamic)[-/]\w+|computemetadata/v1|metadata/(?:instance|v1)|opc/v\d/|"
        r"openstack/latest|hetzner/v1)",
        r"^localhost(?:\d|\.localdomain)?\d?(?:[/:]|$)", r"\b(?:100\.100\.100\.200|192\.0\.0\.192|fd00:ec2::254)\b",
        rf"\b{_CALLED}\b",
        r"\b(?:gopher|dict|ldaps?|netdoc|jar|tftp|sftp|imap|smtp|telnet|svn|rtsp|smb|nfs|mongodb|redis)://?\S",
        r"\bhttps?://\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?::\d+)?/\S*\.(?:txt|php|sh|js|exe|jsp|asp|gif|jpg|png|"
        r"xml|dtd)\b",
        r"^\s*(?:https?|ftps?)://\S+\?+$", r"\burl\s*:\s*(?:file|https?|ftp)://", r"^\s*ftps?://[^/\s]*[\d@]",
    ),
    rule(
        "redirect", "other host",
        r"^\s*(?:https?:)?[/\\]{3,}[\w.-]+\.\w", r"^\s*(?:https?:)?(?:/\\|\\/|\\\\)+[\w.-]+\.\w",
        r"^\s*https?:[^/\\\s][\w.-]*\.\w",
        r"^\s*(?:https?:)?//[^/?#\s\[]*@[\w.-]+", r"^\s*/[\t\r\n ]+/", r"^\s*(?:https?:)?//[\w.-]+(?:%2f|/)%?2e%?2e",
        r"^/{1,2}(?:%5c|;|\.)@?[\w.-]+\.\w{2,}$",
        r"^\s*//[\w.-]+\.\w{2,}/(?:\.\.|%2f)", r"^\s*[〱〵]",
    ),
    rule(
        "header", "header",
        rf"[\r\n]\s*{_FIELD}\s*:\s*\S",
        r"[\r\n]\s*(?:set-cookie|location|content-(?:type|length)|refresh|remote-addr|http/\d[\d.]*)\s*[: ]",
        r"(?:^|[\r\n])\s*(?:get|post|head|put|delete|patch|options|connect|trace|propfind|move|copy|mkcol|"
        r"lock)\s+\S+\s+http/\d",
        r"[\r\n]\s*(?:<html|<script|<\?xml)", r"[\r\n]\s*(?:to|b?cc|from|subject|reply-to|mime-version)\s*:\s*\S+@?\S",
        r"[\r\n]\s*(?:mail\s+from|rcpt\s+to|ehlo|helo|vrfy|auth\s+login)\b",
        r"[\r\n]\s*[a-z]?\d+\s+(?:select|fetch|list|login|store|search|create|delete|capability)\b",
        r"(?:嘊|嘍)(?:set-cookie|content|location)", r"\bhttp/[0-3](?:\.\d)?\s*[\r\n]",
        r"\btransfer-encoding\s*:\s*chunked",
        r"[\r\n]\s*(?:config|set|get|flushall|eval|slaveof|module)\s+\S+[^\r\n]*[\r\n]",
    ),
    rule(
        "code", "directory",
        r"\*\)+\s*\(+\s*[|&!]?\s*\(?\s*[\w;-]+\s*[~<>]?=", r"\)\s*\(\s*[|&!]\s*\(",
        r"^\s*\(\s*[|&!]\s*\(\s*[\w-]+\s*[~<>]?=",
        r"\(\s*(?:objectclass|cn|uid|mail|sn|userpassword|samaccountname|memberof|givenname)\s*[~<>]?=",
        r"\)\)\s*\(\s*[|&]",
        r"'\s*\]\s*(?:\||/|\[)",
        r"\b(?:count|name|string|string-length|substring|position|last|text|node|comment|local-name)\s*\(\s*"
        r"(?://?|\.|\)|\*|@)\s*[\w*\[(=/:@|)]",
        r"\b(?:ancestor|descendant|following|preceding|parent|child|self|attribute)(?:-or-self|-sibling)?::",
        r"/\*\s*\[\s*(?:\d|position|name|contains|starts-with)",
    ),
    rule(
        "xxe", "entity",
        r"<!entity",
        r"<!doctype\s+[\w:.-]+\s*(?:\[|system\b|public\b\s*['\"][^'\"]*['\"]\s*['\"](?:file|https?|ftp|php|jar|"
        r"netdoc):)", r"<xi:include",
        r"\bxsl:(?:include|import|value-of|copy-of|variable|script)\b", r"\bdocument\(\s*['\"]", r"<!attlist",
        r"<!element", r"<!notation",
        r"xmlns:\w+\s*=\s*['\"][^'\"]*(?:xinclude|xslt/java|php\.net/xsl|msxsl)", r"\bsystem-property\s*\(",
        r"\bxsi:schemalocation\s*=\s*['\"][^'\"]*(?:file|https?)://",
        r"&(?:xxe|file|ext|lol\d*|payload|send|exfil)\w*;",
    ),
)  # fmt: skip
