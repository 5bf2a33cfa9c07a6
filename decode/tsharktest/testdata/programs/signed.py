# TCP with MD5 signatures (RFC 2385), as BGP has it, and TCP on a bad line: `signed.py serve CLIENT`, and
# `signed.py HOST key|loss` for the client.
import socket
import struct
import sys
import threading
import time

TCP_MD5SIG = 14


def sign(s, peer):
    address = struct.pack("=HH4s120x", socket.AF_INET, 0, socket.inet_aton(peer))
    s.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, address + struct.pack("=BBHi80s", 0, 0, 7, 0, b"example"))


def sink(c):
    with c:
        while data := c.recv(65536):
            if len(data) < 100:
                c.sendall(data)


def listen(port, peer):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if peer:
        sign(s, peer)
    s.bind(("", port))
    s.listen(5)

    def loop():
        while True:
            threading.Thread(target=sink, args=(s.accept()[0],), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()


if sys.argv[1] == "serve":
    listen(179, sys.argv[2])
    listen(7001, None)
    time.sleep(100)
elif sys.argv[2] == "key":
    c = socket.socket()
    c.settimeout(5)
    sign(c, sys.argv[1])
    c.connect((sys.argv[1], 179))
    c.sendall(b"hello")
    c.recv(10)
    c.close()
else:
    c = socket.create_connection((sys.argv[1], 7001), 20)
    c.sendall(bytes(60000))
    c.shutdown(socket.SHUT_WR)
    c.recv(1)
