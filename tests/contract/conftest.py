"""TLS contexts for servers on localhost with a certificate of their own, and for clients that trust it."""

import ssl
from pathlib import Path

import pytest
from misbehaving_server import CERTIFICATE, KEY


@pytest.fixture(scope="module")
def certificate_path(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_text(CERTIFICATE + KEY)
    return path


@pytest.fixture(scope="module")
def server_tls(certificate_path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_path)
    return context


@pytest.fixture(scope="module")
def client_tls(certificate_path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate_path)
