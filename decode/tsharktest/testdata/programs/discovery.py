# LLMNR (RFC 4795) and SSDP by hand: `discovery.py serve ADDRESS ADDRESS` answers to LLMNR with an IPv4 and an IPv6
# address, `discovery.py ask ADDRESS INTERFACE` asks.
import socket
import struct
import sys


def question(name, kind, identifier=0x1234):
    labels = b"".join(bytes([len(part)]) + part for part in name.encode().split(b"."))
    return struct.pack("!6H", identifier, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)


def ask(address, interface):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    s.settimeout(0.5)
    for kind in (1, 28, 255):
        s.sendto(question("host", kind), ("224.0.0.252", 5355))
        try:
            s.recv(1000)
        except OSError:
            pass
    six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    six.sendto(question("host", 28), ("ff02::1:3", 5355, 0, socket.if_nametoindex(interface)))
    for target in ("ssdp:all", "upnp:rootdevice", "urn:dial-multiscreen-org:service:dial:1"):
        search = (
            "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: "
            + target
            + "\r\n\r\n"
        )
        s.sendto(search.encode(), ("239.255.255.250", 1900))


def serve(four, six):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("", 5355))
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("224.0.0.252") + socket.inet_aton(four))
    while True:
        q, sender = s.recvfrom(1000)
        if q[2] & 0x80:
            continue
        kind = struct.unpack("!H", q[-4:-2])[0]
        data = socket.inet_aton(four) if kind != 28 else socket.inet_pton(socket.AF_INET6, six)
        answer = b"\xc0\x0c" + struct.pack("!2HIH", 28 if kind == 28 else 1, 1, 30, len(data)) + data
        s.sendto(q[:2] + b"\x80\0" + struct.pack("!4H", 1, 1, 0, 0) + q[12:] + answer, sender)


if sys.argv[1] == "serve":
    serve(sys.argv[2], sys.argv[3])
else:
    ask(sys.argv[2], sys.argv[3])
