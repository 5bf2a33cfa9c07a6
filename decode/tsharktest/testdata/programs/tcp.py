# What TCP does besides the ordinary: `tcp.py serve`, and `tcp.py HOST WHAT` for a client of it.
import socket
import struct
import sys
import threading
import time

ECHO, SINK, FAST, LAZY, MULTI, LAST = 7000, 7001, 7002, 7003, 7004, 7009
IPPROTO_MPTCP = 262


def listen(port, handle, protocol=0, fast=False):
    family = socket.AF_INET6  # for IPv4 too
    s = socket.socket(family, socket.SOCK_STREAM, protocol)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if fast:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
    if port == LAZY:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.bind(("::", port))
    s.listen(16)

    def loop():
        while True:
            c, _ = s.accept()
            threading.Thread(target=handle, args=(c,), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()


def echo(c):
    with c:
        while data := c.recv(65536):
            c.sendall(data)


def sink(c):
    with c:
        while c.recv(65536):
            pass


def lazy(c):
    time.sleep(1)
    sink(c)


def connect(host, port, protocol=0):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM, protocol)
    s.settimeout(10)
    s.connect((host, port))
    return s


def talk(s):
    s.sendall(b"hello")
    s.recv(100)
    s.close()


def client(host, what):
    if what == "echo":
        talk(connect(host, ECHO))
    elif what == "small":
        s = connect(host, ECHO)
        for i in range(5):
            s.sendall(bytes([i]))
            s.recv(1)
        s.shutdown(socket.SHUT_WR)
        s.recv(1)
    elif what == "reset":
        s = connect(host, ECHO)
        s.sendall(b"hello")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    elif what == "refused":
        try:
            connect(host, 7999)
        except OSError:
            pass
    elif what == "urgent":
        s = connect(host, SINK)
        s.sendall(b"hello")
        s.send(b"!", socket.MSG_OOB)
        s.close()
    elif what == "keepalive":
        s = connect(host, ECHO)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        time.sleep(2.5)
        s.close()
    elif what == "window":
        s = connect(host, LAZY)
        s.sendall(bytes(30000))
        s.close()
    elif what == "lossy":
        s = connect(host, SINK)
        s.sendall(bytes(20000))
        s.shutdown(socket.SHUT_WR)
        s.recv(1)
        s.close()
    elif what == "fastopen":
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        for _ in range(2):  # the first asks for a cookie, the second has it
            s = socket.socket(family, socket.SOCK_STREAM)
            s.sendto(b"hello", socket.MSG_FASTOPEN, (host, FAST))
            s.recv(100)
            s.close()
    elif what == "multipath":
        talk(connect(host, MULTI, IPPROTO_MPTCP))


if sys.argv[1] == "serve":
    listen(ECHO, echo)
    listen(SINK, sink)
    listen(FAST, echo, fast=True)
    listen(LAZY, lazy)
    listen(MULTI, echo, protocol=IPPROTO_MPTCP)
    listen(LAST, echo)
    time.sleep(120)
else:
    client(sys.argv[1], sys.argv[2])
