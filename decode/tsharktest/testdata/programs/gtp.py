# Makes gtp0 with the kernel's help, with one tunnel for each of the two directions:
# `gtp.py ADDRESS PEER INNER INNER-OF-PEER near|far`. The kernel has them by generic netlink only.
import os
import socket
import struct
import subprocess
import sys
import time

here, peer, inner, inner_peer, end = sys.argv[1:6]
NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL = 1, 4, 0x400, 0x200
RTM_NEWLINK = 16
IFLA_IFNAME, IFLA_LINKINFO, IFLA_INFO_KIND, IFLA_INFO_DATA = 3, 18, 1, 2
IFLA_GTP_PDP_HASHSIZE, IFLA_GTP_ROLE, IFLA_GTP_CREATE_SOCKETS, IFLA_GTP_RESTART_COUNT = 3, 4, 5, 6
GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 16, 3, 1, 2
GTP_CMD_NEWPDP, GTP_CMD_ECHOREQ = 0, 3
LINK, VERSION, TID, PEER, MS, FLOW, NET_NS_FD, I_TEI, O_TEI = range(1, 10)


def attribute(kind, data):
    return struct.pack("HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def number(kind, value):
    return attribute(kind, struct.pack("I", value))


def request(s, kind, flags, body):
    s.send(struct.pack("IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body)
    answer = s.recv(65536)
    if struct.unpack_from("H", answer, 4)[0] == 2:
        error = struct.unpack_from("i", answer, 16)[0]
        if error:
            raise OSError(-error, os.strerror(-error))
    return answer


route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
role = 0 if end == "far" else 1
# Echo requests need sockets that the kernel has made itself.
data = number(IFLA_GTP_PDP_HASHSIZE, 16) + number(IFLA_GTP_ROLE, role)
data += attribute(IFLA_GTP_CREATE_SOCKETS, b"\1") + attribute(IFLA_GTP_RESTART_COUNT, b"\0")
information = attribute(IFLA_INFO_KIND, b"gtp\0") + attribute(IFLA_INFO_DATA, data)
body = bytes(16) + attribute(IFLA_IFNAME, b"gtp0\0") + attribute(IFLA_LINKINFO, information)
request(route, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, body)

generic = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
ask = struct.pack("BBH", CTRL_CMD_GETFAMILY, 1, 0) + attribute(CTRL_ATTR_FAMILY_NAME, b"gtp\0")
answer = request(generic, GENL_ID_CTRL, 0, ask)
family, at = 0, 20
while at + 4 <= len(answer):
    length, kind = struct.unpack_from("HH", answer, at)
    if kind == CTRL_ATTR_FAMILY_ID:
        family = struct.unpack_from("H", answer, at + 4)[0]
    at += (length + 3) & ~3

# The mobile station's address is the far one for the GGSN, and the own one for the SGSN.
station = inner_peer if role == 0 else inner
tunnel = struct.pack("BBH", GTP_CMD_NEWPDP, 0, 0)
tunnel += number(LINK, socket.if_nametoindex("gtp0")) + number(VERSION, 1)
tunnel += attribute(PEER, socket.inet_aton(peer)) + attribute(MS, socket.inet_aton(station))
tunnel += number(I_TEI, 0x1234 if role == 0 else 0x5678) + number(O_TEI, 0x5678 if role == 0 else 0x1234)
request(generic, family, NLM_F_ACK | NLM_F_EXCL, tunnel)
subprocess.run(["ip", "link", "set", "gtp0", "up"], check=True)

# Path management: an echo request of each version, which the other kernel answers.
time.sleep(3)
for version in (0, 1):
    echo = struct.pack("BBH", GTP_CMD_ECHOREQ, 0, 0)
    echo += number(LINK, socket.if_nametoindex("gtp0")) + number(VERSION, version)
    echo += attribute(PEER, socket.inet_aton(peer)) + attribute(MS, socket.inet_aton(here))
    try:
        request(generic, family, NLM_F_ACK, echo)
    except OSError as e:
        print("echo request of version", version, e, flush=True)
