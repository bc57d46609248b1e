"""The guarded fetch: whatever a URL looks like, nothing inside is ever connected to.

Every name resolves to this machine, so a form that gets past the guard is counted.
"""

import asyncio

import pytest

from application.guarded_fetch import FetchFailed, fetch_text, read_origin
from domain.refusals import InvalidUrl
from tests.application.listening import PATH, PUBLIC, listening, resolving_to

DISGUISED = [
    # This machine and its neighbours, as addresses
    "http://127.0.0.1/",
    "http://127.0.0.1",
    "https://127.0.0.1",
    "http://127.1",
    "http://127.0.1",
    "http://127.255.255.254",
    "http://0.0.0.0",
    "http://0",
    "http://0.0",
    "http://10.0.0.1",
    "http://172.16.0.1",
    "http://192.168.0.1",
    "http://169.254.169.254",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.100.100.200",
    "http://168.63.129.16",
    "http://224.0.0.1",
    "http://255.255.255.255",
    "http://240.0.0.1",
    # … in other bases and lengths
    "http://2130706433",
    "http://0x7f000001",
    "http://0x7f.0x0.0x0.0x1",
    "http://0x7f.1",
    "http://017700000001",
    "http://0177.0.0.1",
    "http://0177.0.0.01",
    "http://127.0.0.1.",
    "http://127.0.0.001",
    "http://00000127.0.0.1",
    "http://127.0.0.0x1",
    "http://0x",
    "http://1.0x",
    "http://4294967297",
    "http://127.0.0.1.0x0",
    "http://2852039166",
    "http://0xa9fea9fe",
    "http://0251.0376.0251.0376",
    "http://425.510.425.510",
    "http://999.999.999.999",
    # IPv6
    "http://[::1]/",
    "http://[::]",
    "http://[0:0:0:0:0:0:0:1]",
    "http://[0000::1]",
    "http://[::ffff:127.0.0.1]",
    "http://[::ffff:7f00:1]",
    "http://[0:0:0:0:0:ffff:127.0.0.1]",
    "http://[::127.0.0.1]",
    "http://[::ffff:169.254.169.254]",
    "http://[fe80::1]",
    "http://[fe80::1%eth0]",
    "http://[fe80::1%25eth0]",
    "http://[fc00::1]",
    "http://[fd00:ec2::254]",
    "http://[ff02::1]",
    "http://[64:ff9b::7f00:1]",
    "http://[2002:7f00:1::]",
    "http://[2001:0:0:0:0:0:80ff:fffe]",
    "http://[::1",
    "http://::1",
    "http://[127.0.0.1]",
    "http://[localhost]",
    "http://[]",
    # Names of this machine
    "http://localhost",
    "http://LOCALHOST",
    "http://localhost.",
    "http://localhost.localdomain",
    "http://foo.localhost",
    "http://ip6-localhost",
    "http://metadata",
    "http://metadata.google.internal",
    "http://kubernetes.default.svc",
    "http://db",
    "http://127.0.0.1.nip.io",
    "http://127-0-0-1.sslip.io",
    "http://localtest.me",
    "https://acme.example",
    "http://acme.example.",
    "http://acme.example..",
    # Who is asked, and as whom
    "http://user@127.0.0.1",
    "http://user:secret@127.0.0.1",
    "http://acme.example@127.0.0.1",
    "http://127.0.0.1@acme.example",
    "http://acme.example:80@127.0.0.1/",
    "http://@127.0.0.1",
    "http://acme.example%40127.0.0.1",
    "http://acme.example#@127.0.0.1/",
    "http://acme.example?@127.0.0.1/",
    "http://acme.example\\@127.0.0.1",
    "http://acme.example&@127.0.0.1#@other.example/",
    "http://127.0.0.1\\.acme.example",
    # Ports
    "http://acme.example:22",
    "http://acme.example:443",
    "https://acme.example:80",
    "http://acme.example:5432",
    "http://acme.example:0",
    "http://acme.example:65616",
    "http://acme.example:-80",
    "http://acme.example:+80",
    "http://acme.example: 80",
    "http://acme.example:\uff18\uff10",
    "http://acme.example:80:5432",
    "http://acme.example:80x",
    # Paths, and what is more than a host
    "http://acme.example/..",
    "http://acme.example/a/b",
    "http://acme.example//127.0.0.1",
    "http://acme.example?",
    "http://acme.example#",
    "http://acme.example;127.0.0.1",
    # Schemes
    "",
    "acme.example",
    "//127.0.0.1",
    "http:127.0.0.1",
    "http:/127.0.0.1",
    "http:///127.0.0.1",
    "http:\\\\127.0.0.1",
    "ftp://127.0.0.1",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_x",
    "dict://127.0.0.1:11211",
    "ws://127.0.0.1",
    "unix:///run/postgresql",
    "javascript:alert(1)",
    "data:text/plain,token",
    "http\u017f://127.0.0.1",
    "http+unix://run",
    # Characters that one reader sees and another does not
    " http://127.0.0.1",
    "http://127.0.0.1 ",
    "http://\t127.0.0.1",
    "ht\ntp://127.0.0.1",
    "http://acme.example\r\nHost: 127.0.0.1",
    "http://acme.example\x00.127.0.0.1",
    "http://acme.example%00",
    "http://%31%32%37.0.0.1",
    "http://127%2e0%2e0%2e1",
    "http://\uff11\uff12\uff17.0.0.1",
    "http://①②⑦.⓪.⓪.①",
    "http://127。0。0。1",
    "http://127.0.0.1\u200b",
    "http://loc\u0430lhost",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "http://acme.exampl\u00e9",
    "http://acme_example.test",
    "http://-acme.example",
    "http://acme-.example",
    "http://.acme.example",
    "http://acme..example",
    "http://*.acme.example",
    f"http://{'a' * 64}.example",
    f"http://{'a.' * 130}example",
]


def test_there_are_a_hundred_forms_and_more() -> None:
    assert len(DISGUISED) == len(set(DISGUISED)) >= 100


@pytest.mark.parametrize("url", DISGUISED)
def test_no_form_of_url_reaches_inside(url: str) -> None:
    async def story() -> None:
        async with listening() as listener:
            with pytest.raises((InvalidUrl, FetchFailed)):
                await fetch_text(
                    read_origin(url),
                    PATH,
                    resolve=resolving_to("127.0.0.1"),
                    connect=listener.connect,
                )
            assert (listener.connections, listener.believed) == (0, [])

    asyncio.run(story())


# Disguised as something else, it stays refused when this machine itself is admitted.
STILL_REFUSED = [
    "http://2130706433:{}",
    "http://0x7f000001:{}",
    "http://127.1:{}",
    "http://0177.0.0.1:{}",
    "http://0.0.0.0:{}",
    "http://[::]:{}",
    "http://user@127.0.0.1:{}",
    "http://10.0.0.1:{}",
    "http://[fe80::1%25lo]:{}",
]


@pytest.mark.parametrize("url", STILL_REFUSED)
def test_the_loopback_setting_admits_this_machine_by_its_own_names_alone(url: str) -> None:
    with pytest.raises(InvalidUrl):
        read_origin(url.format(8000), loopback=True)


# The control: the counter counts, and what is allowed is fetched


@pytest.mark.parametrize(
    "url", ["http://acme.example", "https://ACME.example/", "http://a.b-c.io:80"]
)
def test_a_name_that_leads_to_a_public_address_is_fetched(url: str) -> None:
    async def story() -> None:
        async with listening() as listener:
            text = await fetch_text(
                read_origin(url), PATH, resolve=resolving_to(PUBLIC), connect=listener.connect
            )

        assert (text, listener.connections) == ("a token", 1)

    asyncio.run(story())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_with_the_loopback_setting_this_machine_is_fetched_as_it_is(host: str) -> None:
    async def story() -> None:
        async with listening() as listener:
            origin = read_origin(f"http://{host}:{listener.port}", loopback=True)

            assert await fetch_text(origin, PATH, loopback=True) == "a token"
            with pytest.raises(FetchFailed, match="public"):
                await fetch_text(origin, PATH)

        assert listener.connections == 1
        assert listener.asked[0].startswith(b"GET /.well-known/mir-challenge HTTP/1.1\r\n")
        assert f"\r\nHost: {host}:{listener.port}\r\n".encode() in listener.asked[0]

    asyncio.run(story())
