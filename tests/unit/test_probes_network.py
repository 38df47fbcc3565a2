"""What the probes of names, proxies, ports, certificates, clocks and caches make of files and answers of all kinds."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.hosts.local import LocalHost
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import HostRefusedError, Output, Process, Subject
from whyred.model.probe import Facts
from whyred.probes.answer import Parts, pack
from whyred.probes.find import probe
from whyred.probes.network import Network, ask_network, literal, read_network
from whyred.probes.preloaded import defined
from whyred.probes.resolver import File, Settings, addresses, name_servers, resolver_fault

HOST = Subject("host")
ROUTE = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
DEFAULT = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
NEAR = "eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"


def network(route: str = ROUTE + DEFAULT, **tables: str) -> Network:
    parts = {"tcp": "", "udp": "", "route": route, "fib_trie": "127.0.0.1\n192.168.1.5"}
    found = read_network(Parts(pack({**parts, **tables})))
    assert isinstance(found, Network)
    return found


def test_who_listens_is_known_by_address_and_port() -> None:
    net = network(tcp="0100007F:1F90 1000 77\n00000000:0050 0 78", tcp6="00000000000000000000000001000000:1F91 0 79")
    assert net.fault(ip_address("127.0.0.1"), 8080) == ""
    assert net.fault(ip_address("192.168.1.5"), 80) == ""
    assert net.fault(ip_address("::1"), 8081) == ""
    assert "nobody listens on 192.168.1.5:8080" in net.fault(ip_address("192.168.1.5"), 8080)
    assert "nobody listens on [::1]:8080" in net.fault(ip_address("::1"), 8080)
    assert net.at("tcp", ip_address("127.0.0.1"), 8080) is not None


def test_a_socket_of_all_ipv6_addresses_takes_ipv4_as_well() -> None:
    net = network(udp6="00000000000000000000000000000000:0035 0 80")
    assert net.fault(ip_address("127.0.0.1"), 53, "udp") == ""


@pytest.mark.parametrize(
    ("address", "route", "says"),
    [
        ("10.0.0.1", ROUTE, "no route leads to 10.0.0.1"),
        ("10.0.0.1", ROUTE + NEAR, "no route leads to 10.0.0.1"),
        ("192.168.7.7", ROUTE + NEAR, ""),
        ("192.168.7.7", ROUTE + NEAR.replace("0001", "0201"), "no route"),
        ("10.0.0.1", ROUTE + DEFAULT, ""),
        ("192.0.2.9", ROUTE + DEFAULT, "no machine has"),
        ("2001:db8::9", ROUTE + DEFAULT, "no machine has"),
        ("fd00::9", ROUTE + DEFAULT, "no route"),
    ],
)
def test_an_address_elsewhere_needs_a_route(address: str, route: str, says: str) -> None:
    fault = network(route).fault(ip_address(address), 443)
    assert says in fault
    assert bool(fault) == bool(says)


@given(st.text())
def test_any_text_in_a_table_is_read_or_refused(text: str) -> None:
    read_network(Parts(pack({"tcp": text, "udp": text, "route": text, "fib_trie": text})))
    literal(text)
    addresses(text, "a")
    name_servers(text)


def settings(resolv: str | None, switch: str = "hosts: files dns", *, resolved: bool = False) -> Settings:
    return Settings(File(resolv, "" if resolv is not None else "it is not there"), File(switch), File(""), resolved)


@pytest.mark.parametrize(
    ("given_", "says"),
    [
        (settings("nameserver 10.0.0.1\n"), ""),
        (settings("nameserver 192.0.2.1\nnameserver 10.0.0.1\n"), ""),
        (settings("nameserver 192.0.2.1\n"), "names 192.0.2.1: "),
        (settings("nameserver 127.0.0.53\n"), "nobody listens on 127.0.0.53:53"),
        (settings("nameserver gateway\n"), "gateway is no address"),
        (settings("search example.org\n"), "names no name server"),
        (settings(None), "cannot be used: it is not there"),
        (settings("nameserver 10.0.0.1\n", "hosts: files"), "lets no name server be asked"),
        (settings("nameserver 10.0.0.1\n", "hosts: files [NOTFOUND=return] dns"), "lets no name server be asked"),
        (settings("nameserver 10.0.0.1\n", "hosts: files mdns4_minimal [NOTFOUND=return] dns"), ""),
        (settings("nameserver 10.0.0.1\n", ""), ""),
        (settings("", "hosts: files resolve [!UNAVAIL=return] dns", resolved=True), ""),
        (settings("", "hosts: files resolve [!UNAVAIL=return] dns"), "names no name server"),
    ],
)
def test_what_makes_every_name_fail(given_: Settings, says: str) -> None:
    fault = resolver_fault(given_, network())
    assert isinstance(fault, str)
    assert says in fault
    assert bool(fault) == bool(says)


@contextmanager
def running(**env: str) -> Iterator[Subject]:
    """A process with this environment and no other."""
    code = "import sys; print(flush=True); sys.stdin.read()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], env=env, stdin=pipe, stdout=pipe) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            yield Subject("runner", child.pid)
        finally:
            child.kill()


def facts_of(name: str, subject: Subject, host: LocalHost | None = None, **arguments: str) -> Facts:
    unit = probe(name)
    return unit.read(unit.ask(host or LocalHost(), subject, arguments))


def test_no_password_of_a_proxy_is_in_the_answer(tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text("[http]\n\tproxy = http://bob:canary-2@canary#/canary@192.0.2.8:3128\n")
    (tmp_path / ".npmrc").write_text("https-proxy=bob:canary-3@proxy.example.org:8080\n")
    with running(https_proxy="http://bob:canary-1@192.0.2.7:3128", HOME=str(tmp_path)) as subject:
        raw = probe("proxy-settings").ask(LocalHost(), subject, {"said": "192.0.2.8:3128"})
        facts = probe("proxy-settings").read(raw)
    assert b"canary" not in raw
    assert b"bob" not in raw
    assert facts["proxies"] == "192.0.2.7:3128,192.0.2.8:3128,proxy.example.org:8080"
    assert facts["used"] is True


@pytest.mark.parametrize(
    ("value", "said", "used", "fault"),
    [
        ("http://192.0.2.7:3128", "192.0.2.7:3128", True, "no machine has"),
        ("http://192.0.2.7:3128", "192.0.2.7:9", False, "no machine has"),
        ("proxy.example.org", "Could not resolve proxy: proxy.example.org", True, ""),
        ("proxy.example.org", "Could not resolve proxy: other.example.org", False, ""),
        ("proxy.example.org", "CONNECT tunnel failed, response 407", True, ""),
        ("http://[2001:db8::1]:8080/", "proxyconnect tcp: dial tcp [2001:db8::1]:8080 ", True, "no machine has"),
        ("http://proxy.example.org:99999", "CONNECT tunnel failed, response 407", True, "no address of a proxy"),
        ("${PROXY}", "Unsupported proxy syntax", True, "no address of a proxy"),
    ],
)
def test_whether_the_log_means_this_proxy(value: str, said: str, used: bool, fault: str) -> None:
    with running(HTTPS_PROXY=value) as subject:
        facts = facts_of("proxy-settings", subject, said=said)
    assert facts["used"] is used
    assert fault in str(facts["fault"] or "")
    assert bool(facts["fault"]) == bool(fault)


def test_settings_that_say_no_proxy_are_none() -> None:
    with running(npm_config_proxy="null", http_proxy="") as subject:
        assert facts_of("proxy-settings", subject)["set"] is False


class Told(LocalHost):
    """This machine with programs that print this, asked from another machine whose clock shows `asking`."""

    def __init__(self, printed: Mapping[str, str], asking: float = 0.0) -> None:
        super().__init__()
        self.printed, self.asking = printed, asking

    def run(self, argv: Sequence[str], seconds: float = 2.0) -> Output:
        if argv[0] not in self.printed:
            raise HostRefusedError(Reason.TOOL_MISSING, f"{argv[0]}: this program is not on the host")
        return Output(0, self.printed[argv[0]].encode(), b"")

    def asking_time(self) -> float:
        return self.asking


# The form of chronyc(1), "tracking".
TRACKING = "Reference ID    : CB00710F\nSystem time     : {} seconds {} of NTP time\nLeap status     : {}\n"


@pytest.mark.parametrize(
    ("printed", "asking", "right", "offset", "against"),
    [
        ({"date": "1000\n"}, 1000.5, True, 0, "the asking machine"),
        ({"date": "1000\n"}, 4600.0, False, -3600, "the asking machine"),
        ({"date": "1000\n"}, 500.0, False, 499, "the asking machine"),
        ({"date": "1000\n"}, 1030.0, True, -30, "the asking machine"),
        ({"date": "1000\n", "chronyc": TRACKING.format("0.000012", "slow", "Normal")}, 0.0, True, 0, "chrony"),
        ({"date": "1000\n", "chronyc": TRACKING.format("7200.4", "fast", "Normal")}, 0.0, False, 7200, "chrony"),
    ],
)
def test_a_clock_is_held_against_another(
    printed: Mapping[str, str], asking: float, right: bool, offset: int, against: str
) -> None:
    facts = facts_of("clock", HOST, Told(printed, asking))
    assert (facts["right"], facts["offset_seconds"], facts["against"]) == (right, offset, against)
    assert (facts["fault"] is None) is right


def test_a_clock_that_a_time_server_sets_is_right() -> None:
    unit = probe("clock")
    answer = json.loads(unit.ask(LocalHost(), HOST, {}))
    shown = {"code": 0, "out": "NTPSynchronized=yes\n", "err": ""}
    facts = unit.read(json.dumps({**answer, "timedatectl": shown, "chronyc": {"unknown": "tool-missing"}}).encode())
    assert facts["right"] is True
    not_set = {
        **answer,
        "timedatectl": {**shown, "out": "NTPSynchronized=no\n"},
        "chronyc": {"unknown": "tool-missing"},
    }
    facts = unit.read(json.dumps(not_set).encode())
    assert facts["synchronised"] is False
    assert isinstance(facts["right"], Unknown)


def test_files_of_the_future_are_counted() -> None:
    facts = facts_of("clock", HOST, Told({"date": "1000\n"}, 1000.0))
    assert isinstance(facts["behind_seconds"], int)
    assert facts["behind_seconds"] > 10**8


def test_symbols_of_a_library() -> None:
    import _ctypes

    names = defined(Path(_ctypes.__file__).read_bytes())
    assert "PyInit__ctypes" in names
    assert "malloc" not in names, "it takes malloc from the C library"


@given(st.binary(max_size=400), st.integers(0, 200))
def test_any_bytes_have_symbols_or_none(data: bytes, cut: int) -> None:
    defined(data)
    defined(b"\x7fELF\x02\x01" + data)
    defined(Path(sys.executable).read_bytes()[:cut])


class Far(Told):
    """A machine that is asked over a long way."""

    def ahead(self, paths: Sequence[str]) -> None:
        """Nothing is gained on this machine."""

    def processes(self) -> list[Process]:
        return [Process(1, 0, 1, "init", ("init",), 0), Process(4711, 1, 10, "node", ("node",), 998)]


def test_far_away_the_holder_of_a_port_is_asked_for_by_one_command() -> None:
    waiting = read_network(Parts(pack(ask_network(LocalHost(), HOST))))
    assert isinstance(waiting, Network)
    socket = next((one for one in waiting.listeners if one.kind == "tcp"), None)
    if socket is None:
        pytest.skip("nobody listens on this machine")
    line = f'LISTEN 0 128 0.0.0.0:1 0.0.0.0:* users:(("node",pid=4711,fd=19)) ino:{socket.inode} sk:1\n'
    facts = facts_of("listener", HOST, Far({"ss": line}), port=str(socket.port))
    assert (facts["listening"], facts["program"], facts["pid"]) == (True, "node", 4711)


def test_what_is_no_port_is_not_asked_about() -> None:
    facts = facts_of("listener", HOST, port="70000")
    assert {v.reason for v in facts.values() if isinstance(v, Unknown)} == {Reason.NOT_APPLICABLE}


def test_certificates_that_are_named_by_files_of_the_user(tmp_path: Path) -> None:
    (tmp_path / ".curlrc").write_text(f'cacert = "{tmp_path}/gone.pem"\n')
    with running(HOME=str(tmp_path)) as subject:
        assert facts_of("ca-store", subject)["fault"] == (
            f"{tmp_path}/.curlrc names {tmp_path}/gone.pem, which is not there"
        )
    (tmp_path / "gone.pem").write_text("no certificate\n")
    with running(SSL_CERT_FILE=f"{tmp_path}/gone.pem") as subject:
        assert (
            facts_of("ca-store", subject)["fault"]
            == f"SSL_CERT_FILE names {tmp_path}/gone.pem, which holds no certificate"
        )
    with running(GIT_SSL_CAINFO=str(tmp_path)) as subject:
        assert str(facts_of("ca-store", subject)["fault"]).endswith("which is a directory")


@pytest.mark.parametrize(
    ("env", "said", "forced"),
    [
        ({"CARGO_NET_OFFLINE": "true"}, "using offline mode (--offline)", "CARGO_NET_OFFLINE=true"),
        ({"CARGO_NET_OFFLINE": "true"}, "disabled by GOPROXY=off", None),
        ({"GOPROXY": "https://goproxy.example.org,off"}, "disabled by GOPROXY=off", None),
        ({"npm_config_offline": "1"}, "cache mode is 'only-if-cached'", "npm_config_offline=1"),
        ({"PIP_NO_INDEX": "0"}, "No matching distribution found", None),
    ],
)
def test_what_keeps_the_tool_of_the_log_offline(env: dict[str, str], said: str, forced: str | None) -> None:
    with running(**env) as subject:
        assert facts_of("offline-settings", subject, said=said)["forced"] == forced


def test_no_token_of_a_cache_is_in_the_answer() -> None:
    with running(ACTIONS_CACHE_URL="http://192.0.2.1:41241/canary/") as subject:
        raw = probe("cache-server").ask(LocalHost(), subject, {})
    assert b"canary" not in raw
    facts = probe("cache-server").read(raw)
    assert facts["url"] == "http://192.0.2.1:41241/"
    assert "no machine has" in str(facts["fault"])
