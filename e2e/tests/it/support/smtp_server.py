"""A mail server for tests: keeps every mail that arrives as a file. Needs aiosmtpd.

smtp_server.py PORT FOLDER plain|starttls|implicit [CERTIFICATE KEY USER PASSWORD]
"""

import itertools
import os
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult


class Keep:
    """Writes each mail into the folder under its final name at once, so that none is seen half."""

    def __init__(self, folder):
        self.folder = folder
        self.numbers = itertools.count()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 5.1.1 <" + address + "> no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        name = "%d-%06d" % (os.getpid(), next(self.numbers))
        text = b"X-To: " + ",".join(envelope.rcpt_tos).encode() + b"\r\n" + envelope.content
        part = os.path.join(self.folder, "." + name)
        with open(part, "wb") as file:
            file.write(text)
        os.rename(part, os.path.join(self.folder, name))
        return "250 OK"


def main():
    port, folder, mode, *secure = sys.argv[1:]
    options = {}
    context = None
    if secure:
        certificate, key, user, password = secure
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)

        def authenticate(server, session, envelope, mechanism, data):
            right = (data.login, data.password) == (user.encode(), password.encode())
            return AuthResult(success=right, handled=False)

        options = {"authenticator": authenticate, "auth_required": True}
    if mode == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    elif mode == "implicit":
        options |= {"auth_require_tls": False}

    class Server(Controller):
        def factory(self):
            return SMTP(self.handler, **options)

    server = Server(
        Keep(folder), hostname="127.0.0.1", port=int(port), ssl_context=context if mode == "implicit" else None
    )
    server.start()
    print("ready", flush=True)
    # Until the parent process ends.
    sys.stdin.read()


main()
