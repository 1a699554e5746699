"""One settings file: what is wrong with it is said with line, expected, found; what it leaves out is safe."""

import json
import textwrap
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from streams.ingest import FORMATS
from streams.settings import Broker, Http, Process, SettingsRefused, load, schema, version_of
from topics.settings import Scaling, Service, Settings, Source

FULL_YAML = """
broker:
  addresses: [kafka-1:9092, kafka-2:9092]
prefix: shop.
partitions: 4
http: {port: 8080}
worker:
  save_every_s: 2
services:
  shop:
    scaling: {load: shop/requests, capacity: 50, maximum: 6}
    main: [shop/latency_s]
sources:
  - {topic: logs, format: canonical}
anomaly:
  alarms_per_day: 8
decisions:
  dry_run: [block]
late_s: 120
"""
FULL_TOML = """
prefix = "shop."
partitions = 4
late_s = 120
broker.addresses = ["kafka-1:9092", "kafka-2:9092"]
http.port = 8080
[worker]
save_every_s = 2
[services.shop]
main = ["shop/latency_s"]
[services.shop.scaling]
load = "shop/requests"
capacity = 50
maximum = 6
[[sources]]
topic = "logs"
format = "canonical"
[anomaly]
alarms_per_day = 8
[decisions]
dry_run = ["block"]
"""


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "luminar.yaml") -> Path:
    path = Path(name)
    path.write_text(textwrap.dedent(text), "utf-8")
    return path


def refusal(text: str, name: str = "luminar.yaml", **env: str) -> list[str]:
    """Return all that is wrong with a file, a line each."""
    with pytest.raises(SettingsRefused) as refused:
        load(write(text, name), env)
    return str(refused.value).splitlines()


@pytest.mark.parametrize("text", ["", "\n# nothing yet\n", "{}", "anomaly:\nservices:\nsources:\n"])
def test_a_file_that_lacks_everything_gives_the_defaults(text: str) -> None:
    assert load(write(text)) == load(write("", "empty.toml")) == load()
    assert load().process == Process()
    assert load().settings == Settings()


@pytest.mark.parametrize(("text", "name"), [(FULL_YAML, "a.yaml"), (FULL_YAML, "a.yml"), (FULL_TOML, "a.toml")])
def test_yaml_and_toml_say_the_same(text: str, name: str) -> None:
    loaded = load(write(text, name))
    assert loaded.process.broker.addresses == ("kafka-1:9092", "kafka-2:9092")
    assert (loaded.process.prefix, loaded.process.partitions, loaded.process.http.port) == ("shop.", 4, 8080)
    scaling = Scaling(load="shop/requests", capacity=50.0, maximum=6)
    assert loaded.settings.services == {"shop": Service(scaling=scaling, main=("shop/latency_s",))}
    assert loaded.settings.sources == (Source(topic="logs", format="canonical"),)
    assert (loaded.settings.anomaly.alarms_per_day, loaded.settings.late_s) == (8.0, 120.0)
    assert loaded.settings.decisions.dry_run == ("block",)


def test_a_version_names_what_is_decided_with_and_nothing_else() -> None:
    assert load(write(FULL_YAML)).version == load(write(FULL_TOML, "a.toml")).version
    assert load(write("prefix: other.")).version == load().version == version_of(Settings())
    assert load(write("late_s: 299")).version != load().version
    assert len(load().version) == 12
    assert int(load().version, 16) > 0


def test_the_deciding_half_survives_its_topic() -> None:
    settings = load(write(FULL_YAML)).settings
    assert msgspec.json.decode(msgspec.json.encode(settings), type=Settings) == settings


WRONG = [
    ("anomoly: {}", "luminar.yaml:1: unknown key 'anomoly'; did you mean 'anomaly'?"),
    ("anomaly:\n  warmpu: 3", "luminar.yaml:2: anomaly: unknown key 'warmpu'; did you mean 'warmup'?"),
    ("anomaly:\n  alarms_per_day: -1", "luminar.yaml:2: anomaly.alarms_per_day: expected a number above 0, found -1"),
    ("anomaly: {alarms_per_day: .nan}", "luminar.yaml:1: anomaly.alarms_per_day: expected a number above 0, found nan"),
    ("anomaly: {alarms_per_day: .inf}", "luminar.yaml:1: anomaly.alarms_per_day: expected a number above 0, found inf"),
    (
        "anomaly: {alarms_per_day: true}",
        "luminar.yaml:1: anomaly.alarms_per_day: expected a number above 0, found true",
    ),
    ("anomaly: {warmup: '60'}", "luminar.yaml:1: anomaly.warmup: expected a whole number at least 1, found '60'"),
    ("anomaly: {warmup: 1.5}", "luminar.yaml:1: anomaly.warmup: expected a whole number at least 1, found 1.5"),
    ("anomaly: {joint: 1}", "luminar.yaml:1: anomaly.joint: expected true or false, found 1"),
    ("anomaly: 3", "luminar.yaml:1: anomaly: expected names with values, found 3"),
    ("sources: logs", "luminar.yaml:1: sources: expected a list, found 'logs'"),
    ("sources:\n- format: canonical", "luminar.yaml:2: sources[0]: expected the key 'topic', found none"),
    (
        "sources:\n- topic: a\n  format: canonicle",
        "luminar.yaml:3: sources[0].format: unknown format 'canonicle'; did you mean 'canonical'?",
    ),
    (
        "decisions: {dry_run: [scael]}",
        "luminar.yaml:1: decisions.dry_run[0]: expected one of block, scale, found 'scael'",
    ),
    ("prefix: a b", "luminar.yaml:1: prefix: expected a text that matches ^[A-Za-z0-9._-]{0,100}$, found 'a b'"),
    ("late_s: 1\nlate_s: 2", "luminar.yaml:2: key 'late_s' is there twice, first on luminar.yaml:1"),
    ("late_s: 1\n  bad: [", "luminar.yaml:2: expected YAML, found: mapping values are not allowed here"),
    ("- 1\n- 2", "luminar.yaml:1: expected names with values, found a list of 2"),
    ("late_s:", "luminar.yaml:1: late_s: expected a number above 0, found nothing"),
    ("a: &x {b: 1}\n? [c]\n: 1", "luminar.yaml:2: expected a name before the colon, found a list or a mapping"),
    ("broker: localhost", "luminar.yaml:1: broker.addresses[0]: expected host:port, found 'localhost'"),
    (
        "services:\n  shop:\n    scaling: {load: other/requests, capacity: 1}",
        "luminar.yaml:3: services.shop.scaling.load: expected a series of this service, 'shop/…', "
        "found 'other/requests'",
    ),
    (
        "services: {shop: {scaling: {load: shop/requests}}}",
        "luminar.yaml:1: services.shop.scaling: expected `capacity` (load that one replica can do) or `utilisation` "
        "(a series), found neither",
    ),
    (
        "decisions:\n  allow:\n  - 10.0.0.0/8\n  - 10.0.0.0/33",
        "luminar.yaml:4: decisions.allow[1]: expected a network like 10.0.0.0/8, an address or an API key, "
        "found '10.0.0.0/33'",
    ),
    (
        "sources: [{topic: metrics, format: canonical}]",
        "luminar.yaml:1: sources[0].topic: expected a topic of others, found 'metrics', which is one of ours",
    ),
    (
        "http: {host: 0.0.0.0}",
        "luminar.yaml:1: http.host: 0.0.0.0 is reached from other machines and expects `http.token`, found none; "
        "set LUMINAR_HTTP__TOKEN",
    ),
    (
        "broker: {security: SASL_SSL, username: ann}",
        "luminar.yaml:1: broker.security: SASL_SSL expects `username` and `password` beside it, "
        "found one or none of them",
    ),
    (
        "broker: {cafile: no.pem}",
        "luminar.yaml:1: broker.cafile: expected a file that is there, found none at 'no.pem'",
    ),
    (
        "services: {a: {scaling: {load: a/b, capacity: 1, minimum: 20}}}",
        "luminar.yaml:1: services.a.scaling.minimum: expected at most `maximum` (10), found 20",
    ),
    (
        "patterns: {rules: [{name: cpu, metrics: [cpu_ratio], above: 0.5, below: 0.8}]}",
        "luminar.yaml:1: patterns.rules[0].below: expected at most `above` (0.5), found 0.8",
    ),
    (
        "security: {block_s: 100, block_most_s: 10}",
        "luminar.yaml:1: security.block_s: expected at most `block_most_s` (10), found 100",
    ),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[text.partition("\n")[0][:40] for text, _ in WRONG])
def test_a_wrong_yaml_file_is_refused_with_line_expected_found(text: str, said: str) -> None:
    assert refusal(text) == [said]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n[anomaly]\nalarms_per_day = -1", "a.toml:3: anomaly.alarms_per_day: expected a number above 0, found -1"),
        ("\nanomaly.alarms_per_day = -1", "a.toml:2: anomaly.alarms_per_day: expected a number above 0, found -1"),
        (
            "late_s = 1\nanomaly = {alarms_per_day = -1}",
            "a.toml:2: anomaly.alarms_per_day: expected a number above 0, found -1",
        ),
        ("[anomoly]", "a.toml:1: unknown key 'anomoly'; did you mean 'anomaly'?"),
        (
            "[[sources]]\ntopic='a'\nformat='canonical'\n[[sources]]\nformat='canonical'",
            "a.toml:4: sources[1]: expected the key 'topic', found none",
        ),
        (
            "[[sources]]\ntopic='a'\nformat='canonical'\n[[sources]]\ntopic='b'\nformat='x'",
            "a.toml:6: sources[1].format: unknown format 'x'; known: canonical",
        ),
        ("late_s = 1\nlate_s = 2", "a.toml:2: expected TOML, found: Cannot overwrite a value"),
        ("late_s = ", "a.toml:1: expected TOML, found: Invalid value"),
        ("late_s = 1979-05-27", "a.toml:1: late_s: expected a number above 0, found 1979-05-27"),
    ],
)
def test_a_wrong_toml_file_is_refused_with_line_expected_found(text: str, said: str) -> None:
    assert [line.replace(f"known: {', '.join(sorted(FORMATS))}", "known: canonical") for line in
            refusal(text, "a.toml")] == [said]  # fmt: skip


def test_everything_that_is_wrong_is_said_at_once() -> None:
    said = refusal("anomaly:\n  alarms_per_day: 0\n  warmpu: 3\nlate_s: soon\nincidents: {fire_after: 0}\n")
    assert [line.partition(": ")[0] for line in said] == [f"luminar.yaml:{line}" for line in (2, 3, 4, 5)]


@pytest.mark.parametrize("name", ["there-is-none.yaml", "settings.ini"])
def test_a_file_that_cannot_be_read_is_named(name: str) -> None:
    Path("settings.ini").write_text("late_s = 3")
    with pytest.raises(SettingsRefused, match=name):
        load(Path(name))


def test_a_file_that_is_not_utf8_is_refused_with_its_line() -> None:
    Path("a.yaml").write_bytes(b"late_s: 3\nprefix: \xff")
    with pytest.raises(SettingsRefused, match=r"a\.yaml:2: expected UTF-8"):
        load(Path("a.yaml"))


def test_aliases_that_multiply_are_refused() -> None:
    layers = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 8))
    assert "at most 100000 values" in refusal("a0: &a0 [1]\n" + layers)[0]
    assert "depth of nesting" in refusal("a: &a [*a]")[0]


def test_the_environment_lies_over_the_file() -> None:
    env = {
        "LUMINAR_ANOMALY__ALARMS_PER_DAY": "9",
        "LUMINAR_BROKER": "one:1,two:2",
        "LUMINAR_SERVICES__SHOP__SCALING__CAPACITY": "70",
        "LUMINAR_DECISIONS__DRY_RUN": "scale,block",
        "LUMINAR_DECISIONS__ALLOW": "[10.0.0.0/8]",
        "LUMINAR_PREFIX": "7",
        "HOME": "/",
    }
    loaded = load(write(FULL_YAML), env)
    assert loaded.settings.anomaly.alarms_per_day == 9.0
    assert loaded.process.broker.addresses == ("one:1", "two:2")
    assert loaded.process.prefix == "7"
    scaling = loaded.settings.services["shop"].scaling
    assert scaling is not None
    assert (scaling.capacity, scaling.load) == (70.0, "shop/requests")
    assert loaded.settings.decisions.dry_run == ("scale", "block")
    assert loaded.settings.decisions.allow == ("10.0.0.0/8",)


def test_a_wrong_variable_is_refused_by_name() -> None:
    assert refusal("", LUMINAR_ANOMALY__WARMPU="3") == [
        "environment variable LUMINAR_ANOMALY__WARMPU: anomaly: unknown key 'warmpu'; did you mean 'warmup'?"
    ]
    assert refusal("", LUMINAR_ANOMALY__ALARMS_PER_DAY="high") == [
        "environment variable LUMINAR_ANOMALY__ALARMS_PER_DAY: anomaly.alarms_per_day: "
        "expected a number above 0, found 'high'"
    ]
    assert refusal("", LUMINAR_LATE_S__X="3")[0].endswith("late_s: expected a number above 0, found names with values")
    assert "no named parts" in refusal("late_s: 3", LUMINAR_LATE_S__X="3")[0]


def test_what_a_container_platform_sets_for_a_service_of_our_name_is_left_alone() -> None:
    assert load(None, {"LUMINAR_PORT": "tcp://10.0.0.1:80", "LUMINAR_SERVICE_HOST": "10.0.0.1"}) == load()


def test_secrets_are_in_no_error_and_no_print() -> None:
    said = refusal("broker: {password: [hunter2]}\nhttp: {token: {a: hunter2}}")
    assert len(said) == 2
    for text in ("broker: {password: *hunter2}", "broker: {password: hunter2", "broker:\n  password: 'hunter2\n"):
        said += refusal(text)
    said += refusal("[broker]\npassword = hunter2", "a.toml")
    process = Process(broker=Broker(password="hunter2"), http=Http(token="hunter2"))
    assert "hunter2" not in "\n".join(said) + repr(process) + str(process)


def test_secrets_never_reach_the_deciding_half() -> None:
    loaded = load(write("broker: {password: hunter2}"), {"LUMINAR_HTTP__TOKEN": "hunter3"})
    assert (loaded.process.broker.password, loaded.process.http.token) == ("hunter2", "hunter3")
    assert b"hunter" not in msgspec.json.encode(loaded.settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_the_loopback_needs_no_token(host: str) -> None:
    assert load(write(f"http: {{host: '{host}'}}")).process.http.host == host


def test_beyond_the_loopback_a_token_is_enough() -> None:
    assert load(write("http: {host: 0.0.0.0, token: abc}")).process.http.token == "abc"


def loads_or_is_refused(path: Path) -> bool:
    try:
        return bool(load(path).version)
    except SettingsRefused as refused:
        return bool(refused.problems)


@given(st.text(max_size=60) | st.from_regex(r"([a-z_]{1,9}: [\[{'\"]?[a-z0-9*&]{0,5}\n ?)+", fullmatch=True))
def test_any_text_is_settings_or_refused(text: str) -> None:
    for name in ("any.yaml", "any.toml"):
        path = Path(name)
        path.write_text(text, "utf-8", errors="surrogatepass")
        assert loads_or_is_refused(path)


Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*Process.__struct_fields__, *Settings.__struct_fields__]), Json, max_size=3))
def test_any_value_of_any_setting_is_settings_or_refused(values: dict[str, object]) -> None:
    path = Path("any.yaml")
    path.write_text(json.dumps(values), "utf-8")
    assert loads_or_is_refused(path)


def test_the_schema_allows_what_is_allowed() -> None:
    kind = pytest.importorskip("jsonschema").Draft202012Validator
    kind.check_schema(schema())
    validator = kind(schema())
    assert validator.is_valid(yaml.safe_load(FULL_YAML))
    assert validator.is_valid({"broker": "a:1"})
    wrongs: tuple[dict[str, object], ...] = (
        {"anomoly": {}},
        {"anomaly": {"alarms_per_day": -1}},
        {"sources": [{"topic": "a", "format": "x"}]},
    )
    for wrong in wrongs:
        assert not validator.is_valid(wrong)
