"""The public sandbox: a key for anybody, with which nobody takes anything from the others."""

from tests.interfaces.serving import Served
from tests.stories.client import Client, refusal


def test_anybody_may_have_the_public_sandbox_s_key(nobody: Client, server: Served) -> None:
    shown = nobody.get("/v1/partners/public-sandbox")

    assert shown["apiKey"] in server.messages()
    anybody = Client(nobody.http, shown["apiKey"])
    anybody.submit()
    assert anybody.get("/v1/partners/me")["slug"] == "public-sandbox"
    for reply in (
        anybody.post("/v1/partners/keys"),
        anybody.try_get("/v1/partners/keys"),
        anybody.post("/v1/partners/promote", {"url": "https://acme.example"}),
    ):
        assert refusal(reply) == (403, "FORBIDDEN")
