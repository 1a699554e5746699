"""Programs: what attacks on whoever runs code name; like `rules`, once decoded and in lower case."""

from __future__ import annotations

from detectors.security.rule import rule

# What no request has to name: functions, classes and addresses of whoever answers it.
_PHP = (
    r"base64_(?:de|en)code|gz(?:deflate|inflate|uncompress|decode|encode|compress|file|open)|str_rot13|posix_\w+|"
    r"get_(?:defined_\w+|cfg_var|current_user|loaded_extensions)|getenv|putenv|ldap_\w+|imap_\w+|ftp_\w+|mysqli?_\w+|"
    r"curl_(?:init|exec|setopt\w*)|stream_\w+|socket_\w+|highlight_(?:file|string)|show_source|parse_ini_\w+|"
    r"move_uploaded_file|scandir|opendir|f?sockopen|pfsockopen|fputs|fwrite|proc_\w+|php(?:_\w+|version|credits)|"
    r"register_\w+_function|spl_autoload\w*|token_get_all|readgzfile|ob_start|forward_static_call\w*|usleep|file_put_contents"
)
_INNER = (
    r"(?:127\.\d+\.|0\.0\.0\.0|localhost\b|10\.\d+\.\d+\.\d|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|\[?::(?:1|ffff)|"
    r"0x7f|0177\.|2130706433|metadata\b|instance-data)"
)

PROGRAMS = (
    rule(
        "sqli", "json operator",
        r"'[^']{0,80}'\s*::\s*jsonb?\b",
        r"\bjson_(?:extract|value|query|keys|length|contains|each|array|object|search|tree)\w*\s*\(",
        r"(?:@>|<@|#>>?|\?&|\?\||@\?)\s*(?:array\s*\[|')",
    ),
    rule(
        "command", "batch file",
        r"\bfor\s+(?:/[dflr]\s+)?(?:\"[^\"]{0,60}\"\s+|[^\s%]{1,40}\s+)?%{1,2}\w+\s+in\s*\(",
        r"\bif\s+(?:/i\s+)?(?:not\s+)?(?:exist\s+\S+\s+[\w(]|errorlevel\s+\d|defined\s+\w+\s*\(|cmdextversion\s+\d)",
        r"\bif\s+(?:/i\s+)?(?:not\s+)?[\"\[%]\S{0,30}\s*(?:==|(?:equ|neq|lss|leq|gtr|geq)\s)", r"\bif\s+/i\s+\S",
        r"\b(?:iex|invoke-(?:webrequest|expression|command|restmethod)|start-process)\b",
        r"\bnew-object\s+(?:system\.)?net\.",
    ),
    rule("command", "php function", rf"\b(?:{_PHP})\s*\("),
    rule(
        "command", "node",
        r"_\$\$nd_func\$\$_", r"\bmodule\.exports\s*=", r"\bconsole\s*(?:\.\s*\w+\s*\(|\[)", r"\bprocess\s*\[",
        r"\b(?:spawn|execfile|exec)sync\s*\(", r"\brequire\s*\[", r"\bglobal\s*(?:\.|\[\s*['\"])\s*process",
    ),
    rule(
        "command", "class",
        r"\bjavax?\.(?:io|net|nio|lang|util|beans|rmi|naming|script|security|sql|management|xml|applet|awt|crypto|print|swing)\b",
        r"\borg\.(?:apache|springframework|codehaus|omg|jboss)\.\w+\.", r"\bcom\.(?:sun|mchange|caucho|bea|tangosol)\.",
    ),
    rule(
        "command", "object",
        r"(?:^|[^\w])ro0ab[\w+/]", r"\baced0005", r"!!(?:python|javax?|com\.sun)", r"\b__reduce__\b",
        r"\"@type\"\s*:\s*\"",
    ),
    rule(
        "command", "inner address",
        rf"\b(?:https?|ftp|gopher|dict|ldaps?|tftp)://(?:[^/@\s]{{0,60}}@)?{_INNER}", r"\b169\.254\.169\.254\b",
        r"\bmetadata\.google\.", r"\bkubernetes\.default\b", r"\b(?:gateway|host)\.docker\.internal\b",
        r"/(?:latest/(?:meta|user)-data|computemetadata/v1)", r"^localhost(?:\d|\.localdomain)?\d?(?:/|$)",
    ),
    rule(
        "command", "header",
        r"[\r\n]\s*(?:set-cookie|location|content-(?:type|length)|refresh|remote-addr|http/\d[\d.]*)\s*[: ]",
        r"(?:^|[\r\n])\s*(?:get|post|head|put|options|connect|trace)\s+\S+\s+http/\d",
    ),
    rule(
        "command", "program",
        r"(?:^|[;&|`\n(])\s*(?:busybox|ansible(?:-\w+)?|chef-client|nohup|setarch|timeout\s+\d+|flock|xargs|time|env|sudo)\s+"
        r"(?:-\w+\s+)*\S{0,30}\s*(?:-\w|\b(?:sh|bash|whoami|id|cat|ping|echo|all)\b)",
        r"[;&|`\n]\s*(?:lastlog|ssh-\w+|socat|openssl|tcpdump|rsync|mysql|psql|sqlite3|gdb|strace|docker|kubectl|crontab|lsof)"
        r"(?:\s|$)",
        r"\$\{?(?:ifs|path|home|shell|pwd|oldpwd|user)\b[#%:}]",
        r"(?:^|[/\s])(?:\?[\w?*]{1,10}|[\w*]{1,6}\?[\w?*]*)/[\w?*]*\?[\w?*]*(?:\s|$)",
    ),
)  # fmt: skip
