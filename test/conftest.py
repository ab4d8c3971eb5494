"""Options and fixtures that all Python tests share."""

import contextlib
import pathlib

import pytest

from app.server import Larnax

ROOT = pathlib.Path(__file__).resolve().parent.parent


def pytest_addoption(parser):
    parser.addoption("--larnax-build", default=str(ROOT / "build/release"),
                     help="folder of the programs under test")
    parser.addoption("--prometheus", default=None,
                     help="a Prometheus 3 for what Debian's is too old for")
    parser.addoption("--shared", default=None, help="folder of optional test data")


@pytest.fixture(scope="session")
def build(request):
    """The folder of `larnax` and its companions. Their absence is a failure, not a skip."""
    folder = pathlib.Path(request.config.getoption("--larnax-build")).resolve()
    assert (folder / "larnax").exists(), f"no larnax in {folder}: run `make build`"
    return folder


@pytest.fixture
def larnax(build, tmp_path):
    """Start servers: larnax() gives a ready one on `tmp_path / "data"`; all end with the test."""
    with contextlib.ExitStack() as servers:
        def start(*flags, data=None, **options):
            server = Larnax(build, data or tmp_path / "data", *flags, **options)
            servers.callback(server.end)
            return server.start()

        yield start
