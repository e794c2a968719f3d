#!/usr/bin/env python3
"""Calls the service as the clients of the exercise do: silent on success.

python3 e2e/main.py [URL]    (URL: http://localhost:5000 unless given)
"""
import json
import sys
import uuid
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

URL = urlsplit(sys.argv[1] if len(sys.argv) > 1 else "http://localhost:5000")
EMAIL = "guillaume@holberton.io"
PASSWD = "b4l0u"
NEW_PASSWD = "t4rt1fl3tt3"


def request(method, path, data=None, session_id=None):
    """Sends a form; returns the status, the JSON of the body (None if there is none) and the headers."""
    headers = {}
    if data is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    if session_id is not None:
        headers["Cookie"] = f"session_id={session_id}"
    connection = HTTPConnection(URL.hostname, URL.port or 80, timeout=30)
    try:
        connection.request(method, path, urlencode(data) if data is not None else None, headers)
        response = connection.getresponse()
        body = response.read()
        return response.status, json.loads(body) if body else None, response.headers
    finally:
        connection.close()


def register_user(email: str, password: str) -> None:
    """Registers, and finds that the address is taken."""
    data = {"email": email, "password": password}
    status, body, _ = request("POST", "/users", data)
    assert (status, body) == (200, {"email": email, "message": "user created"}), (status, body)
    status, body, _ = request("POST", "/users", data)
    assert (status, body) == (400, {"message": "email already registered"}), (status, body)


def log_in_wrong_password(email: str, password: str) -> None:
    """A wrong password opens nothing."""
    status, _, headers = request("POST", "/sessions", {"email": email, "password": password})
    assert status == 401 and headers["Set-Cookie"] is None, status


def log_in(email: str, password: str) -> str:
    """Logs in, and returns the session's token."""
    status, body, headers = request("POST", "/sessions", {"email": email, "password": password})
    assert (status, body) == (200, {"email": email, "message": "logged in"}), (status, body)
    session_id = headers["Set-Cookie"].split(";")[0].split("=", 1)[1]
    assert uuid.UUID(session_id).version == 4, session_id
    return session_id


def profile_unlogged() -> None:
    """Without a session there is no profile."""
    status, _, _ = request("GET", "/profile")
    assert status == 403, status


def profile_logged(session_id: str) -> None:
    """The profile is that of the session's user."""
    status, body, _ = request("GET", "/profile", session_id=session_id)
    assert (status, body) == (200, {"email": EMAIL}), (status, body)


def log_out(session_id: str) -> None:
    """Ends the session, and is sent to the first page."""
    status, _, headers = request("DELETE", "/sessions", session_id=session_id)
    assert status == 302, status
    status, body, _ = request("GET", headers["Location"])
    assert (status, body) == (200, {"message": "Bienvenue"}), (status, body)
    status, _, _ = request("GET", "/profile", session_id=session_id)
    assert status == 403, status


def reset_password_token(email: str) -> str:
    """Asks for a reset token."""
    status, body, _ = request("POST", "/reset_password", {"email": email})
    assert status == 200 and body["email"] == email, (status, body)
    assert uuid.UUID(body["reset_token"]).version == 4, body
    return body["reset_token"]


def update_password(email: str, reset_token: str, new_password: str) -> None:
    """Sets a new password with the token, once."""
    data = {"email": email, "reset_token": reset_token, "new_password": new_password}
    status, body, _ = request("PUT", "/reset_password", data)
    assert (status, body) == (200, {"email": email, "message": "Password updated"}), (status, body)
    status, _, _ = request("PUT", "/reset_password", data)
    assert status == 403, status


if __name__ == "__main__":
    register_user(EMAIL, PASSWD)
    log_in_wrong_password(EMAIL, NEW_PASSWD)
    profile_unlogged()
    session_id = log_in(EMAIL, PASSWD)
    profile_logged(session_id)
    log_out(session_id)
    reset_token = reset_password_token(EMAIL)
    update_password(EMAIL, reset_token, NEW_PASSWD)
    log_in_wrong_password(EMAIL, PASSWD)
    log_in(EMAIL, NEW_PASSWD)
