"""Signatures: what attacks look like, as patterns over decoded, lower-case text, matched all at once in linear time."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import re2

from detectors.security.decoding import bytewise

# Generous, so that the automaton of all patterns never has to be thrown away while it runs over one text.
MEMORY_BYTES = 64 << 20


class Rule(NamedTuple):
    """A pattern by name, and the family of attacks that it belongs to."""

    family: str
    name: str
    pattern: str

    def span(self, text: bytes) -> tuple[int, int]:
        """Return where the pattern stands in a text that it matches."""
        match = _compiled(self.pattern).search(text)
        assert match is not None, f"{self.name} should match: {text[:200]!r}"
        start, end = match.span()
        return int(start), int(end)


_EVENTS = (
    "abort|activate|after\\w+|animation\\w+|auxclick|before\\w+|begin|blur|bounce|cancel|canplay\\w*|change|click|close|"
    "contextmenu|copy|cuechange|cut|dblclick|drag\\w*|drop|durationchange|emptied|end|ended|error|finish|focus\\w*|formdata|"
    "fullscreenchange|gotpointercapture|hashchange|help|input|invalid|key(?:down|press|up)|load\\w*|lostpointercapture|message|"
    "mouse\\w+|moz\\w+|ms\\w+|offline|online|page(?:hide|show|reveal|swap)|paste|pause|play\\w*|pointer\\w+|popstate|progress|"
    "propertychange|ratechange|readystatechange|repeat|reset|resize|scroll\\w*|search|securitypolicyviolation|seek\\w+|"
    "select\\w*|show|slotchange|stalled|start|storage|submit|suspend|timeupdate|toggle|touch\\w+|transition\\w+|unload|"
    "unhandledrejection|volumechange|waiting|webkit\\w+|wheel"
)
_COMMANDS = (
    "awk|base64|bash|cat|chmod|chown|cmd|cp|csh|curl|cut|dig|dir|echo|env|expr|find|ftp|gcc|grep|head|hostname|id|ifconfig|"
    "ipconfig|kill|ksh|less|ln|ls|lwp-download|lynx|mkdir|mkfifo|more|mv|nc|ncat|net(?:stat|cat)?|nmap|node|nslookup|od|perl|"
    "php\\d?|ping\\d?|powershell|printenv|printf|ps|pwd|python[\\d.]*|reboot|rev|rm|ruby|scp|sed|set|sh|shutdown|sleep|sort|ssh|"
    "su|sudo|systeminfo|tac|tail|tee|telnet|tftp|time|timeout|top|touch|type|uname|uptime|ver|vi|vim|wc|wget|which|who|whoami|"
    "xterm|xxd|zsh"
)
_QUOTE = "['\"`]"
_COMPARED = r"(?:=|<|>|!=|\b(?:like|rlike|regexp|between|is\s+(?:not\s+)?null|sounds\s+like)\b|\bin\s*\()"

RULES = (
    # SQL injection
    Rule("sqli", "union select", r"\bunion[\s(+]+(?:(?:all|distinct|distinctrow)[\s(+]+)?select\b"),
    Rule("sqli", "always true, numbers", r"(?:\b(?:or|and|xor|having|where|when|if)\b|\|\||&&)[\s(!~]*(?:not[\s(]+)?-?\d+(?:\.\d+)?[\s)]*(?:=|<=>|<>|!=|<|>|\blike\b|\bbetween\b|\bin\s*\()[\s(]*-?['\"]?\d"),
    Rule("sqli", "always true, texts", r"(?:\b(?:or|and|xor|having|where|when)\b|\|\||&&)[\s(!~]*(?:not[\s(]+)?n?['\"][^'\"]{0,40}['\"]?[\s)]*(?:=|<>|!=|<|>|\blike\b)[\s(]*n?['\"]"),
    Rule("sqli", "quote and condition", _QUOTE + r"[\s)]*(?:\b(?:or|and|xor|having|where|div|mod)\b|\|\||&&)[\s(!~+-]*(?:not[\s(]+|exists[\s(]+|binary\s+)?['\"`]?[\w.@]*['\"`]?[\s)]*" + _COMPARED),
    Rule("sqli", "quote and truth", _QUOTE + r"[\s)]*(?:\b(?:or|and|xor)\b|\|\||&&)[\s(!~]*(?:true|false|null|not\s+\w+|\d+|['\"`]\w*)\s*(?:--|#|/\*|;|$|['\"`)])"),
    Rule("sqli", "quote and comment", r"['\"`][\s)]*;?\s*(?:--[\s-]*|#|/\*[^/]{0,20})$"),
    Rule("sqli", "quote and clause", _QUOTE + r"[\s)]*(?:union|order\s+by|group\s+by|having|limit\s+\d|procedure\s+analyse|into\s+(?:out|dump)file|waitfor\s+delay|and\s+\(?select|or\s+\(?select)\b"),
    Rule("sqli", "time and files", r"\b(?:pg_sleep|benchmark|load_file|extractvalue|updatexml|randomblob|name_const|gtid_subset|dbms_\w+\.\w+|utl_(?:http|inaddr|file)\.\w+|ctxsys\.\w+|xp_(?:cmdshell|dirtree|reg\w+|fileexist)|sp_(?:executesql|oacreate|password|makewebtask))\s*(?:\(|\s|;|$|')"),
    Rule("sqli", "sleep", r"(?:\bsleep\s*\(\s*\(?\s*(?:\d|select)|\bwaitfor\s+(?:delay|time)\b)"),
    Rule("sqli", "subquery", r"[(;'\"=,+|]\s*select\b.{1,300}?(?:\bfrom\b|\()"),
    Rule("sqli", "select literal", r"\bselect\s*(?:[*(@]|\d+\b|null\b|count\s*\(|char\s*\(|concat\w*\s*\(|database\s*\(|version\s*\(|user\s*\(|load_file|case\s+when|if\s*\(|top\s+\d|distinct\s)[^<]{0,200}?(?:\bfrom\b|\)|--|$)"),
    Rule("sqli", "system tables", r"\b(?:information_schema|sysobjects|syscolumns|sysusers|sysdatabases|pg_catalog|pg_(?:user|shadow|tables)|sqlite_master|all_(?:users|tables|tab_columns)|user_tables|msysaccessobjects|rdb\$\w+|master\.\.\w+|mysql\.(?:user|db))\b"),
    Rule("sqli", "system variables", r"@@(?:version|datadir|hostname|servername|global|basedir|tmpdir|language|innodb\w*)\b"),
    Rule("sqli", "select from", r"\bselect\b\s+[\w.,*@`\"()\s]{1,120}?\s+from\s+[\w.`\"\[\]]+\s*(?:where\b|limit\b|order\s+by\b|group\s+by\b|union\b|--|#|;|\))"),
    Rule("sqli", "second statement", r"(?:;|['\")])\s*(?:(?:drop|alter|truncate|create)\s+(?:table|database|user|view|function|procedure|index|schema|login|trigger)|insert\s+into|delete\s+from|update\s+\S+\s+set|exec(?:ute)?[\s(]+\S|declare\s+[@\w]|shutdown\b|merge\s+into|grant\s+\w+|copy\s+\w+|begin\s+\w+|if\s*\(|waitfor\b)"),
    Rule("sqli", "statement", r"^\W*(?:(?:drop|alter|truncate)\s+(?:table|database|user|view|procedure|schema)\s+\S|insert\s+into\s+\S+\s*(?:\(|values|select)|delete\s+from\s+\w+\s*(?:where|;|$|--)|update\s+\w+\s+set\s+\w+\s*=|exec(?:ute)?[\s(]+(?:master|xp_|sp_|immediate|@)|declare\s+@\w+)"),
    Rule("sqli", "order by number", r"(?:^|['\")\d])\s*order\s+by\s+\d+\b"),
    Rule("sqli", "grouping", r"(?:\bgroup\s+by\s+.{1,80}?\bhaving\b|\bhaving\s+\d+\s*=|\bprocedure\s+analyse\b|\binto\s+(?:out|dump)file\b|\bcase\s+when\b.{1,120}?\bthen\b|\b(?:r?like|regexp)\s*\(\s*(?:select|case|sleep)\b)"),
    Rule("sqli", "built from characters", r"(?:\b(?:chr|char|nchar)\s*\(\s*(?:\d+|0x[0-9a-f]+)\s*\)\s*(?:\|\||\+|%7c|,)|\bchar\s*\(\s*\d+\s*(?:,\s*\d+\s*){1,}\)|\b(?:concat|ascii|substr(?:ing)?|mid|ord|hex|unhex|elt|length|make_set)\s*\(\s*\(?\s*(?:select|0x[0-9a-f]{2}|user\b|database\b|version\b|@@))"),
    Rule("sqli", "quote and concatenation", r"['\"]\s*(?:\|\||\+)\s*(?:\(?\s*select\b|char|chr|utl_|'\s*$|\w{1,20}\s*\()"),
    Rule("sqli", "where", r"['\")\d]\s*(?:and|or|where|having)\s+(?:not\s+)?[\w.]{1,40}\s*(?:=\s*['\"\d(]|like\s*['\"]|is\s+null|in\s*\(|between\s+\d)[^&]{0,60}(?:--|#|/\*|;|['\"(]|$)"),
    Rule("sqli", "nosql operator", r"(?:\$(?:where|ne|gt|gte|lt|lte|nin|regex|exists|or|and)\b['\"]?\s*[:\]]|\[\$(?:ne|gt|lt|regex|nin|where|in)\])"),
    # Cross-site scripting
    Rule("xss", "dangerous tag", r"<[\s/+\x00-\x1f]*(?:[\w-]+:)?(?:script|iframe|object|embed|applet|meta|base|frameset|frame|i?layer|bgsound|isindex|xss|svg|math|vmlframe|handler|listener|portal|fencedframe|marquee|blink|keygen|plaintext|noembed|style|link\s+\w+|template|animate\w*|foreignobject)\b"),
    Rule("xss", "tag with handler", r"<[a-z!?/%x][^>]{0,1000}?[\s/\"'`+;\x0b\x0c]on[a-z]{3,30}[\s+]*="),
    Rule("xss", "handler", r"(?:^|[\s\"'/<>`;+,)\x0b\x0c])on(?:" + _EVENTS + r")[\s+/]*=[\s+]*[^\s=&]"),
    Rule("xss", "script address", r"(?:j[\s\x00-\x1f]*a[\s\x00-\x1f]*v[\s\x00-\x1f]*a|v[\s\x00-\x1f]*b|live)[\s\x00-\x1f]*s[\s\x00-\x1f]*c[\s\x00-\x1f]*r[\s\x00-\x1f]*i[\s\x00-\x1f]*p[\s\x00-\x1f]*t[\s\x00-\x1f]*:[^;]"),
    Rule("xss", "data address", r"data[\s]*:[^,\s]{0,60}(?:text/html|image/svg|xhtml|javascript|text/xml)|data\s*:\s*[^,\s]{0,30};base64,(?:phn2|phnj|pgh0|pht|pd9)"),
    Rule("xss", "dialog", r"(?:^|[^\w.-])(?:window\s*\.\s*|self\s*\.\s*|top\s*\.\s*|parent\s*\.\s*|this\s*\.\s*)?(?:alert|confirm|prompt|eval|execscript|msgbox|fetch|import)(?:\s|/\*.{0,20}\*/)*(?:\?\.)?(?:\(|`)\s*(?:['\"`/\d(\[!-]|document|location|xss|this|window|origin|name|string|self|top|parent|atob|cookie|unescape|\)|url|1)"),
    Rule("xss", "dialog by name", r"(?:\[\s*['\"`/](?:\\?[\w\\+'\"`])*(?:alert|eval|constructor|prompt|confirm|location|cookie)|['\"`/]al['\"`]?\s*\+|=\s*(?:alert|prompt|confirm|eval)\b|(?:alert|prompt|confirm)\s*[;)&].{0,20}\(|\bthrow\b.{0,40}(?:onerror|alert)|onerror\s*=\s*(?:alert|eval)|\b(?:alert|prompt|confirm)\s*\.\s*(?:call|apply|bind)\b|\.source\s*\+)"),
    Rule("xss", "document", r"\b(?:document\s*\.\s*(?:cookie|domain|write(?:ln)?\b|location|body\b|url\b|createelement|documentelement|vulnerable)|window\s*\.\s*(?:location|name|open)\b|(?:self|top|parent|window|globalthis)\s*\[|location\s*(?:\.\s*(?:href|hash|search)\s*)?=\s*['\"`\w]*(?:javascript|name|http)|string\s*\.\s*fromcharcode|constructor\s*(?:\.|\[)\s*['\"]?\s*constructor|\.\s*(?:inner|outer)html\s*=|\beval\s*\(|\bset(?:timeout|interval)\s*\(\s*['\"`]|\bnew\s+function\s*\(|\bexpression\s*\(|-moz-binding\s*:|behaviou?r\s*:\s*url|@import\s*['\"u]|localstorage\s*\.|\$\{.{0,30}(?:alert|constructor)|xmlhttprequest)"),
    Rule("xss", "attribute", r"(?:\b(?:srcdoc|formaction|xlink:href|dynsrc|lowsrc|attributename)\s*=|<\w[^>]{0,200}?\b(?:href|src|action|background|data|style|poster|from|to|values|by|code|codebase)\s*=\s*['\"`]?\s*(?:javascript|data:|vbscript|//|\\\\|http))"),
    Rule("xss", "tag", r"<\s*/?\s*(?:img|image|input|body|html|video|audio|source|a|div|p|b|x|form|button|textarea|select|details|table|td|title|head|span|noscript|xml|xmp|br|h1|center|label|option|font|i|u|s|li|ul|area|map|map|canvas|dialog|picture|track|isindex|command|menuitem|var|output|progress|object|ruby|rt|acronym|address|article|aside|bdo|big|cite|code|col|dd|del|dfn|dir|dl|dt|em|fieldset|figure|footer|header|hr|ins|kbd|legend|main|mark|menu|meter|nav|nobr|ol|pre|q|samp|section|small|strike|strong|sub|summary|sup|tbody|time|tr|tt|wbr)\b[^<>]{0,300}?(?:=|>\s*$|>.{0,60}(?:alert|script))"),
    Rule("xss", "markup", r"(?:<!--|-->|<!\[cdata\[|\]\]>|<!doctype|<\?xml|<!entity|<!attlist)"),
    Rule("xss", "template", r"\{\{.{0,80}(?:constructor|alert|\$on|\$eval|tostring|prototype)"),
    # Path traversal
    Rule("traversal", "parent folders", r"(?:\.{2,}[\\/;]+){2}|(?:^|[\\/])\.{2,}[\\/]|[\\/]\.{2,}$|\.\.[\\/]|\.{4,}[\\/]{1,}|%c0%ae|%c1%9c|%uff0e"),
    Rule("traversal", "system file", r"(?:^|[^\w.-])[.\\/?*\w:{}\[\]]{0,60}[\\/?*]+etc[\\/?*]+(?:\w|\?|\*)|(?:^|[^\w-])etc[\\/]+(?:passwd|shadow|group|hosts|issue|motd)\b|[\\/]proc[\\/]+(?:self|version|cmdline|cpuinfo|meminfo|mounts|net|sched\w*|stat|\d+)\b|(?:^|[\\/\s'\"=])(?:boot|win|system|php|my|desktop)\.ini\b|\b(?:windows|winnt)[\\/]+(?:system(?:32)?|win\.ini|repair|debug|panther|php\.ini|my\.ini|explorer|notepad|\w+\.(?:ini|log|dat))|system32[\\/]"),
    Rule("traversal", "home and log", r"(?:^|[^\w.])[\\/]+(?:var|usr|opt|root|home|tmp|boot|bin|sbin|dev|private|library|volumes|mnt|srv|apache\d?|logs?|xampp|wamp|lampp|inetpub|users)[\\/]+[\w.$~%*?-]+[\\/.][\w.\\/-]*(?:log|conf|ini|cfg|history|passwd|mail|www|htdocs|php|apache\w*|mysql|local|keys?|id_\w+|ssh|xml|txt|bashrc|profile|lib|spool|run|inc|db|sql)|\b[a-z]:[\\/]+[\w.$~ ()-]+(?:[\\/]|\.(?:ini|log|sys|bat|inf|txt|dat)|$)"),
    Rule("traversal", "hidden file", r"(?:^|[\\/])(?:\.(?:htaccess|htpasswd|ssh|bash_?(?:history|rc|_?profile|_logout)|mysql_history|git|svn|env|aws|npmrc|docker|kube|netrc|profile|rhosts|zsh_history|passwd)\b|web-inf\b|meta-inf\b|web\.config\b|wp-config\b|id_[rd]sa\b|authorized_keys\b|global\.asax|boot\.ini|sam\b$)"),
    Rule("traversal", "address of a file", r"\b(?:file|php|phar|zip|expect|glob|dict|gopher|jar|netdoc|compress\.\w+|ogg|rar|ssh2(?:\.\w+)?|tftp|sftp):(?:/{1,}|//)|<!entity[^>]{0,100}(?:system|public)|<xi:include|\bxsl:include"),
    Rule("traversal", "end of name", r"%00(?:\.|$|[^\w])|%2500|\\x00|\w\.(?:php|asp|jsp|html?|txt|jpg|png|gif)%00|\.\.%|%2e%2e|%252e"),
    # Command injection
    Rule("command", "separator and command", r"(?:[;|\n\r`]|\$\(|&&|&|^\s*[|&;`]|\{)\s*(?:[\w./\\-]*[\\/])?(?:" + _COMMANDS + r")(?:\.exe)?(?:\s+[-/.$\w'\"{<>~\\@%*]|\$|[;|`)&<>\"'\s,}]|$)"),
    Rule("command", "separator and quoted command", r"[;|&`\n]\s*[\w'\"\\^]{0,3}(?:c['\"\\^]+a['\"\\^]*t|w['\"\\^]+h['\"\\^]*o|l['\"\\^]+s|p['\"\\^]+i['\"\\^]*n)"),
    Rule("command", "shell", r"(?:^|[\s\\/;|&`\"'(=<>])(?:bin|usr[\\/]bin|sbin|usr[\\/]sbin|usr[\\/]local[\\/]bin)[\\/]+[\w?*]+|\b(?:cmd|command)(?:\.exe|\.com)?[\s^]*/[ckr]\b|\bpowershell(?:\.exe)?\s+-?\w|/dev/(?:tcp|udp)/|\b(?:nc|ncat|netcat)(?:\.\w+)?\s+-\w*[elvnpc]|\bwget\s+(?:-\S+\s+)*(?:https?|ftp):|\bcurl\s+(?:-\S+\s+)*['\"]?(?:https?|ftp):|\bchmod\s+[+0-7ax]|\brm\s+-\w*[rf]|\$\{?ifs\b|\becho\s+['\"$\w]+\s*[|>]|\bping\s+-[cn]\s*\d|\bnet\s+(?:user|localgroup|start)\b|\bnslookup\s+\S+\.|\bcertutil\b|\bbitsadmin\b|\bmshta\b|\bregsvr32\b|\bwmic\s"),
    Rule("command", "shellshock", r"\(\)\s*\{\s*[^}]{0,40}[;:]?\s*\}\s*;|\(\)\s*\{\s*_;"),
    Rule("command", "lookup", r"\$\{[^}]{0,60}(?:jndi|:-[a-z]|lower:|upper:|env:|sys:|date:|main:|ctx:)|\bjndi:(?:ldaps?|rmi|dns|iiop|corba|nds|http)"),
    Rule("command", "php", r"<\?(?:php\b|=|\s)|\b(?:system|exec|passthru|shell_exec|popen|proc_open|pcntl_exec|assert|call_user_func|preg_replace|create_function|phpinfo|file_get_contents|base64_decode|readfile|fopen|include(?:_once)?|require(?:_once)?|unserialize|die|var_dump|print_r|eval|array_map|ini_set|chr)\s*\(\s*(?:['\"$\[\d)/]|base64|chr|getenv|\w+\s*\()|\$_(?:get|post|request|cookie|server|files|session)\b|\$globals\b"),
    Rule("command", "code", r"\b(?:java\.lang\.|runtime\.getruntime|processbuilder|ognl\.|getclass\s*\(|class\.classloader|javax\.script|scriptenginemanager|__import__|os\.(?:system|popen)|subprocess\.|__(?:class|globals|builtins|subclasses|mro|init)__|child_process|process\.(?:mainmodule|env|binding)|require\s*\(\s*['\"](?:fs|child_process|http|net|os)|freemarker\.template|t\(java|new\s+(?:java\.|processbuilder|file\b)|#_memberaccess|com\.opensymphony|o:\d+:\"|__proto__)"),
    Rule("command", "template", r"(?:\{\{|\$\{|#\{|<%=?|\{%|\*\{|@\{)\s*(?:-?\s*)?(?:['\"]?\d+['\"]?\s*[*+-]\s*['\"]?\d+|config\b|self\b|request\b|_self\b|settings\b|''|\[\]|\(\)|\"\"|t\(|system|class\b|cycler|lipsum|joiner|namespace|import|for\b|set\b|php\b|include)"),
    Rule("command", "server include", r"<!--\s*#\s*(?:exec|include|echo|printenv|config|set|fsize)\b|<esi:\w+"),
)  # fmt: skip


@cache
def _compiled(pattern: str) -> Any:
    return re2.compile(b"(?s)" + pattern.encode(), _options())


def _options() -> Any:
    options = bytewise()
    options.max_mem = MEMORY_BYTES
    options.log_errors = False
    return options


@cache
def _automaton() -> Any:
    """Return all patterns as one automaton."""
    patterns = re2.Set.SearchSet(_options())
    for rule in RULES:
        patterns.Add(b"(?s)" + rule.pattern.encode())
    patterns.Compile()
    return patterns


def matching(text: str) -> list[Rule]:
    """Return the rules that match a decoded text. RE2 answers None both for nothing and for no memory left."""
    numbers = _automaton().Match(text.encode("utf-8", "replace"))
    return [RULES[number] for number in sorted(numbers)] if numbers else []
