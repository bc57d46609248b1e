"""What a command works on that needs the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from interfaces.cli.options import Data
from interfaces.installation import check_secrets, keep_secrets
from interfaces.postgres import database
from interfaces.settings import Settings
from interfaces.wiring import prepare


@contextmanager
def prepared(data: Data, *, begins: bool = False) -> Iterator[tuple[Settings, str]]:
    """The settings, and the URL of a database that is ready for them."""
    settings = Settings.load(data)
    with database(settings, begins=begins) as url:
        check_secrets(settings, url)
        prepare(url)
        keep_secrets(settings, url)
        yield settings, url
