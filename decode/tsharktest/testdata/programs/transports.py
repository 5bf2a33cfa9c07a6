# SCTP, DCCP and UDP-Lite: `transports.py serve`, and `transports.py HOST` for a client of each.
import socket
import sys
import threading
import time

SCTP, DCCP, LITE = 132, 33, 136
SOCK_DCCP, SOL_DCCP, DCCP_SOCKOPT_SERVICE = 6, 269, 2
UDPLITE_SEND_CSCOV, UDPLITE_RECV_CSCOV = 10, 11
SERVICE = (42).to_bytes(4, "big")


def answer(c):
    try:
        data = c.recv(1000)
        c.send(data)
        time.sleep(1)
    except OSError:
        pass
    c.close()


def streams(s, port):
    s.bind(("::", port))
    s.listen(5)

    def loop():
        while True:
            c, _ = s.accept()
            threading.Thread(target=answer, args=(c,), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()


def dccp(family):
    s = socket.socket(family, SOCK_DCCP, DCCP)
    s.setsockopt(SOL_DCCP, DCCP_SOCKOPT_SERVICE, SERVICE)
    return s


if sys.argv[1] == "serve":
    streams(socket.socket(socket.AF_INET6, socket.SOCK_STREAM, SCTP), 7010)
    streams(dccp(socket.AF_INET6), 7011)
    lite = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, LITE)
    lite.setsockopt(LITE, UDPLITE_RECV_CSCOV, 8)
    lite.bind(("::", 7012))
    while True:
        data, sender = lite.recvfrom(2000)
        lite.sendto(data, sender)

host = sys.argv[1]
family = socket.AF_INET6 if ":" in host else socket.AF_INET
sctp = socket.socket(family, socket.SOCK_STREAM, SCTP)
for s, port in ((sctp, 7010), (dccp(family), 7011)):
    s.settimeout(5)
    try:
        s.connect((host, port))
        s.send(b"hello")
        s.recv(100)
    except OSError as e:
        print(port, e)
    s.close()
for refused in (socket.socket(family, socket.SOCK_STREAM, SCTP), dccp(family)):
    refused.settimeout(2)
    try:
        refused.connect((host, 7999))
    except OSError:
        pass
lite = socket.socket(family, socket.SOCK_DGRAM, LITE)
lite.settimeout(2)
lite.setsockopt(LITE, UDPLITE_SEND_CSCOV, 8)
for size in (5, 1000, 1800):
    lite.sendto(bytes(size), (host, 7012))
    try:
        lite.recv(2000)
    except OSError:
        pass
