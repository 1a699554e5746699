"""Programs: what attacks on whoever runs code name; like `rules`, once decoded and in lower case."""

from __future__ import annotations

from detectors.security.rule import rule

# What no request has to name: functions and classes of whoever answers it.
_PHP = (
    r"base64_(?:de|en)code|gz(?:deflate|inflate|uncompress|decode|encode|compress|file|open)|str_rot13|posix_\w+|"
    r"get_(?:defined_\w+|cfg_var|current_user|loaded_extensions|include_path|class_methods|object_vars)|getenv|"
    r"putenv|ldap_\w+|"
    r"imap_\w+|ftp_\w+|mysqli?_\w+|pg_\w+|sqlite_\w+|odbc_\w+|oci_\w+|"
    r"curl_(?:init|exec|setopt\w*)|stream_\w+|socket_\w+|highlight_(?:file|string)|show_source|parse_ini_\w+|"
    r"move_uploaded_file|is_uploaded_file|scandir|opendir|readdir|f?sockopen|pfsockopen|fputs|fputcsv|fwrite|"
    r"fread|fgetcsv?|"
    r"proc_\w+|php(?:_\w+|version|credits)|register_\w+_function|spl_autoload\w*|token_get_all|readgzfile|ob_start|"
    r"forward_static_call\w*|usleep|file_(?:put_contents|exists)|file(?:perms|owner|group|inode|mtime|ctime|atime|"
    r"size)|"
    r"is_(?:dir|file|readable|writ(?:e)?able|executable|link)|"
    r"array_(?:map|filter|reduce|walk\w*|u?diff_u\w+|udiff\w*|uintersect\w*|intersect_u\w+)|u[ak]?sort|iterator_apply|"
    r"call_user_(?:func|method)\w*|func_get_args?|preg_\w+|ereg_\w+|mb_ereg\w*|set_(?:error|exception)_handler|"
    r"set_include_path|"
    r"set_time_limit|ini_(?:get\w*|set|restore|alter)|error_(?:log|reporting)|extension_loaded|dl|disk_(?:free|"
    r"total)_space|"
    r"sys_get_temp_dir|sys_getloadavg|tempnam|tmpfile|symlink|readlink|unlink|rmdir|chgrp|lchown|gethostby\w+|"
    r"dns_get_\w+|"
    r"convert_uu(?:de|en)code|hex2bin|bin2hex|strrev|htmlspecialchars_decode|html_entity_decode|rawurldecode|urldecode|"
    r"simplexml_load_\w+|xml_parse\w*|dom_import\w*|apache_\w+|virtual|mail|header|openlog|syslog|pcntl_\w+|"
    r"expect_popen|"
    r"w32api_\w+|var_export|debug_backtrace|debug_zval_dump|constant|define|get_browser|wp_\w+"
)
_CALLED = r"\s*\(\s*(?:['\"$\[\d)/]|base64|chr|getenv|\w+\s*\()"

PROGRAMS = (
    rule(
        "log4shell", "lookup",
        r"\$\{[^}]*(?:jndi|:-[a-z]|lower:|upper:|env:|sys:|date:|main:|ctx:)",
        r"\bjndi:(?:ldaps?|rmi|dns|iiop|corba|nds|http)",
    ),
    rule(
        "code", "php",
        r"<\?(?:php\b|=|\s)", r"\$_(?:get|post|request|cookie|server|files|session|env)\b", r"\$globals\b",
        r"\b(?:system|exec|passthru|shell_exec|popen|proc_open|pcntl_exec|assert|call_user_func|preg_replace|"
        r"create_function|"
        r"phpinfo|file_get_contents|base64_decode|readfile|fopen|include(?:_once)?|require(?:_once)?|unserialize|"
        r"die|var_dump|"
        rf"print_r|eval|array_map|ini_set|chr){_CALLED}",
        r"<script\s+language\s*=\s*['\"]?php", r"\b__halt_compiler\b", r"\[/?php\]", r"<%@\s*page\b",
        r"\bhttp_(?:get|post|raw_post_data|"
        r"cookie|server|env|session)_(?:vars|files)\b",
    ),
    rule("code", "php function", rf"\b(?:{_PHP})\s*\((?:['\"$\[)/\s\d]|\w+[\s(,)'\".]|$)"),
    rule(
        "code", "php by name",
        r"['\"][a-z_]\w{2,}['\"]\s*\)?\s*\(\s*['\"$)]", r"\([a-z_]\w{2,}\)\s*\(\s*['\"$)]",
        r"['\"][a-z_]+['\"]\s*\.\s*['\"][a-z_(]+['\"]", r"\$\w+\s*\(\s*(?:['\"$]|\))", r"\$\{\s*['\"$]", r"\$\$\w+",
        r"\$\w+\s*=\s*(?:['\"\[$@\d]|new\s|array\s*\(|\w+\s*\()", r"\$\w+(?:->|::)\w+", r"/\*[^*]*\*/\s*\(\s*['\"$)]",
        r"\bnew\s+(?:splfileobject|directoryiterator|reflection\w+|simplexmlelement|finfo|imagick|soapclient)\b",
        r"\b(?:__destruct|__wakeup|__tostring|__invoke|__callstatic|__autoload)\b",
    ),
    rule(
        "code", "php setting",
        r"\b(?:allow_url_(?:include|fopen)|auto_(?:prepend|append)_file|open_basedir|disable_(?:functions|"
        r"classes)|safe_mode|"
        r"suhosin\.\w+|extension_dir|short_open_tag|enable_dl|include_path|session\.save_path|php_admin_\w+)\s*[=\]]",
        r"-d\s+(?:allow_url|auto_prepend|disable_functions|safe_mode|cgi\.)",
    ),
    rule(
        "code", "code",
        r"\bjava\.lang\.", r"\bruntime\.getruntime", r"\bprocessbuilder", r"\bognl\.", r"\bgetclass\s*\(",
        r"\bclass\.(?:classloader|module)", r"\bjavax\.script", r"\bscriptenginemanager", r"\b__import__",
        r"\bos\.(?:system|popen|exec\w+|environ|listdir|spawn\w+)\b",
        r"\bsubprocess\.", r"\b__(?:class|globals|builtins|subclasses|mro|init)__", r"\bchild_process",
        r"\bprocess\.(?:mainmodule|env|binding)", r"\brequire\s*\(\s*['\"](?:fs|child_process|http|net|os)",
        r"\bfreemarker\.template", r"\bt\(java", r"\bnew\s+(?:java\.|processbuilder|file\b)", r"#_memberaccess",
        r"\bcom\.opensymphony", r"\b__proto__",
    ),
    rule(
        "code", "expression of a framework",
        r"%\{\s*[(#'\"@\d]", r"#(?:context|parameters|application|attr)\s*(?:\[|=|\.|\()",
        r"@[\w.]+@\w+\s*[({]",
        r"\bxwork\.|\bmethodaccessor|\ballowstaticmethodaccess|\bdenymethodexecution|\bservletactioncontext",
        r"\b(?:redirect|redirectaction|action)\s*:\s*[$%]\{", r"\.getruntime\s*\(", r"\.getmethod\s*\(",
        r"\.forname\s*\(",
        r"\bclass\.module\.classloader|\bpipeline\.first\.|\bclassloader\b\s*[.\[]",
        r"\b(?:url|script|groovy|delegating)classloader\b",
        r"\bdefineclass\b|\bloadclass\b", r"\bgroovy(?:shell|\.lang|\.util)\b",
        r"\bbsh\.\w+|\bjruby\b|\bjython\b|\bnashorn\b",
        r"\bspringframework\b|\bsun\.misc\.|\bfacescontext\b|\bpagecontext\b",
        r"\bel\s*\.\s*evaluate\b|\bsetaccessible\b",
        r"\bxmldecoder\b|\bobjectinputstream\b|\brmi(?:registry|connection\w*)\b|\binvokevirtual\b|\bunmarshaller\b",
    ),
    rule(
        "code", "node",
        r"_\$\$nd_func\$\$_", r"\bmodule\.exports\s*=", r"\bconsole\s*(?:\.\s*\w+\s*\(|\[)", r"\bprocess\s*\[",
        r"\b(?:spawn|execfile|exec)sync\s*\(", r"\brequire\s*\[", r"\bglobal\s*(?:\.|\[\s*['\"])\s*process",
        r"\bconstructor\s*(?:\.|\[\s*['\"])\s*(?:prototype|constructor)", r"\bprototype\s*\[",
        r"\brequire\s*\(\s*['\"`]?[\w./-]+['\"`]?\s*\)\s*[.\[(]",
        r"\bprocess\s*\.\s*(?:exit|kill|cwd|argv|version\w*|stdout|chdir|dlopen)\b",
        r"\b(?:buffer\s*\.\s*from|new\s+buffer)\s*\(",
        r"\b(?:readfile|writefile|readdir|unlink|createreadstream|createserver)(?:sync)?\s*\(",
        r"\bobject\s*\.\s*(?:assign|defineproperty|entries|keys|setprototypeof)\s*\(", r"\breflect\s*\.\s*\w+\s*\(",
        r"\bfunction\s*(?:\w+\s*)?\([\w,\s]*\)\s*\{.*(?:return|process|require|this|while|for)\b",
        r"\breturn\s+process\b",
    ),
    rule(
        "code", "script",
        r"\bfile\.(?:read|open|readlines|write|delete)\b\s*[(\s]", r"\bio\.(?:popen|read|binread|sysopen)\b",
        r"\bkernel\.\w+",
        r"\bprocess\.(?:spawn|clock_gettime|fork)\b", r"%x[{(\[|!]", r"\bqx[\s/({\[|!]",
        r"\bopen\s*\(\s*\w+\s*,\s*['\"]\s*[|<>]",
        r"\buse\s+(?:io::)?socket\b", r"@\{\s*\[",
        r"\b(?:exec|compile|execfile|eval)\s*\(\s*(?:open|compile|base64|bytes|chr|input|request)",
        r"\b(?:globals|locals|vars|getattr|setattr|dir|breakpoint)\s*\(\s*(?:\)|['\"_])",
        r"\bimportlib\b|\bpty\.spawn\b|\bcommands\.getoutput\b",
        r"\bsocket\.socket\b|\burllib2?\.|\bos\.path\b",
        r"\binstance_(?:eval|variable_get)\b|\bclass_eval\b|\bmodule_eval\b",
    ),
    rule(
        "code", "class",
        r"\bjavax?\.(?:io|net|nio|lang|util|beans|rmi|naming|script|security|sql|management|xml|applet|awt|crypto|"
        r"print|swing|el|"
        r"runtime|servlet|imageio|time|text|math)\b",
        r"\borg\.apache\.(?:[a-rt-z]|s[a-su-z]|st[a-qs-z]|struts2|struts\.(?:action|util))",
        # But for names of fields that JSF and Struts put into every form of theirs.
        r"\borg\.(?:springframework|codehaus|omg|jboss|mozilla|hibernate|python|eclipse|yaml|mortbay|h2)\.\w+",
        r"\bcom\.(?:sun|mchange|caucho|bea|tangosol|oracle|ibm|alibaba|fasterxml|mysql|zaxxer)\.\w+",
        r"\b(?:oracle|sun|weblogic|jdk|groovy|clojure|scala|kotlin|bsh|ch\.qos|net\.sf|br\.com)\.\w+\.\w+\.?[a-z]",
    ),
    rule(
        "ssti", "template",
        r"(?:\{\{|\$\{|#\{|<%=?|\{%|\*\{|@\{)\s*-?\s*(?:['\"]?\d+['\"]?\s*[*+-]\s*['\"]?\d+|config\b|self\b|"
        r"request\b|_self\b|"
        r"settings\b|''|\[\]|\(\)|\"\"|t\(|system|class\b|cycler|lipsum|joiner|namespace|import|php\b|include)",
        r"<#(?:assign|include|import|list|if|setting)\b", r"\$\{\s*\"[^\"]*\"\s*\?\s*(?:new|interpret|eval)\b",
        r"\?new\s*\(\s*\)",
        r"#set\s*\(\s*\$", r"#(?:foreach|evaluate|parse|include)\s*\(",
        r"\{\{\s*(?:range|app|user|dump|_context|this|global|url_for|get_flashed)\b",
        r"\{(?:php|literal|include|system|\$smarty)\b", r"\{\{=?\s*\d+\s*[*+]",
        r"<%(?:=|@)?\s*(?:system|exec|file|io|`|%x|runtime|response|eval)",
        r"\{\{[^}]*\|\s*(?:attr|filter|map|sort|system|join|e|raw|safe)\b",
        r"\{%-?\s*(?:for|if|set|include|import|macro|raw|extends)\b",
        r"#\{\s*[^}]*(?:\(|\.|\d\s*\*)", r"\[\[\s*\$\{|__\$\{|\}__::", r"@\(\s*\d+\s*[*+]\s*\d+\s*\)",
    ),
    rule("code", "server include", r"<!--\s*#\s*(?:exec|include|echo|printenv|config|set|fsize)\b", r"<esi:\w+"),
    rule("deserialisation", "class of an object", r"\"@(?:type|class)\"\s*:\s*\"", r"\"\$type\"\s*:\s*\""),
    rule(
        "deserialisation", "object",
        # The same bytes of Java at each of three places of base64, those of .NET, Python and Ruby.
        r"(?:^|[^\w])ro0ab[\w+/]", r"(?:^|[^\w])(?:[a-z\d+/]{0,3})?(?:kztaa|s7qaf)", r"\baced0005", r"\baaeaaad/{5}",
        r"!!(?:python|javax?|com\.sun|ruby)", r"!ruby/\w+", r"\b__reduce(?:_ex)?__\b",
        r"(?:^|\n)c(?:os|posix|nt|subprocess|__builtin__|builtins)\n",
        r"(?:^|[\s=:;\"'{}])[oc]:\+?\d+:\"[^\"]*\":\d+:\{?", r"a:\d+:\{(?:[is]:\d+|[oc]:)",
        r"\"py/(?:object|reduce|type)\"",
        r"<(?:java\s+version|void\s+(?:method|property|class)|object\s+class=|sorted-set|"
        r"dynamic-proxy|java\.\w+)", r"\bh4siaaaaaa", r"__viewstate=",
    ),
)  # fmt: skip
