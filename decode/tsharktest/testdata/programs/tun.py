# Makes tun0, reads what is sent there, and answers to an echo request of IPv4 as the host 192.0.2.1 would.
import fcntl
import os
import struct

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000


def checksum(b):
    total = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI))
while True:
    p = os.read(tun, 65536)
    if p[0] == 0x45 and p[9] == 1 and p[20] == 8 and len(p) % 2 == 0 and p[6] & 0x3F == 0 and p[7] == 0:
        message = b"\0\0\0\0" + p[24:]
        message = b"\0\0" + checksum(message).to_bytes(2, "big") + p[24:]
        os.write(tun, p[:12] + p[16:20] + p[12:16] + message)
