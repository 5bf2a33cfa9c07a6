# Asks an NTP server in the modes that chronyd does not know: control (6), as ntpq does, and private (7), as ntpdc did.
import socket
import sys

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for host in sys.argv[1:]:
    s.sendto(bytes([0x16, 0x02]) + bytes(10), (host, 123))  # version 2, read variables
    s.sendto(bytes([0x17, 0x00, 0x03, 0x2A]) + bytes(4), (host, 123))  # version 2, the monitor list
