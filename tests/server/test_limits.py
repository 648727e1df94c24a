"""What no HTTP library sends: slow, broken and endless requests over plain sockets."""

import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

PATH = "/v2/models/disentangle/infer"
BODY = json.dumps(
    {"inputs": [{"name": "latent", "datatype": "FP32", "shape": [1, 8], "data": [0.5] * 8}]}, separators=(",", ":")
).encode()
HEADERS = b"POST " + PATH.encode() + b" HTTP/1.1\r\nhost: localhost\r\n"
WHOLE = HEADERS + b"content-length: %d\r\n\r\n" % len(BODY) + BODY


def talk(server, *parts, pause=0.0, wait=6.0):
    """Send parts and read until the server closes or says nothing for a while; gives what it said."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait) as connection:
        for part in parts:
            try:
                connection.sendall(part)
            except OSError:
                break  # it closed on us, and may have said why
            time.sleep(pause)
        return everything(connection)


def everything(connection):
    said = b""
    try:
        while more := connection.recv(65536):
            said += more
    except (TimeoutError, ConnectionResetError):
        pass
    return said


def statuses(said):
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3})", said)]


def test_pipelined_requests_are_answered_in_order(server):
    third = b"GET /v2/health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    said = talk(server, WHOLE + b"GET /nothing HTTP/1.1\r\nhost: localhost\r\n\r\n" + third)
    assert statuses(said) == [200, 404, 200] and said.endswith(b'{"live":true}')


def test_a_body_sent_in_crumbs_is_whole(server):
    cut = len(WHOLE) - 5
    last = [WHOLE[i : i + 1] for i in range(cut, len(WHOLE))]
    assert statuses(talk(server, WHOLE[:cut], *last, pause=0.02, wait=2)) == [200]


def timed(call):
    begun = time.monotonic()
    found = call()
    return found, time.monotonic() - begun


@pytest.mark.parametrize("rest", [b"content-length: 50\r\n\r\n{", b"transfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n"])
def test_a_body_that_stops_is_not_waited_for_long(server, rest):
    said, seconds = timed(lambda: talk(server, HEADERS + rest))
    assert statuses(said) == [408] and 1 < seconds < 5


def test_a_body_that_trickles_is_not_waited_for_long(server):
    crumbs = [b"1\r\na\r\n"] * 40
    said, seconds = timed(lambda: talk(server, HEADERS + b"transfer-encoding: chunked\r\n\r\n", *crumbs, pause=0.1))
    assert statuses(said) == [408] and seconds < 9


def test_chunks_without_end_are_refused(server):
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    said = talk(server, HEADERS + b"transfer-encoding: chunked\r\n\r\n", *[chunk] * 200)
    assert statuses(said) == [413]


@pytest.mark.parametrize("begun", [b"", b"\r\n", b"GET", HEADERS, HEADERS + b"x-slow: "])
def test_headers_that_stop_are_not_waited_for_long(server, begun):
    said, seconds = timed(lambda: talk(server, begun))
    assert said == b"" and seconds < 5


def test_headers_that_trickle_are_not_waited_for_long(server):
    said, seconds = timed(lambda: talk(server, HEADERS, *[b"x: y\r\n"] * 30, pause=0.1))
    assert said == b"" and seconds < 9


@pytest.mark.parametrize(
    "headers",
    [
        b"x: y\r\n" * 10_000,
        b"x: " + b"y" * 100_000 + b"\r\n",
        b"y" * 100_000 + b": x\r\n",
        b"content-length: " + b"9" * 40 + b"\r\n",
        b"content-length: -5\r\n",
        b"content-length: 5\r\ncontent-length: 6\r\n",
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
        b"transfer-encoding: chunked, gzip\r\n",
        b"no colon\r\n",
        b"x: a\x00b\r\n",
    ],
)
def test_bad_headers_are_refused(server, headers):
    said = talk(server, HEADERS + headers + b"\r\n")
    assert statuses(said)[:1] and statuses(said)[0] in (400, 408, 413, 415, 431)


def test_a_header_in_pieces_cannot_grow_for_ever(server):
    assert statuses(talk(server, HEADERS + b"x: ", *[b"y" * 10_000] * 20, pause=0.01)) == [431]


@pytest.mark.parametrize(
    "line",
    [
        b"GET " + b"/" * 100_000 + b" HTTP/1.1",
        b"GET /v2/../../etc/passwd HTTP/1.1",
        b"GET /v2/models/../health/live HTTP/1.1",
        b"GET /v2/models/\x00 HTTP/1.1",
        b"GET http://evil.example/v2 HTTP/1.1",
        b"GET v2 HTTP/1.1",
        b"GET /v2 HTTP/9.9",
        b"GET /v2 HTTP/1.1 GET /",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0",
        b"JUNK",
    ],
)
def test_bad_request_lines_are_refused(server, line):
    said = talk(server, line + b"\r\nhost: localhost\r\n\r\n", wait=2.5)
    assert not said or statuses(said)[0] in (400, 404, 421, 431, 505) or b'"name":"unbraid"' in said
    assert b"root:" not in said and b"Traceback" not in said


def test_a_shorter_body_than_announced_then_goodbye(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(HEADERS + b"content-length: 500\r\n\r\n" + BODY)
        connection.shutdown(socket.SHUT_WR)
        assert statuses(everything(connection)) in ([], [400])


def test_clients_that_leave_at_once_do_no_harm(server, http):
    for part in (b"", HEADERS, WHOLE[:-1], WHOLE):
        for _ in range(25):
            connection = socket.create_connection(("127.0.0.1", server.port))
            connection.sendall(part)
            connection.close()
    deadline = time.monotonic() + 10
    while gauge(http, "unbraid_running") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert gauge(http, "unbraid_running") == gauge(http, "unbraid_body_bytes") == gauge(http, "unbraid_waiting") == 0


def gauge(http, name):
    found = re.search(rf"^{name} (\S+)$", http.get("/metrics").text, re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_a_client_that_does_not_read_is_left(server):
    """Answers of 64 kB a request are written until nobody takes them any more, and no longer."""
    body = json.dumps(
        {"inputs": [{"name": "latent", "datatype": "FP32", "shape": [1000, 8], "data": [0.5] * 8000}]}
    ).encode()
    whole = HEADERS + b"content-length: %d\r\n\r\n" % len(body) + body
    with socket.create_connection(("127.0.0.1", server.port), timeout=1) as connection:
        begun = time.monotonic()
        with pytest.raises(OSError):  # reset, broken pipe or timeout, as the system likes
            while time.monotonic() - begun < 20:
                connection.sendall(whole)
        time.sleep(4)
        with pytest.raises(ConnectionError):
            for _ in range(3):
                connection.sendall(b"GET /v2 HTTP/1.1\r\n\r\n")
                time.sleep(0.2)


def test_many_connections_and_still_one_who_is_answered(server, http):
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(300)]
    try:
        assert http.get("/v2/health/live").status_code == 200
    finally:
        for connection in idle:
            connection.close()


def test_bad_requests_do_not_hurt_their_neighbours(http):
    """Good and bad requests together, many at once: they share batches only with what passed every check."""
    bad = BODY.replace(b"0.5", b"null", 1)

    def send(number):
        return http.post(PATH, content=bad if number % 3 == 0 else BODY)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(90)))
    assert [answer.status_code for answer in answers] == [400 if n % 3 == 0 else 200 for n in range(90)]
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1


def test_memory_is_back_where_it_was(server, http):
    """Hundreds of large bodies, refused and taken, leave nothing behind."""

    def round_of_requests():
        for _ in range(5):
            http.post(PATH, content=b" " * 3_900_000)
            http.post(PATH, content=b"[" * 1_000_000)
            http.post(PATH, content=BODY.replace(b"0.5", b"null"))
            http.post(PATH, content=BODY)

    round_of_requests()
    before = server.memory()
    for _ in range(8):
        round_of_requests()
    assert server.memory() - before < 24 * 2**20
