"""Rules: what attacks look like once decoded and in lower case. RE2 syntax: nothing here looks ahead or back."""

from __future__ import annotations

from detectors.security.commands import COMMANDS
from detectors.security.fragments import FRAGMENTS
from detectors.security.programs import PROGRAMS
from detectors.security.protocols import PROTOCOLS
from detectors.security.rule import Rule
from detectors.security.rule import rule as _rule

__all__ = ["PLACE_OF", "RAW", "RULES", "Rule"]

_QUOTE = r"['\"]"
_JOINS = r"(?:\b(?:or|and|xor|having|where|when|div|mod)\b|\|\||&&)"
_COMPARES = r"(?:=|<|>|!=|\b(?:like|rlike|regexp|between|sounds\s+like|is\s+(?:not\s+)?null)\b|\bin\s*\()"
_NUMBER = r"-?\d+(?:\.\d+)?"

SQL = (
    _rule("sqli", "union select", r"\bunion[\s(+]+(?:(?:all|distinct|distinctrow)[\s(+]+)?select\b"),
    _rule(
        "sqli", "always true",
        rf"{_JOINS}[\s(!~]*(?:not[\s(]+)?{_NUMBER}[\s)]*(?:=|<=>|<>|!=|<|>|\b(?:like|between)\b|"
        rf"\bin\s*\()[\s(]*-?['\"]?\d",
        rf"{_JOINS}[\s(!~]*(?:not[\s(]+)?n?['\"][^'\"]*['\"]?[\s)]*(?:=|<>|!=|<|>|\blike\b)[\s(]*n?['\"]",
        rf"{_QUOTE}[\s)]*\b(?:or|and|xor)\b[\s(!~]*(?:true|false|null|not\s+\w+|\d+|['\"]\w*)\s*(?:--|#|/\*|;|$|"
        rf"['`)])",
        r"^\s*\d*\s*\b(?:or|and)\s+\w+\s*=\s*\w+\s*(?:--|#|;)?\s*$",
    ),
    _rule(
        "sqli", "quote and condition",
        rf"['\"`][\s)]*{_JOINS}[\s(!~+-]*(?:not[\s(]+|exists[\s(]+|binary\s+)?['\"`]?[\w.@]*['\"`]?[\s)]*{_COMPARES}",
        rf"{_QUOTE}[\s)]*(?:or|and|xor|\|\||&&)[\s(!~+-]*\w+\(",
        rf"^[^'\"]*{_QUOTE}[\s)]*(?:=|<>|!=|<|>|<=>|r?like\b|regexp\b|div\b|mod\b|is\s|between\b|/|\*|"
        rf"\^)[\s(!~+-]*['\"\d@]",
    ),
    _rule("sqli", "quote and comment", r"['\"`][\s)]*;?\s*(?:--[\s+-]*|#|/\*[^/]*)$"),
    _rule(
        "sqli", "quote and clause",
        rf"{_QUOTE}[\s)]*\b(?:union[\s(]|order\s+by\s+\d|group\s+by\s+\w+[\s(,;-]|having\s+\d|limit\s+\d|"
        rf"procedure\s+analyse)",
        rf"{_QUOTE}[\s)]*\b(?:into\s+(?:out|dump)file|waitfor\s+delay|and\s+\(?select|or\s+\(?select)\b",
        rf"{_QUOTE}\s*(?:\|\||\+)\s*(?:\(?\s*select\b|char|chr|utl_|'\s*$|\w+\s*\()",
    ),
    _rule(
        "sqli", "condition",
        r"['\")\d]\s*\b(?:and|or|where|having)\s+(?:not\s+)?[\w.]+\s*(?:=\s*['\"\d(]|like\s*['\"]|"
        r"in\s*\()[^&]*(?:--|#|/\*|;|['\"(]|$)",
        r"^['\")\d\s]*\b(?:and|or|where|having)\s+(?:not\s+)?[\w.]+\s+(?:is\s+(?:not\s+)?null|between\s+\d|"
        r"sounds\s+like)",
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
        r"[(;'\",+|]\s*select\b.*?(?:\bfrom\b|\()",
        r"\bselect\s*[*(@].*?(?:\bfrom\b|\)|--|$)",
        r"\bselect\s+(?:-?\d+\b|null\b|-?'|case\s+when|top\s+\d|distinct\s)[^<]*?(?:\bfrom\b|\)|--|$)",
        r"\bselect\s+-?(?:count|char|concat\w*|database|version|user|load_file|if|sleep|sin|current_\w+|pg_\w+|"
        r"hex|md5)\s*\(",
        r"^\s*;?\s*select\s+(?:current_user|user|version|@@\w+)",
    ),
    _rule(
        "sqli", "select from",
        r"\bselect\b\s+[\w.,*@`\"()\s-]+?\s+from\s+[\w.`\"\[\]]+\s*(?:where\s+[\w(]|limit\b|order\s+by\b|group\s+by\b|"
        r"union\b|--|#|;|\))",
    ),
    _rule(
        "sqli", "system tables",
        r"\b(?:information_schema|sysobjects|syscolumns|sysusers|sysdatabases|pg_catalog|pg_(?:user|shadow|"
        r"tables)|sqlite_master)\b",
        r"\b(?:all_(?:users|tables|tab_columns)|user_tables|msysaccessobjects|rdb\$\w+|master\.\.\w+|"
        r"mysql\.(?:user|db))\b",
        r"@@(?:version|datadir|hostname|servername|global|basedir|tmpdir|language|innodb\w*)\b",
    ),
    _rule(
        "sqli", "second statement",
        r"(?:;|['\")])\s*(?:drop|alter|truncate|create)\s+(?:table|database|user|view|function|procedure|index|"
        r"schema|login|trigger)",
        r"(?:;|['\")])\s*(?:insert\s+into|delete\s+from|update\s+\S+\s+set|exec(?:ute)?[\s(]+\S|declare\s+[@\w]|"
        r"shutdown\b)",
        r"(?:;|['\")])\s*(?:merge\s+into|grant\s+\w+|copy\s+\w+|begin\s+\w+|waitfor\b|drop\s+\w+\s*(?:--|;|$)|"
        r"load\s+(?:xml|data)\b)",
        r"^\W*(?:(?:drop|alter|truncate)\s+(?:table|database|user|view|procedure|schema)\s+\S|"
        r"insert\s+into\s+\S+\s*(?:\(|values|select))",
        r"^\W*(?:delete\s+from\s+\w+\s*(?:where|;|$|--)|update\s+\w+\s+set\s+\w+\s*=|exec(?:ute)?[\s(]+(?:master|"
        r"xp_|sp_|immediate|@))",
        r"\bdeclare\s+@\w+",
    ),
    _rule(
        "sqli", "clauses",
        r"(?:^|['\")\d])\s*order\s+by\s+(?:\d+\b|\w+\()", r"\bgroup\s+by\s+.+?\bhaving\b", r"\bhaving\s+\d+\s*=",
        r"\bprocedure\s+analyse\b", r"\binto\s+(?:out|dump)file\b",
        r"\bcase\s+(?:\w+\(\d+\)\s+)?when\b.+?\bthen\b",
        r"\b(?:r?like|regexp)\s*\(\s*(?:select|case|sleep|\d)",
    ),
    _rule(
        "sqli", "built from characters",
        r"\b(?:chr|char|nchar)\s*\(\s*(?:\d+|0x[0-9a-f]+)\s*\)\s*(?:\|\||\+|,|=)",
        r"\bchar\s*\(\s*\d+\s*(?:,\s*\d+\s*)+\)",
        r"\b(?:concat|ascii|substr(?:ing)?|mid|ord|hex|unhex|elt|length)\s*\(\s*\(?\s*(?:select|0x[0-9a-f]{2}|"
        r"user\b|database\b|@@)",
    ),
    _rule(
        "sqli", "function",
        r"\b(?:bit_(?:and|or|xor|length|count)|char_length|character_length|charindex|concat_ws|connection_id|"
        r"convert_tz|current_(?:user|"
        r"database|schema|setting|role)|date_(?:add|sub|format)|datediff|db_(?:name|id)|dense_rank|aes_(?:en|"
        r"de)crypt|des_(?:en|de)crypt|"
        r"des_key_file|export_set|extractvalue|find_in_set|found_rows|from_(?:base64|days|unixtime)|get_(?:lock|"
        r"format|host_\w+)|"
        r"group_concat|host_name|ifnull|inet6?_(?:aton|ntoa)|is_(?:srvrolemember|member|free_lock|used_lock)|"
        r"isnull|last_insert_(?:id|rowid)|"
        r"lcase|ucase|linestring|listagg|ln|load_(?:file|extension)|locate|lpad|rpad|ltrim|rtrim|make_?(?:set|"
        r"date|time)|master_pos_wait|"
        r"md5|mid|multipoint|multipolygon|geometrycollection|name_const|nullif|nvl2?|oct|octet_length|old_password|"
        r"period_(?:add|diff)|pg_\w+|position|quote_(?:ident|literal)|radians|rawtohex|hextoraw|regexp_(?:substr|"
        r"replace|instr|matches|like)|"
        r"release_lock|row_(?:count|number|to_json)|rownum|schema_name|sec_to_time|session_user|sha[12]?|soundex|"
        r"space|sqlite_version|"
        r"st_\w+|stddev_?\w*|str_to_date|strcmp|string_agg|stuff|sub(?:date|time)|substr|substring_index|"
        r"suser_s?name|sys_(?:context|eval|"
        r"exec)|sysdate|system_user|sysutcdatetime|time_(?:format|to_sec)|timestampadd|timestampdiff|to_(?:ascii|"
        r"char|days|number|seconds|"
        r"base64|timestamp|nchar)|typeof|unhex|unicode|unix_timestamp|user_(?:name|id|lock)|utc_\w+|uuid_short|"
        r"var_(?:pop|samp)|week(?:day|ofyear)|"
        r"xmltype|xmlelement|xmlagg|yearweek|zeroblob|cast|convert|benchmark|coalesce|ascii|ord|hex|lo_(?:import|"
        r"export)|dblink\w*|"
        r"open(?:rowset|query|datasource)|database|version|user|sleep|char|nchar|concat|ascii|substring|elt|"
        r"greatest|least|bin|conv|crc32)\s*\(",
    ),
    _rule(
        "sqli", "json operator",
        r"'[^']*'\s*::\s*jsonb?\b",
        r"\bjson_(?:extract|value|query|keys|length|contains|each|array|object|search|tree)\w*\s*\(",
        r"(?:@>|<@|#>>?|\?&|\?\||@\?)\s*(?:array\s*\[|')",
    ),
    _rule(
        "nosqli", "operator object",
        r"\$(?:where|ne|gte?|lte?|nin|regex|exists|or|and)\b['\"]?\s*[:\]]", r"\[\$(?:ne|gt|lt|regex|nin|where|in)\]",
    ),
)  # fmt: skip

_EVENTS = (
    r"abort|activate|after\w+|animation\w+|auxclick|before\w+|begin|blur|bounce|cancel|canplay\w*|change|click|close|"
    r"contextmenu|copy|cuechange|cut|dblclick|drag\w*|drop|durationchange|emptied|end|ended|error|finish|focus\w*|"
    r"formdata|"
    r"fullscreenchange|gotpointercapture|hashchange|help|input|invalid|key(?:down|press|up)|load\w*|lostpointercapture|"
    r"message|mouse\w+|moz\w+|ms\w+|offline|online|page(?:hide|show|reveal|swap)|paste|pause|play\w*|pointer\w+|"
    r"popstate|"
    r"progress|propertychange|ratechange|readystatechange|repeat|reset|resize|scroll\w*|search|securitypolicyviolation|"
    r"seek\w+|select\w*|show|slotchange|stalled|start|storage|submit|suspend|timeupdate|toggle|touch\w+|transition\w+|"
    r"unhandledrejection|unload|volumechange|waiting|webkit\w+|wheel"
)
_BLANK = r"[\s\x00-\x1f]*"
_SCRIPT = _BLANK.join("script") + _BLANK + ":" + _BLANK

SCRIPTS = (
    _rule(
        "xss", "dangerous tag",
        r"<[\s/+\x00-\x1f]*(?:[\w-]+:)?(?:script|iframe|object|embed|applet|meta|base|frameset|frame|i?layer|"
        r"bgsound|isindex)\b",
        r"<[\s/+\x00-\x1f]*(?:[\w-]+:)?(?:xss|svg|math|vmlframe|handler|listener|portal|fencedframe|marquee|blink|"
        r"keygen)\b",
        r"<[\s/+\x00-\x1f]*(?:[\w-]+:)?(?:plaintext|noembed|style|link\s+\w+|template|animate\w*|foreignobject|"
        r"fe[a-z]+)\b",
    ),
    _rule(
        "xss", "handler",
        r"<[a-z!?/%x][^>]*?[\s/\"'`+;\x0b\x0c]on[a-z]{3,30}[\s+]*=",
        rf"(?:^|[\s\"'/<>`;+,)\x0b\x0c])on(?:{_EVENTS})[\s+/]*=[\s+]*[^\s=&]",
    ),
    _rule(
        "xss", "script address",
        rf"(?:j{_BLANK}a{_BLANK}v{_BLANK}a|v{_BLANK}b|live){_BLANK}{_SCRIPT}(?:[^;\dv\s]|v[^o])",
        r"data\s*:[^,\s]*(?:text/html|image/svg|xhtml|javascript|text/xml)",
        r"data\s*:\s*[^,\s]*;base64,(?:phn2|phnj|pgh0|pht|pd9)",
    ),
    _rule(
        "xss", "dialog",
        r"(?:^|[^\w.-])(?:(?:window|self|top|parent|this)\s*\.\s*)?(?:alert|confirm|prompt|eval|execscript|msgbox|"
        r"fetch|import)"
        r"(?:\s|/\*[^*]*\*/)*(?:\?\.)?(?:\(|`)\s*"
        r"(?:['\"`/\d(\[!-]|document|location|xss|this|window|origin|name|string|self|top|parent|atob|cookie|"
        r"unescape|\)|url)",
    ),
    _rule(
        "xss", "hidden dialog",
        r"\[\s*['\"`/](?:\\?[\w\\+'\"`])*(?:alert|eval|constructor|prompt|confirm|location|cookie)",
        r"['\"`/]al['\"`]?\s*\+",
        r"=\s*(?:alert|prompt|confirm|eval)\s*[;,)]", r"(?:alert|prompt|confirm)\s*[;)][^(]*\(", r"\.source\s*\+",
        r"\bthrow\b.*(?:onerror|alert)", r"onerror\s*=\s*(?:alert|eval)",
        r"\b(?:alert|prompt|confirm)\s*\.\s*(?:call|apply|bind)\b", r"alert\\*`",
    ),
    _rule(
        "xss", "document",
        r"\bdocument\s*\.\s*(?:cookie|domain|write(?:ln)?\b|location|body\b|url\b|createelement|documentelement|"
        r"vulnerable)",
        r"\bwindow\s*\.\s*(?:location|name|open)\b", r"\b(?:self|top|parent|window|globalthis)\s*\[",
        r"\blocation\s*(?:\.\s*(?:href|hash|search)\s*)?=\s*['\"`\w]*(?:javascript|name|http)",
        r"\bstring\s*\.\s*fromcharcode",
        r"constructor\s*(?:\.|\[)\s*['\"]?\s*constructor", r"\.\s*(?:inner|outer)html\s*=", r"\bnew\s+function\s*\(",
        r"\bset(?:timeout|interval)\s*\(\s*['\"`]", r"\blocalstorage\s*(?:\.\s*(?:get|set)item|\[)",
        r"\bxmlhttprequest\b",
        r"\$\{[^}]*(?:alert|constructor)", r"\{\{[^}]*(?:constructor|alert|\$on|\$eval|tostring|prototype)",
    ),
    _rule(
        "xss", "style",
        r"\bexpression\s*\(", r"-moz-binding\s*:", r"behaviou?r\s*:\s*url", r"@import\s*['\"u]",
        r"\b(?:background|list-style)[\w-]*\s*:\s*url\s*\(\s*['\"]?(?:javascript|data|//|xx:)",
    ),
    _rule(
        "xss", "attribute",
        r"\b(?:srcdoc|formaction|xlink:href|dynsrc|lowsrc|attributename)\s*=",
        r"<\w[^>]*?\b(?:href|src|action|background|data|poster|from|to|values|by|code|codebase)\s*=\s*['\"`]?\s*"
        r"(?:javascript|data:|vbscript|//|\\\\)",
    ),
    _rule(
        "xss", "tag",
        r"<\s*/?\s*(?:img|image|input|body|html|video|audio|source|form|button|textarea|select|details|isindex|"
        r"menuitem|track|"
        r"picture|canvas|dialog|area|map|command|x)\b[^<>]*?(?:\w\s*=\s*['\"\w/`&#]|>\s*$|>[^<>]*(?:alert|script))",
        r"<(?:crosssitescripting|\?import)\b", r"\+adw-",
    ),
    _rule(
        "xss", "markup",
        r"<!--", r"-->", r"<!\[cdata\[", r"\]\]>", r"<!doctype", r"<\?xml",
    ),
)  # fmt: skip

_FOREIGN = r"(?:%c[01]|%e0%80|%f0%80|%f8%80|%fc%80|%uf025|%uefc8|%u2215|%u2216|%bg%qf|0x2f|0x5c)"

PATHS = (
    _rule(
        "traversal", "parent folders",
        r"(?:\.{2,}[\\/;]+){2}", r"(?:^|[\\/=:\"'\s])\.{2,}[\\/]", r"[\\/]\.\.$",
        r"\.\.[\\/][\\/\w.]*(?:etc|win|boot|proc|var)\b",
        r"\.{4,}[\\/]",
    ),
    _rule(
        "traversal", "system file",
        r"(?:^|[^\w.-])[.\\/?*\w:{}\[\]]*[\\/?*]+etc[\\/?*]+[\w?*]",
        r"(?:^|[^\w-])etc[\\/]+(?:passwd|shadow|group|hosts|issue|motd)\b",
        r"[\\/]proc[\\/]+(?:self|version|cmdline|cpuinfo|meminfo|mounts|net|sched\w*|stat|partitions|\d+)\b",
        r"(?:^|[\\/\s'\"=])(?:boot|win|system|php|my|desktop)\.ini\b", r"[\\/?*]+(?:boot|win)\.ini\b", r"system32[\\/]",
        r"\b(?:windows|winnt)[\\/]+(?:system(?:32)?|win\.ini|repair|debug|panther|explorer|notepad|\w+\.(?:ini|"
        r"log|dat))",
    ),
    _rule(
        "traversal", "foreign encoding",
        rf"{_FOREIGN}\S*(?:etc|boot\.ini|windows|winnt|win\.ini|passwd|issue|hosts|inetpub|var|usr|proc)",
        rf"(?:\.|\?|%3f|0x2e|%2e|{_FOREIGN}\S{{1,4}}){{2}}{_FOREIGN}",
        r"\.\.%(?:25|01|%|c[01]|u[0-9a-f])", r"%c0%ae", r"%c1%9c", r"%uff0e", r"%00(?:\.|$|[^\w])", r"%2500", r"\\x00",
    ),
    _rule(
        "traversal", "home and log",
        r"(?:^|[^\w.])[\\/]+(?:var|usr|opt|root|home|tmp|boot|bin|sbin|dev|private|library|volumes|mnt|srv|"
        r"apache\d?|logs?|xampp|"
        r"wamp|lampp|inetpub|users)[\\/]+[\w.$~%*?-]+[\\/.][\w.\\/-]*(?:log|conf|ini|cfg|history|passwd|mail|www|"
        r"htdocs|php|"
        r"apache\w*|mysql|local|keys?|id_\w+|ssh|xml|txt|bashrc|profile|lib|spool|run|inc|sql)",
        r"(?:(?:^|[\s\"'(;,])[a-z]:(?:\\+|/)|=[a-z]:\\)[\w.$~ ()-]+(?:[\\/]|\.(?:ini|log|sys|bat|inf|txt|dat)|$)",
    ),
    _rule(
        "probe", "hidden file",
        r"(?:^|[\\/])\.(?:htaccess|htpasswd|ssh|bash_?(?:history|rc|_?profile|_logout)|mysql_history|git|svn|env|"
        r"aws|npmrc)\b",
        r"(?:^|[\\/])\.(?:docker|kube|netrc|profile|rhosts|xauthority|zsh_history|passwd)\b",
        r"(?:^|[\\/])(?:web-inf\b|meta-inf\b|web\.config\b|wp-config\b|id_[rd]sa\b|authorized_keys\b|global\.asax)",
    ),
    _rule(
        "probe", "backup or settings",
        r"(?:^|/)[\w.-]*(?:backup|dump|database|db|users|site|www|web|wwwroot|public_html|htdocs|data|mysql|sql|"
        r"archive|old)"
        r"[\w-]*\.(?:sql|bak|old|tar|t?gz|zip|7z|rar|mdb|sqlite3?|db|dump|swp|save|orig)(?:\.(?:gz|zip|bz2|xz))?$",
        r"\.(?:php\d?|aspx?|jsp|py|rb|inc|config|conf|ini|yml|env|html?|js|xml)(?:~|\.(?:bak|old|orig|save|sw[op]|"
        r"txt|dist|tmp|copy))$",
        r"(?:^|/)(?:config(?:uration)?\.(?:php|inc|ya?ml|ini|bak)(?:\.\w+)?|local_settings\.py|database\.(?:yml|"
        r"php)|credentials\.\w+|"
        r"secrets?\.(?:ya?ml|json|env)|docker-compose\.ya?ml|appsettings(?:\.\w+)?\.json|"
        r"application(?:-\w+)?\.(?:yml|properties)|"
        r"server\.(?:key|pem)|privatekey\.\w+|phpinfo\.php\d?|server-status|server-info|actuator/\w+|trace\.axd|"
        r"elmah\.axd|"
        r"\w+\.(?:kdbx|ppk|pfx|p12|jks|keystore|ovpn))$",
    ),
    _rule(
        "probe", "webshell",
        r"(?:^|/)(?:c99|r57|b374k|wso\d*|alfa(?:_?data|shell)?|weevely|china(?:chopper)?|chopper|caidao|"
        r"shell\w{0,6}|cmd|webshell|"
        r"antsword|behinder|godzilla|minishell|indoxploit|simple-?(?:shell|backdoor)|php-?(?:backdoor|"
        r"reverse-shell)|cmdasp|aspxspy|"
        r"jspspy|jsp-?shell|backdoor|adminer(?:-[\d.]+)?)\.(?:php\d?|phtml|aspx?|jspx?|cfm|pl|cgi)\b",
    ),
    _rule(
        "traversal", "address of a file",
        r"\b(?:file|php|phar|zip|expect|glob|compress\.\w+|ogg|rar|ssh2(?:\.\w+)?):/+",
    ),
)  # fmt: skip

# Where two families speak alike for a value, the first here has it: a command names its files, not the other way round.
RULES = (*SQL, *SCRIPTS, *COMMANDS, *PROTOCOLS, *PATHS, *PROGRAMS, *FRAGMENTS)
PLACE_OF = {rule: place for place, rule in enumerate(RULES)}
RAW = tuple(rule for rule in RULES if rule.name == "foreign encoding")
"""What these look for is gone once a text is decoded."""
