# Sends UDP, TCP and ICMPv6 with IPv6 extension headers that an application may ask for: `extensions.py HOST`.
import socket
import sys

host = sys.argv[1]
padding = bytes([0, 0, 1, 4, 0, 0, 0, 0])  # next header, length, PadN of 4
long_padding = bytes([0, 2, 1, 20]) + bytes(20)
alert = bytes([0, 0, 5, 2, 0, 0, 1, 0])  # router alert, PadN
RTHDRDSTOPTS = 55


def open_socket(kind, protocol, options):
    s = socket.socket(socket.AF_INET6, kind, protocol)
    for name, value in options:
        s.setsockopt(socket.IPPROTO_IPV6, name, value)
    s.settimeout(1)
    return s


several = [
    [(socket.IPV6_HOPOPTS, alert)],
    [(socket.IPV6_DSTOPTS, padding)],
    [(socket.IPV6_HOPOPTS, alert), (socket.IPV6_DSTOPTS, long_padding)],
    [(socket.IPV6_HOPOPTS, padding), (RTHDRDSTOPTS, padding), (socket.IPV6_DSTOPTS, long_padding)],
]
for options in several:
    udp = open_socket(socket.SOCK_DGRAM, 0, options)
    udp.sendto(bytes([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3]) + b"www\x07example\0\0\x1c\0\x01", (host, 53))
    udp.sendto(bytes(2000), (host, 9))
    tcp = open_socket(socket.SOCK_STREAM, 0, options)
    try:
        tcp.connect((host, 80))
        tcp.sendall(b"GET / HTTP/1.1\r\nHost: www.example\r\nConnection: close\r\n\r\n")
        tcp.recv(1000)
    except OSError:
        pass
    tcp.close()
    echo = open_socket(socket.SOCK_RAW, socket.IPPROTO_ICMPV6, options)
    echo.sendto(bytes([128, 0, 0, 0, 0, 1, 0, 1]), (host, 0))
