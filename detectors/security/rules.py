"""Rules: what attacks look like once decoded and in lower case. RE2 syntax: nothing here looks ahead or back."""

from __future__ import annotations

from detectors.security.programs import PROGRAMS
from detectors.security.rule import Rule
from detectors.security.rule import rule as _rule

__all__ = ["RULES", "Rule"]

_QUOTE = r"['\"]"
_JOINS = r"(?:\b(?:or|and|xor|having|where|when|div|mod)\b|\|\||&&)"
_COMPARES = r"(?:=|<|>|!=|\b(?:like|rlike|regexp|between|sounds\s+like|is\s+(?:not\s+)?null)\b|\bin\s*\()"
_NUMBER = r"-?\d+(?:\.\d+)?"

SQL = (
    _rule("sqli", "union select", r"\bunion[\s(+]+(?:(?:all|distinct|distinctrow)[\s(+]+)?select\b"),
    _rule(
        "sqli", "always true",
        rf"{_JOINS}[\s(!~]*(?:not[\s(]+)?{_NUMBER}[\s)]*(?:=|<=>|<>|!=|<|>|\b(?:like|between)\b|\bin\s*\()[\s(]*-?['\"]?\d",
        rf"{_JOINS}[\s(!~]*(?:not[\s(]+)?n?['\"][^'\"]{{0,40}}['\"]?[\s)]*(?:=|<>|!=|<|>|\blike\b)[\s(]*n?['\"]",
        rf"{_QUOTE}[\s)]*\b(?:or|and|xor)\b[\s(!~]*(?:true|false|null|not\s+\w+|\d+|['\"]\w*)\s*(?:--|#|/\*|;|$|['\")])",
        r"^\s*\d*\s*\b(?:or|and)\s+\w+\s*=\s*\w+\s*(?:--|#|;)?\s*$",
    ),
    _rule(
        "sqli", "quote and condition",
        rf"['\"`][\s)]*{_JOINS}[\s(!~+-]*(?:not[\s(]+|exists[\s(]+|binary\s+)?['\"`]?[\w.@]*['\"`]?[\s)]*{_COMPARES}",
        rf"{_QUOTE}[\s)]*(?:or|and|xor|\|\||&&)[\s(!~+-]*\w+\(",
        rf"^[^'\"]{{0,12}}{_QUOTE}[\s)]*(?:=|<>|!=|<|>|<=>|r?like\b|regexp\b|div\b|mod\b|is\b|between\b|/|\*|\^)[\s(!~+-]*['\"\d@]",
    ),
    _rule("sqli", "quote and comment", r"['\"`][\s)]*;?\s*(?:--[\s+-]*|#|/\*[^/]{0,20})$"),
    _rule(
        "sqli", "quote and clause",
        rf"{_QUOTE}[\s)]*\b(?:union|order\s+by\s+\d|group\s+by\s+\w+[\s(,;-]|having\s+\d|limit\s+\d|procedure\s+analyse)",
        rf"{_QUOTE}[\s)]*\b(?:into\s+(?:out|dump)file|waitfor\s+delay|and\s+\(?select|or\s+\(?select)\b",
        rf"{_QUOTE}\s*(?:\|\||\+)\s*(?:\(?\s*select\b|char|chr|utl_|'\s*$|\w{{1,20}}\s*\()",
    ),
    _rule(
        "sqli", "condition",
        r"['\")\d]\s*\b(?:and|or|where|having)\s+(?:not\s+)?[\w.]{1,40}\s*(?:=\s*['\"\d(]|like\s*['\"]|in\s*\()[^&]{0,60}(?:--|#|/\*|;|['\"(]|$)",
        r"^['\")\d\s]*\b(?:and|or|where|having)\s+(?:not\s+)?[\w.]{1,40}\s+(?:is\s+(?:not\s+)?null|between\s+\d|sounds\s+like)",
    ),
    _rule(
        "sqli", "time and files",
        r"\b(?:pg_sleep|benchmark|load_file|extractvalue|updatexml|randomblob|name_const|gtid_subset)\s*\(",
        r"\b(?:dbms_\w+|utl_(?:http|inaddr|file)|ctxsys)\.\w+",
        r"\b(?:xp_(?:cmdshell|dirtree|reg\w+|fileexist)|sp_(?:executesql|oacreate|password|makewebtask))\b",
        r"\bsleep\s*\(\s*[(_'\"]?\s*(?:\d|select|time)", r"\bwaitfor\s+(?:delay|time)\b",
        r"\b(?:elt|make_set|iif|if)\s*\(\s*\(?\s*\d+\s*=",
    ),
    _rule(
        "sqli", "select",
        r"[(;'\",+|]\s*select\b.{1,300}?(?:\bfrom\b|\()",
        r"\bselect\s*[*(@].{0,200}?(?:\bfrom\b|\)|--|$)",
        r"\bselect\s+(?:-?\d+\b|null\b|-?'|case\s+when|top\s+\d|distinct\s)[^<]{0,200}?(?:\bfrom\b|\)|--|$)",
        r"\bselect\s+-?(?:count|char|concat\w*|database|version|user|load_file|if|sleep|sin|current_\w+|pg_\w+|hex|md5)\s*\(",
        r"^\s*;?\s*select\s+(?:current_user|user|version|@@\w+)",
    ),
    _rule(
        "sqli", "select from",
        r"\bselect\b\s+[\w.,*@`\"()\s-]{1,120}?\s+from\s+[\w.`\"\[\]]+\s*(?:where\b|limit\b|order\s+by\b|group\s+by\b|union\b|--|#|;|\))",
    ),
    _rule(
        "sqli", "system tables",
        r"\b(?:information_schema|sysobjects|syscolumns|sysusers|sysdatabases|pg_catalog|pg_(?:user|shadow|tables)|sqlite_master)\b",
        r"\b(?:all_(?:users|tables|tab_columns)|user_tables|msysaccessobjects|rdb\$\w+|master\.\.\w+|mysql\.(?:user|db))\b",
        r"@@(?:version|datadir|hostname|servername|global|basedir|tmpdir|language|innodb\w*)\b",
    ),
    _rule(
        "sqli", "second statement",
        r"(?:;|['\")])\s*(?:drop|alter|truncate|create)\s+(?:table|database|user|view|function|procedure|index|schema|login|trigger)",
        r"(?:;|['\")])\s*(?:insert\s+into|delete\s+from|update\s+\S+\s+set|exec(?:ute)?[\s(]+\S|declare\s+[@\w]|shutdown\b)",
        r"(?:;|['\")])\s*(?:merge\s+into|grant\s+\w+|copy\s+\w+|begin\s+\w+|waitfor\b|drop\s+\w+\s*(?:--|;|$)|load\s+(?:xml|data)\b)",
        r"^\W*(?:(?:drop|alter|truncate)\s+(?:table|database|user|view|procedure|schema)\s+\S|insert\s+into\s+\S+\s*(?:\(|values|select))",
        r"^\W*(?:delete\s+from\s+\w+\s*(?:where|;|$|--)|update\s+\w+\s+set\s+\w+\s*=|exec(?:ute)?[\s(]+(?:master|xp_|sp_|immediate|@))",
        r"\bdeclare\s+@\w+",
    ),
    _rule(
        "sqli", "clauses",
        r"(?:^|['\")\d])\s*order\s+by\s+(?:\d+\b|\w+\()", r"\bgroup\s+by\s+.{1,80}?\bhaving\b", r"\bhaving\s+\d+\s*=",
        r"\bprocedure\s+analyse\b", r"\binto\s+(?:out|dump)file\b",
        r"\bcase\s+(?:\w+\(\d+\)\s+)?when\b.{1,120}?\bthen\b",
        r"\b(?:r?like|regexp)\s*\(\s*(?:select|case|sleep|\d)",
    ),
    _rule(
        "sqli", "built from characters",
        r"\b(?:chr|char|nchar)\s*\(\s*(?:\d+|0x[0-9a-f]+)\s*\)\s*(?:\|\||\+|,|=)",
        r"\bchar\s*\(\s*\d+\s*(?:,\s*\d+\s*)+\)",
        r"\b(?:concat|ascii|substr(?:ing)?|mid|ord|hex|unhex|elt|length)\s*\(\s*\(?\s*(?:select|0x[0-9a-f]{2}|user\b|database\b|@@)",
    ),
    _rule(
        "sqli", "operator object",
        r"\$(?:where|ne|gte?|lte?|nin|regex|exists|or|and)\b['\"]?\s*[:\]]", r"\[\$(?:ne|gt|lt|regex|nin|where|in)\]",
    ),
)  # fmt: skip

_EVENTS = (
    r"abort|activate|after\w+|animation\w+|auxclick|before\w+|begin|blur|bounce|cancel|canplay\w*|change|click|close|"
    r"contextmenu|copy|cuechange|cut|dblclick|drag\w*|drop|durationchange|emptied|end|ended|error|finish|focus\w*|formdata|"
    r"fullscreenchange|gotpointercapture|hashchange|help|input|invalid|key(?:down|press|up)|load\w*|lostpointercapture|"
    r"message|mouse\w+|moz\w+|ms\w+|offline|online|page(?:hide|show|reveal|swap)|paste|pause|play\w*|pointer\w+|popstate|"
    r"progress|propertychange|ratechange|readystatechange|repeat|reset|resize|scroll\w*|search|securitypolicyviolation|"
    r"seek\w+|select\w*|show|slotchange|stalled|start|storage|submit|suspend|timeupdate|toggle|touch\w+|transition\w+|"
    r"unhandledrejection|unload|volumechange|waiting|webkit\w+|wheel"
)
_BLANK = r"[\s\x00-\x1f]*"
_SCRIPT = _BLANK.join("script") + _BLANK + ":" + _BLANK

SCRIPTS = (
    _rule(
        "xss", "dangerous tag",
        r"<[\s/+\x00-\x1f]*(?:[\w-]+:)?(?:script|iframe|object|embed|applet|meta|base|frameset|frame|i?layer|bgsound|isindex)\b",
        r"<[\s/+\x00-\x1f]*(?:[\w-]+:)?(?:xss|svg|math|vmlframe|handler|listener|portal|fencedframe|marquee|blink|keygen)\b",
        r"<[\s/+\x00-\x1f]*(?:[\w-]+:)?(?:plaintext|noembed|style|link\s+\w+|template|animate\w*|foreignobject|fe[a-z]+)\b",
    ),
    _rule(
        "xss", "handler",
        r"<[a-z!?/%x][^>]{0,1000}?[\s/\"'`+;\x0b\x0c]on[a-z]{3,30}[\s+]*=",
        rf"(?:^|[\s\"'/<>`;+,)\x0b\x0c])on(?:{_EVENTS})[\s+/]*=[\s+]*[^\s=&]",
    ),
    _rule(
        "xss", "script address",
        rf"(?:j{_BLANK}a{_BLANK}v{_BLANK}a|v{_BLANK}b|live){_BLANK}{_SCRIPT}(?:[^;\dv\s]|v[^o])",
        r"data\s*:[^,\s]{0,60}(?:text/html|image/svg|xhtml|javascript|text/xml)",
        r"data\s*:\s*[^,\s]{0,30};base64,(?:phn2|phnj|pgh0|pht|pd9)",
    ),
    _rule(
        "xss", "dialog",
        r"(?:^|[^\w.-])(?:(?:window|self|top|parent|this)\s*\.\s*)?(?:alert|confirm|prompt|eval|execscript|msgbox|fetch|import)"
        r"(?:\s|/\*.{0,20}\*/)*(?:\?\.)?(?:\(|`)\s*"
        r"(?:['\"`/\d(\[!-]|document|location|xss|this|window|origin|name|string|self|top|parent|atob|cookie|unescape|\)|url)",
    ),
    _rule(
        "xss", "hidden dialog",
        r"\[\s*['\"`/](?:\\?[\w\\+'\"`])*(?:alert|eval|constructor|prompt|confirm|location|cookie)",
        r"['\"`/]al['\"`]?\s*\+",
        r"=\s*(?:alert|prompt|confirm|eval)\s*[;,)]", r"(?:alert|prompt|confirm)\s*[;)].{0,20}\(", r"\.source\s*\+",
        r"\bthrow\b.{0,40}(?:onerror|alert)", r"onerror\s*=\s*(?:alert|eval)",
        r"\b(?:alert|prompt|confirm)\s*\.\s*(?:call|apply|bind)\b", r"alert\\*`",
    ),
    _rule(
        "xss", "document",
        r"\bdocument\s*\.\s*(?:cookie|domain|write(?:ln)?\b|location|body\b|url\b|createelement|documentelement|vulnerable)",
        r"\bwindow\s*\.\s*(?:location|name|open)\b", r"\b(?:self|top|parent|window|globalthis)\s*\[",
        r"\blocation\s*(?:\.\s*(?:href|hash|search)\s*)?=\s*['\"`\w]*(?:javascript|name|http)",
        r"\bstring\s*\.\s*fromcharcode",
        r"constructor\s*(?:\.|\[)\s*['\"]?\s*constructor", r"\.\s*(?:inner|outer)html\s*=", r"\bnew\s+function\s*\(",
        r"\bset(?:timeout|interval)\s*\(\s*['\"`]", r"\blocalstorage\s*(?:\.\s*(?:get|set)item|\[)",
        r"\bxmlhttprequest\b",
        r"\$\{.{0,30}(?:alert|constructor)", r"\{\{.{0,80}(?:constructor|alert|\$on|\$eval|tostring|prototype)",
    ),
    _rule(
        "xss", "style",
        r"\bexpression\s*\(", r"-moz-binding\s*:", r"behaviou?r\s*:\s*url", r"@import\s*['\"u]",
        r"\b(?:background|list-style)[\w-]*\s*:\s*url\s*\(\s*['\"]?(?:javascript|data|//|xx:)",
    ),
    _rule(
        "xss", "attribute",
        r"\b(?:srcdoc|formaction|xlink:href|dynsrc|lowsrc|attributename)\s*=",
        r"<\w[^>]{0,200}?\b(?:href|src|action|background|data|poster|from|to|values|by|code|codebase)\s*=\s*['\"`]?\s*"
        r"(?:javascript|data:|vbscript|//|\\\\)",
    ),
    _rule(
        "xss", "tag",
        r"<\s*/?\s*(?:img|image|input|body|html|video|audio|source|form|button|textarea|select|details|isindex|menuitem|track|"
        r"picture|canvas|dialog|area|map|command|x|a)\b[^<>]{0,300}?(?:\w\s*=\s*['\"\w/`&#]|>\s*$|>.{0,60}(?:alert|script))",
        r"<(?:crosssitescripting|\?import)\b", r"\+adw-",
    ),
    _rule(
        "xss", "markup",
        r"<!--", r"-->", r"<!\[cdata\[", r"\]\]>", r"<!doctype", r"<\?xml", r"<!entity", r"<!attlist",
    ),
)  # fmt: skip

_FOREIGN = r"(?:%c[01]|%e0%80|%f0%80|%f8%80|%fc%80|%uf025|%uefc8|%u2215|%u2216|%bg%qf|0x2f|0x5c)"

PATHS = (
    _rule(
        "traversal", "parent folders",
        r"(?:\.{2,}[\\/;]+){2}", r"(?:^|[\\/=:\"'\s])\.{2,}[\\/]", r"[\\/]\.{2,}$",
        r"\.\.[\\/][\\/\w.]*(?:etc|win|boot|proc|var)\b",
        r"\.{4,}[\\/]",
    ),
    _rule(
        "traversal", "system file",
        r"(?:^|[^\w.-])[.\\/?*\w:{}\[\]]{0,60}[\\/?*]+etc[\\/?*]+[\w?*]",
        r"(?:^|[^\w-])etc[\\/]+(?:passwd|shadow|group|hosts|issue|motd)\b",
        r"[\\/]proc[\\/]+(?:self|version|cmdline|cpuinfo|meminfo|mounts|net|sched\w*|stat|partitions|\d+)\b",
        r"(?:^|[\\/\s'\"=])(?:boot|win|system|php|my|desktop)\.ini\b", r"[\\/?*]+(?:boot|win)\.ini\b", r"system32[\\/]",
        r"\b(?:windows|winnt)[\\/]+(?:system(?:32)?|win\.ini|repair|debug|panther|explorer|notepad|\w+\.(?:ini|log|dat))",
    ),
    _rule(
        "traversal", "foreign encoding",
        rf"{_FOREIGN}\S{{0,12}}(?:etc|boot\.ini|windows|winnt|win\.ini|passwd|issue|hosts|inetpub|var|usr|proc)",
        rf"(?:\.|\?|%3f|0x2e|%2e|{_FOREIGN}\S{{1,4}}){{2}}{_FOREIGN}",
        r"\.\.%(?:25|01|%|c[01]|u[0-9a-f])", r"%c0%ae", r"%c1%9c", r"%uff0e", r"%00(?:\.|$|[^\w])", r"%2500", r"\\x00",
    ),
    _rule(
        "traversal", "home and log",
        r"(?:^|[^\w.])[\\/]+(?:var|usr|opt|root|home|tmp|boot|bin|sbin|dev|private|library|volumes|mnt|srv|apache\d?|logs?|xampp|"
        r"wamp|lampp|inetpub|users)[\\/]+[\w.$~%*?-]+[\\/.][\w.\\/-]*(?:log|conf|ini|cfg|history|passwd|mail|www|htdocs|php|"
        r"apache\w*|mysql|local|keys?|id_\w+|ssh|xml|txt|bashrc|profile|lib|spool|run|inc|sql)",
        r"(?:(?:^|[\s\"'(;,])[a-z]:(?:\\+|/)|=[a-z]:\\)[\w.$~ ()-]+(?:[\\/]|\.(?:ini|log|sys|bat|inf|txt|dat)|$)",
    ),
    _rule(
        "traversal", "hidden file",
        r"(?:^|[\\/])\.(?:htaccess|htpasswd|ssh|bash_?(?:history|rc|_?profile|_logout)|mysql_history|git|svn|env|aws|npmrc)\b",
        r"(?:^|[\\/])\.(?:docker|kube|netrc|profile|rhosts|xauthority|zsh_history|passwd)\b",
        r"(?:^|[\\/])(?:web-inf\b|meta-inf\b|web\.config\b|wp-config\b|id_[rd]sa\b|authorized_keys\b|global\.asax)",
    ),
    _rule(
        "traversal", "address of a file",
        r"\b(?:file|php|phar|zip|expect|glob|dict|gopher|jar|netdoc|compress\.\w+|ogg|rar|ssh2(?:\.\w+)?|tftp|sftp):/+",
        r"<!entity[^>]{0,100}(?:system|public)", r"<xi:include", r"\bxsl:include",
    ),
)  # fmt: skip

# Words that are seldom anything but commands, and words that often are something else.
_COMMANDS = (
    r"awk|bash|cat|chmod|chown|cmd|csh|curl|expr|gcc|grep|ifconfig|ipconfig|ksh|ls|lwp-download|lynx|mkdir|mkfifo|nc|"
    r"ncat|netstat|netcat|net(?:sh)?|nmap|nslookup|perl|php\d?|ping\d?|powershell|printenv|printf|ps|pwd|python[\d.]*|reboot|"
    r"reg|rm|scp|sed|sh|ssh|sudo|systeminfo|tac|tail|tee|telnet|tftp|timeout|touch|uname|uptime|vim|wc|wget|whoami|xterm|xxd|zsh"
)
_WORDS = (
    r"base64|cp|cut|dig|dir|echo|env|false|find|ftp|head|hostname|id|kill|less|ln|mv|node|od|rev|ruby|set|shutdown|sleep|sort|"
    r"su|time|top|true|type|ver|vi|which|who"
)
_PLACE = r"(?:[\w./\\-]*[\\/])?"
# Agents are lists of words between semicolons and brackets: behind one of those a command ends only where all ends.
_BEHIND = r"(?:\.exe)?(?:\s+(?:[-/.$\d'\"<>~\\@%*]|[a-z]:)|\s*[|&`<>\"']|\$|\s*[;)]*\s*$)"

COMMANDS = (
    _rule(
        "command", "separator and command",
        rf"(?:[;|`]|\$\(|&&|(?:^|[\d\s'\"])&)\s*{_PLACE}(?:{_COMMANDS})(?:{_BEHIND}|\s+\w)",
        rf"[\n\r]\s*{_PLACE}(?:{_COMMANDS}){_BEHIND}",
        rf"(?:[;]|\$\(|&&|\|\||(?:^|[\d\s'\")])[|&])\s*{_PLACE}(?:{_WORDS}){_BEHIND}",
        rf"(?:^|[^`\w])`\s*{_PLACE}(?:{_WORDS})(?:\s+[-/.$\d][^`]*)?`(?:[^`\w]|$)",
        rf"^\s*['\"]?\s*(?:{_COMMANDS})\s+(?:-\w+\s+)*[/\\.~][\w/\\.*~-]*",
        r"^\s*(?:uname|whoami|id|ls|ifconfig|ipconfig)\s+-\w+",
        r"\{\s*(?:cat|ls|echo|nslookup|wget|curl|ping|sleep|sh|bash),", r"^dir\s+[a-z]:[\\/]",
    ),
    _rule(
        "command", "quoted command",
        r"[;|&`\n]\s*[\w'\"\\^]{0,3}(?:c['\"\\^]+a['\"\\^]*t|w['\"\\^]+h['\"\\^]*o|l['\"\\^]+s|p['\"\\^]+i['\"\\^]*n)",
    ),
    _rule(
        "command", "shell",
        r"(?:^|[\s\\/;|&`\"'(=<>])(?:bin|usr[\\/]bin|sbin|usr[\\/]sbin|usr[\\/]local[\\/]bin)[\\/]+[\w?*]+",
        r"\b(?:cmd|command)(?:\.exe|\.com)?[\s^]*/[ckr]\b", r"\bpowershell(?:\.exe)?\s+-\w", r"/dev/(?:tcp|udp)/",
        r"\b(?:nc|ncat|netcat)(?:\.\w+)?\s+-\w*[elvnpc]", r"\bwget\s+(?:-\S+\s+)*(?:https?|ftp):",
        r"\bcurl\s+(?:-\S+\s+)*['\"]?(?:https?|ftp):", r"\bchmod\s+[+0-7ax]", r"\brm\s+-\w*[rf]", r"\$\{?ifs\b",
        r"\becho\s+['\"$\w]+\s*[|>]", r"\bping\s+-[cn]\s*\d", r"\bnet\s+(?:user|localgroup|start|view)\b",
        r"\b(?:certutil|bitsadmin|mshta|regsvr32)\b", r"\bwmic\s", r"\bnslookup\s+\S+\.",
        r"\$\(\([\d+*\s-]+\)\)", r"\$\{#\w+\}", r"(?:[;|&`\n]|\$\()\s*echo\s+\S+\s*\$\(", r"`echo\s+\w+[\s\\]",
        r"\bbash\s+-c\b",
        r"=\s*\$\(\s*\w+",
    ),
    _rule("command", "function in a variable", r"\(\)\s*\{\s*[^}]{0,40}[;:]?\s*\}\s*;", r"\(\)\s*\{\s*_;"),
    _rule(
        "command", "lookup",
        r"\$\{[^}]{0,60}(?:jndi|:-[a-z]|lower:|upper:|env:|sys:|date:|main:|ctx:)",
        r"\bjndi:(?:ldaps?|rmi|dns|iiop|corba|nds|http)",
    ),
    _rule(
        "command", "php",
        r"<\?(?:php\b|=|\s)", r"\$_(?:get|post|request|cookie|server|files|session)\b", r"\$globals\b",
        r"\b(?:system|exec|passthru|shell_exec|popen|proc_open|pcntl_exec|assert|call_user_func|preg_replace|create_function|"
        r"phpinfo|file_get_contents|base64_decode|readfile|fopen|include(?:_once)?|require(?:_once)?|unserialize|die|var_dump|"
        r"print_r|eval|array_map|ini_set|chr)\s*\(\s*(?:['\"$\[\d)/]|base64|chr|getenv|\w+\s*\()",
    ),
    _rule(
        "command", "code",
        r"\bjava\.lang\.", r"\bruntime\.getruntime", r"\bprocessbuilder", r"\bognl\.", r"\bgetclass\s*\(",
        r"\bclass\.classloader", r"\bjavax\.script", r"\bscriptenginemanager", r"\b__import__",
        r"\bos\.(?:system|popen)",
        r"\bsubprocess\.", r"\b__(?:class|globals|builtins|subclasses|mro|init)__", r"\bchild_process",
        r"\bprocess\.(?:mainmodule|env|binding)", r"\brequire\s*\(\s*['\"](?:fs|child_process|http|net|os)",
        r"\bfreemarker\.template", r"\bt\(java", r"\bnew\s+(?:java\.|processbuilder|file\b)", r"#_memberaccess",
        r"\bcom\.opensymphony", r"\bo:\d+:\"", r"\b__proto__",
    ),
    _rule(
        "command", "template",
        r"(?:\{\{|\$\{|#\{|<%=?|\{%|\*\{|@\{)\s*-?\s*(?:['\"]?\d+['\"]?\s*[*+-]\s*['\"]?\d+|config\b|self\b|request\b|_self\b|"
        r"settings\b|''|\[\]|\(\)|\"\"|t\(|system|class\b|cycler|lipsum|joiner|namespace|import|php\b|include)",
    ),
    _rule("command", "server include", r"<!--\s*#\s*(?:exec|include|echo|printenv|config|set|fsize)\b", r"<esi:\w+"),
)  # fmt: skip

# Where two families speak alike for a value, the first here has it: a command names its files, not the other way round.
RULES = (*SQL, *SCRIPTS, *COMMANDS, *PATHS, *PROGRAMS)
