"""Commands: what attacks on shells look like; like `rules`, once decoded and in lower case."""

from __future__ import annotations

from detectors.security.rule import rule as _rule

# Words that are seldom anything but commands, and words that often are something else.
_COMMANDS = (
    r"arp|awk|base(?:32|64)|bash|bunzip2|bzip2|cat|chattr|chmod|chown|chroot|cmd|cpio|crontab|csh|curl|dash|dmesg|dpkg|"
    r"egrep|expr|fgrep|gawk|gcc|gdb|getent|grep|gunzip|gzip|hexdump|hping3|iconv|ifconfig|insmod|ipconfig|iptables|"
    r"journalctl|ksh|ls|lsattr|lsb_release|lscpu|lsmod|lsof|lua|lwp-(?:download|request)|lynx|mawk|mkdir|mkfifo|"
    r"mknod|mpstat|"
    r"nawk|nc|ncat|net(?:sh)?|netcat|netstat|nmap|nohup|nslookup|openssl|passwd|perl|pgrep|php\d?|ping6?|pkexec|pkill|"
    r"powershell|printenv|printf|ps|pwd|pwsh|python[\d.]*|reboot|reg|rm|rmdir|rsync|rundll32|scp|sed|setarch|sftp|"
    r"sh|shred|"
    r"socat|sqlite3|ssh(?:-\w+)?|strace|stty|sudo|systemctl|systeminfo|tac|tail|tar|taskkill|tasklist|tclsh|"
    r"tcpdump|tcsh|"
    r"tee|telnet|tftp|timeout|tmux|touch|traceroute|uname|unzip|uptime|useradd|userdel|usermod|vim|w3m|wc|wget|whoami|"
    r"whois|wmic|xargs|xterm|xxd|xz|yum|zcat|zsh"
)
_WORDS = (
    r"apt|at|busybox|column|comm|cp|cut|date|dd|df|diff|dig|dir|du|echo|ed|env|eval|exec|expand|export|false|file|"
    r"find|finger|"
    r"fold|ftp|gem|git|head|history|host|hostname|id|ip|irb|java|jobs|join|jq|kill|last|less|ln|make|man|more|"
    r"mount|mtr|mv|"
    r"nice|nl|node|npm|od|paste|patch|pip\d?|pr|read|rename|rev|route|ruby|screen|set|shuf|shutdown|sleep|sort|"
    r"source|split|"
    r"stat|strings|su|time|top|tr|true|type|uniq|unset|users|ver|vi|view|w|watch|which|who"
)
_PLACE = r"(?:[\w./\\-]*[\\/])?"
# Agents are lists of words between semicolons and brackets: behind one of those a command ends only where all ends.
_BEHIND = r"(?:\.exe)?(?:\s+(?:[-/.$\d'\"<>~\\@%*]|[a-z]:)|\s*[|&`<>\"']|\$|\s*[;)]*\s*$)"
_INTERPRETER = r"(?:ba|da|c|k|tc|z|a)?sh|perl|python[\d.]*|ruby|php\d?|node|lua|pwsh|powershell"
_CMDLET = (
    r"(?:add|clear|compare|convertfrom|convertto|copy|disable|enable|enter|exit|expand|export|foreach|format|get|"
    r"import|"
    r"invoke|measure|move|new|out|read|receive|register|remove|rename|resolve|restart|resume|save|select|send|set|sort|"
    r"start|stop|suspend|tee|test|trace|unblock|unregister|update|wait|where|write)-"
    r"(?:alias|childitem|cimsession|clipboard|command|computer(?:info)?|connection|content|credential|date|"
    r"event(?:log)?|"
    r"execution\w*|expression|file(?:hash)?|history|host|item(?:property)?|job|localuser|location|member|module|"
    r"netip\w+|"
    r"object|output|path|process|psdrive|pssession|restmethod|scheduledtask\w*|service|sleep|string|text|transcript|"
    r"variable|webrequest|wmi\w+)"
)

COMMANDS = (
    _rule(
        "command", "separator and command",
        # Three signs in a row begin a block of code in Markdown.
        rf"(?:[;|]|(?:^|[^`])`|\$\(|&&|(?:^|[\d\s'\"])&)\s*{_PLACE}(?:{_COMMANDS})(?:{_BEHIND}|\s+\w)",
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
        r"\b(?:w\^?h\^?o\^?a\^?m\^?i|n\^?e\^?t\^?\s+user|p\^?o\^?w\^?e\^?r\^?s\^?h\^?e\^?l\^?l)\^", r"\w\^\w\^\w\^\w",
        r"[a-z]\$(?:@|\*|\{?[a-z_]*[@*]\}?|\(\))[a-z]",
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
    _rule(
        "command", "redirection",
        rf"[|;&]\s*(?:{_INTERPRETER})\s*(?:$|[;|&<>)\s]-?)", r"<<<\s*\S", r"\$\(\s*<", r"\d?>\s*&\s*\d",
        r">\s*/(?:dev|tmp|var|etc)/", r"\s[12]?>>?\s*(?:/\S|null\b|nul\b)",
        r"\|\s*(?:tee|base64|xargs|sort|xxd|rev|tr)\s",
        rf"\b(?:{_INTERPRETER})\s+-(?:i|c|e|r|enc\w*|nop\w*|ep)\b",
    ),
    _rule(
        "command", "expansion",
        r"\$\{\w+:\d*:-?\d", r"\$\{\w+(?:##?|%%?|//?|:[-=?+])[^}]*\}", r"\$\{![a-z_]", r"\$'\\(?:x|\d|u)", r"\$\"\\",
        rf"\{{(?:{_COMMANDS}|echo|id|dig|find|head),[^}}\s]*\}}", r"\$(?:\d|@|\*|\?|\$|!|#|_)\s*[;|&)`]",
        r"(?:^|[/\s])(?:\?[\w?*]+|[\w*]{1,6}\?[\w?*]*)/[\w?*]*\?[\w?*]*(?:\s|$)", r"/\[\w[\w^-]*\]\w*[/\[]",
        r"\$\{?(?:ifs|path|home|shell|pwd|oldpwd|user|hostname|bash\w*|random|uid|ps[1234])\b[#%:}]",
    ),
    _rule(
        "command", "command line",
        rf"^[^\w`]*{_PLACE}(?:{_COMMANDS})(?:\.exe)?\s+(?:-{{1,2}}\w|[~$'\"<>|*\\/.@]|\S*(?:://|/|\.\w))",
        rf"^[^\w`]*{_PLACE}(?:{_COMMANDS}|{_WORDS})(?:\.exe)?\s+(?:-{{1,2}}\w\S*\s*)+(?:[~$'\"<>|*\\/.@\d]|\w+[./]|$)",
        rf"^[^\w`]*(?:sudo|nohup|time|env|exec|eval|watch|xargs|nice|timeout\s+\S+)\s+(?:{_COMMANDS}|{_WORDS})\b",
    ),
    _rule("command", "function in a variable", r"\(\)\s*\{\s*[^}]*\s*\}\s*;", r"\(\)\s*\{\s*_;"),
    _rule(
        "command", "program",
        r"(?:^|[;&|`\n(])\s*(?:busybox|ansible(?:-\w+)?|chef-client|nohup|setarch|timeout\s+\d+|flock|xargs|time|"
        r"env|sudo)\s+"
        r"(?:-\w+\s+)*\S*\s*(?:-\w|\b(?:sh|bash|whoami|id|cat|ping|echo|all)\b)",
        r"[;&|`\n]\s*(?:lastlog|ssh-\w+|socat|openssl|tcpdump|rsync|mysql|psql|sqlite3|gdb|strace|docker|kubectl|"
        r"crontab|lsof)"
        r"(?:\s|$)",
    ),
    _rule(
        "command", "batch file",
        r"\bfor\s+(?:/[dflr]\s+)?(?:\"[^\"]*\"\s+|[^\s%]+\s+)?%{1,2}\w+\s+in\s*\(",
        r"\bif\s+(?:/i\s+)?(?:not\s+)?(?:exist\s+\S+\s+[\w(]|errorlevel\s+\d|defined\s+\w+\s*\(|cmdextversion\s+\d)",
        r"\bif\s+(?:/i\s+)?(?:not\s+)?[\"\[%]\S*\s*(?:==|(?:equ|neq|lss|leq|gtr|geq)\s)", r"\bif\s+/i\s+\S",
        r"%(?:systemroot|systemdrive|comspec|programfiles(?:\(x86\))?|programdata|userprofile|windir|path(?:ext)?|"
        r"username|"
        r"userdomain|temp|tmp|appdata|localappdata|allusersprofile|computername|processor_\w+|homepath|os|"
        r"cd)(?::[^%]*)?%",
    ),
    _rule(
        "command", "windows program",
        r"\b(?:tasklist|schtasks|cacls|icacls|nltest|dsquery|wevtutil|vssadmin|bcdedit|fsutil|msiexec|rundll32|"
        r"cscript|wscript|"
        r"forfiles|findstr|takeown|psexec|installutil|cmstp|odbcconf|regasm|regsvcs|msbuild|mimikatz|"
        r"procdump)(?:\.exe)?\s+\S",
        r"\breg(?:\.exe)?\s+(?:add|query|delete|save|import|export)\s",
        r"\bsc(?:\.exe)?\s+(?:query|create|start|config|stop)\s",
        r"\bnet(?:\.exe)?\s+(?:use|share|accounts|group|stop|time|session)\b",
        r"\b(?:query|quser|qwinsta)\s+(?:user|session)\b",
        r"(?:^|[|&;]\s*)(?:type|more|del|erase|copy|xcopy|robocopy|move|ren|attrib|cd|md|"
        r"rd)\s+(?:/[a-z]\s+)*(?:[a-z]:|\\|%|/\w\b|\.\.)",
        r"\b(?:ipconfig|whoami|systeminfo)\s+/\w", r"(?:^|[|&;]\s*)dir\s*(?:/|\\|\.\.|[a-z]:)", r"\bset\s+/[ap]\s",
    ),
    _rule(
        "command", "powershell",
        r"\b(?:iex|invoke-(?:webrequest|expression|command|restmethod)|start-process)\b",
        r"\bnew-object\s+(?:system\.)?net\.",
        rf"\b{_CMDLET}\b",
        r"\[(?:system\.)?(?:convert|text\.encoding|io\.(?:file|path)|net\.\w+|reflection\.assembly|environment)\]::",
        r"\$(?:env|psversiontable|executioncontext|pshome|host)\b[:.]", r"\.download(?:string|file|data)\s*\(",
        r"\s-(?:executionpolicy|encodedcommand|noprofile|noninteractive|windowstyle|command)\s",
    ),
)  # fmt: skip
