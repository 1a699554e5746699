"""Fragments: pieces of statements, calls and commands that mean something only as a whole value, or at its beginning.

In the middle of prose they are words like others, so each pattern is bound to the beginning of a value, or to both its
ends. Attacks that join their pieces on the other side, or grope for what a filter lets pass, look like this.
"""

from __future__ import annotations

from detectors.security.rule import rule

_QUOTES = r"['\"`]"
# Functions of the dialects of SQL, by their manuals.
_SQL_FUNCTIONS = (
    r"abs|acos|add(?:date|time|_months)|age|asin|atan2?|avg|bit_\w+|btrim|cbrt|ceil(?:ing)?|changes|chr|coercibility|"
    r"collation|cot|count|crc32|cume_dist|cur(?:date|time)|current_\w+|date|date_\w+|datetime|day|day(?:name|ofmonth|"
    r"ofweek|ofyear)|decode|default|degrees|div|encode|encrypt|exp|extract|field|first_value|floor|format|glob|"
    r"greatest|grouping|hour|if|in|insert|instr|interval|is_\w+|isnull|json\w*|julianday|lag|last_(?:day|value)|lead|"
    r"least|left|len|length|like(?:ly|lihood)?|ln|local(?:time|timestamp)?|log(?:2|10)?|lower|max|microsecond|min|"
    r"minute|mod|month|monthname|now|ntile|ora_hash|overlay|password|percent_rank|pi|pow|power|printf|quarter|quote|"
    r"rand|random|rank|repeat|replace|reverse|right|round|rpad|rtrim|second|sign|sin|sqrt|std|strftime|sum|tan|time|"
    r"timediff|timestamp|total_changes|translate|trim|trunc|truncate|ucase|unixepoch|unlikely|upper|user|uuid|"
    r"values|var_\w+|variance|version|waitfor|week|year|md5|sha\d?|substr(?:ing)?|ascii|char|chr|concat|hex|sleep|"
    r"cast|convert|benchmark|database|ord|mid|soundex|space|elt"
)
# Of these no request needs the value as a call; of numbers, it may.
_TELLING = (
    r"add(?:date|time|_months)|char|chr|coalesce|collation|cur(?:date|time)|current_\w+|curdate|database|date_\w+|"
    r"datepart|decode|encode|encrypt|extract|ifnull|instr|isnull|json\w*|julianday|last_(?:day|value)|length|"
    r"likelihood|(?:un)?likely|localtime(?:stamp)?|ntile|nullif|ora_hash|overlay|quote|randomblob|repeat|"
    r"session_user|strftime|substr|sysdate|system_user|timestamp|total_changes|typeof|unixepoch|user|uuid|version|"
    r"zeroblob|div"
)
_JOINS = r"(?:\b(?:or|and|xor|div|rlike|having)\b|\|\||&&)"
_VERBS = (
    r"(?:drop|alter|update|insert|delete|truncate|create|select|exec(?:ute)?|declare|grant|revoke|shutdown|union|"
    r"merge|replace|rename|handler|call|do|set)"
)
_LITERAL = rf"(?:{_QUOTES}[^'\"`]*{_QUOTES}|\d+|@\w+|\w+)"
_TYPES = r"(?:bigint|bool(?:ean)?|bytea|date|double|float\d?|int(?:eger)?\d?|name|numeric|oid|real|reg\w+|text|varchar)"

# Functions of PHP that do what an attacker wants, where they are all that a value is.
_PHP = (
    r"array_map|assert(?:_options)?|base64_decode|bz(?:de)?compress|bzopen|bzread|call_user_func\w*|chmod|copy|"
    r"curl_exec|"
    r"create_function|error_reporting|eval|exec|extract|file|file_get_contents|file_put_contents|fopen|fputs|fread|"
    r"fsockopen|get_defined_vars|getenv|glob|gz\w+|hex2bin|highlight_file|include|ini_(?:get|set)|intval|is_\w+|"
    r"link|mail|mkdir|move_uploaded_file|ob_start|opendir|pack|parse_str|passthru|pfsockopen|phpcredits|phpinfo|"
    r"phpversion|popen|preg_\w+|print_r|printf|proc_\w+|putenv|readfile|rename|require|rmdir|scandir|serialize|"
    r"setcookie|shell_exec|show_source|sprintf|str_\w+|stream_\w+|strip_tags|strrev|symlink|syslog|system|tempnam|"
    r"touch|unlink|unpack|unserialize|usleep|var_dump|var_export|vprintf|zlib_(?:de|en)code"
)
_REMARK = r"(?:\s|/\*.*?\*/|(?:#|//)[^\n]*\n)*"

_OF_SHORT = (
    rule(
        "sqli", "piece of a condition",
        # A value that goes on where another stopped: `or name = '`, `&&(a="`, `and 1!=(`.
        rf"^\s*{_JOINS}[\s(!]*[\w.@`]*{_QUOTES}?\s*(?:[!=<>+]=+|<>|<=>|=|<|>|\b(?:not\s+)?(?:i?like|in|between)\b)\s*"
        rf"(?:[\s(!'\"\d@:-]|$)",
        rf"^\s*{_JOINS}[\s(]*{_LITERAL}\s*(?:[!=<>]=+|<>|=|<|>)\s*{_LITERAL}[\s)'\"=]*$",
        rf"^\s*{_QUOTES}[\s)]*(?:x?or|and)\b\s*(?:[\w(!'\"]|$)", r"^\s*x?or\s+\d+\s*[<>=+-]?\s*$",
        r"^['\"/\d]\S*\s+(?:or|and|xor)[\s(]*$", r"\d(?:or|and)\s*\d+\s*[=<>]",
        rf"{_QUOTES}[\s)]*\b(?:x?or|and|collate|is|in|not|like|order|group|having|union|limit)\b[^'\"]*(?:--|#)\s*$",
        rf"{_QUOTES}[\s)]*\b(?:x?or|and)[\s(!]*\w+\s*\(", r"\b(?:notnull|isnull|collate\s+\w+)\s*(?:--|#|;|\))",
        r"^\W*\d+\s*(?:!=|<>|<=>|\bis\s+not\b)\s*\d+\W*$", r"^\W*(?:is\s+(?:not\s+)?null|(?:not\s+)?like\s+null)\W*$",
        r"^\W*(?:not\s+)?in\s*\([\w\s,'\"+-]*\)?$", r"\)\s*(?:not\s+)?r?like\s*\(", r"\)\s*when\s+\w+\s+then\b",
        r"\d\s+or\s+\d+\s*-\s*$",
    ),
    rule(
        "sqli", "piece of a statement",
        rf"^\s*{_QUOTES}?[\s)]*;\s*{_VERBS}\b", rf"^\W*{_QUOTES}\s*{_VERBS}\b\s*(?:[\w/*(]|$)", r"=\s*\(\s*select\b",
        r"\b(?:drop|truncate)\s+\w+\s*;", r"\btruncate\s*\[", r"\bexec(?:ute)?\s+\w+\.", r"\binto\s+(?:out|dump)file\b",
        r"\b(?:msdasql|sqloledb|sqlncli\d*)\b", rf"[)'\"]::{_TYPES}\b", r"\boverlay\s*\(.*\bplacing\b",
        r"\w/\*[^*]*\*/\s*\w", r"/\*\s*[+!]\s*\w[^*]*\*/",
    ),
    rule("sqli", "sql variable", r"\b(?:set|select|declare)\s+@{1,2}\w+"),
    rule(
        "sqli", "json condition",
        r"'[^']*'\s*(?:::\s*jsonb?)?\s*(?:@>|<@|->>?|#>>?|\?[|&]?|@[?@]|[<>@])\s*'[^']*'",
    ),
    rule(
        "sqli", "call alone",
        rf"^\W*(?:{_SQL_FUNCTIONS})(?:[^\w\s(]|\s){{0,4}}\($", rf"^\W*(?:{_TELLING})\s*\([^()]*\)?\W*$",
    ),
    rule(
        "code", "php call alone",
        rf"^\W*(?:return\W*)?(?:{_PHP})\W{{0,3}}{_REMARK}\([^()]*\)?\W*\w?\W*$", r"\([a-z_]\w{2,}\)\s*\(\s*\w+\s*\)",
        r"/unpack\(", r"<\?\s*$",
    ),
    rule("code", "gadget",
        r"\b(?:annotationinvocationhandler|badattributevalueexpexception|beancomparator|c3p0|chainedtransformer|"
        r"clonetransformer|constanttransformer|forclosure|instantiate(?:factory|transformer)|"
        r"invokertransformer|jdbcrowsetimpl|lazymap|objectbean|prototype(?:clone|serialization)factory|templatesimpl|"
        r"tiedmapentry|tostringbean|transformedmap|transformingcomparator|whileclosure)\b",
    ),
    rule(
        "xss", "code of signs",
        # All letters made of brackets and signs.
        r"!\s*!?\s*\[\s*\]", r"\+\s*\[\s*\]\s*[)\]+]", r"\(\s*\[\s*\]\s*\[", r"<noscript\b",
        r"<\s*\??import\s*implementation",
        r"\.(?:find|map|foreach|some|every|filter|sort|reduce)\s*\(\s*(?:alert|confirm|prompt|eval)\b",
        r"\breflect\s*\.\s*\w+\s*[.(`]",
    ),
    rule(
        "command", "piece of a command",
        r"\$\[\s*\d+\s*[*/+-]", r"(?:^|[\s=;|&'\"])[<>]\(\s*\w+", r"/\w*\[[a-z/]+\]", r"\w``\w", r"^\w+``\s",
        r"\w\$\(\s*\)[\w\s]", r"\w[<>]\(\s*\)\w", r"[;|&\s/]\S*[a-z]\$[!?_@*-][a-z/+]", r"\{,[^}\s]*[,}]",
        r"\{[^{}\s,]+,-\w+",
        r"(?:^|[;\n])\W{0,4}\.\W{0,3}(?:shell|system|sh|load|databases|open|import|output|tables)\b",
        r"\s-wrapper\s+\w+,", r"\becho\s*\|\s*\w", r";\s*\$\w+\s+\w", r"\bkill\s+['\"-]",
        r"^\W*[a-z]+(?:''|\"\")[a-z]+\s",
        r"[&|;]\s*(?:bcdboot|bcdedit|bootcfg|diskpart|diskshadow|dism|dsget|expand|extrac32|format|mountvol|msdt|"
        r"pnputil|"
        r"regini|sdbinst|subst|tracert|wbadmin|winrm|winrs|wusa)\s*[/<>|]",
        r"[;|&`\n]\W{0,3}\s*(?:htop|iotop|atop|bsdtar|aptitude|dnf|apk|pacman|zypper|snap|c89|c99|cc|clang|tcc|perf|"
        r"cpulimit|"
        r"visudo|vipw|loginctl|hostnamectl|timedatectl|journalctl|nft|ss|lsns|nsenter|unshare|chrt|ionice|stdbuf|"
        r"script|"
        r"run-parts|start-stop-daemon|update-alternatives)\b",
        r"\bd=/dev\b",
    ),
    rule(
        "command", "split word",
        r"^\w+=[^;=\s]+;\s*(?:\w+=[^;=\s]*;\s*)*\S*\$[a-z_]", r"(?:\"\"\w){4}", r"(?:''\w){4}", r"(?:\\\w){5}\s",
    ),
    rule(
        "command", "batch condition",
        r"^\W*if(?:\s*/i)?\s+(?:not\s+)?defined\s+\w+\s+\S", r"^\W*if(?:\s*/i)?\s+(?:not\s+)?[^\s=]+==[^\s=:]+\s+\w",
        r"^\W*if(?:\s*/i)?\s+(?:not\s+)?\S+\s+(?:equ|neq|lss|leq|gtr|geq)\s",
        r"^\W*if(?:\s*/i)?\s+(?:not\s+)?\([^)]*\)\s*(?:==|"
        r"equ|neq|lss|leq|gtr|geq|\w)", r"^\W*if\s+(?:not\s+)?(?:\"[^\"]*\"|\{[^}]*\})\s*==\s*[\"{]",
        r"\bfor\s+(?:/[dflr]\s+)*%{1,2}\S+\s+in\s*\(",
    ),
    rule(
        "header", "line of a protocol",
        r"^/[^\s=]*[\r\n]+[^\s=]*$", r"^[^\r\n]{0,40}(?:\r\n)+$",
        r"[\r\n]\s*[a-z]+\d+\s+(?:authenticate|status|uid|append|examine|(?:un)?subscribe|lsub|rename|expunge|copy|"
        r"check|"
        r"close|starttls|idle|noop|logout|namespace|getquota\w*|setacl)\b",
        r"^[\r\n]+\s*(?:retr|dele|list|uidl)\s+\d+\s*$", r"^[\r\n]+\s*top\s+\d+\s+\d+\s*$",
        r"^[\r\n]+\s*apop\s+\S+\s+[\da-f]{16}", r"^[\r\n]+\s*auth\s+\S+\s+[\w+/]+=*\s*$",
        r"^[\r\n]+\s*(?:user|pass|stat|noop|rset|quit|capa|stls|expn|etrn|turn|starttls)\b\s*\S*\s*$",
        r"[\r\n]%?\w*remote-addr",
        r"\bphp_(?:admin_)?(?:value|flag)\s",
    ),
    rule(
        "ssrf", "own name",
        r"^(?:(?:[\w-]+\.)*(?:localtest\.me|lvh\.me|docker\.internal|containers\.internal|localdomain\d?)|"
        r"ip[v]?6-(?:localhost|loopback|localnet|mcastprefix|all\w+)|localhost[46]|broadcasthost|ip6-\w+)(?:[:/?#]|$)",
    ),
    rule(
        "traversal", "kernel file",
        r"^\W*[\\/]+sys[\\/]+(?:block|bus|class|dev|devices|firmware|fs|hypervisor|kernel|module|power)\b",
        r"[\\/]proc[\\/]+(?:interrupts|loadavg|modules|filesystems|devices|iomem|ioports|kallsyms|kcore|keys|kmsg|"
        r"swaps|sys|sysvipc|timer_list|uptime|vmstat|zoneinfo|config\.gz|diskstats|locks|misc|crypto|dma)\b",
    ),
    rule(
        "probe", "session file",
        r"[\\/]sess_[\da-z,-]{16}",
        r"^[\\/](?:[\w.-]+[\\/])*(?:debug|errors?|php_errors?|laravel|install|npm-debug)\.log$",
        r"(?:^|[\\/])\.(?:\w*ignore|ds_store|pgpass|my\.cnf|pypirc|s3cfg|boto|gnupg|\w*sh_history|\w+_history|"
        r"[ckt]\w*shrc|"
        r"login|logout|forward|[rs]hosts|k5login|viminfo|terraform\w*|vagrant|yarnrc|hg|bzr|cvs|passw?d?|user\.ini)$",
    ),
)  # fmt: skip
FRAGMENTS = tuple(one._replace(short=True) for one in _OF_SHORT)
