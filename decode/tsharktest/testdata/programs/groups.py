# Joins and leaves multicast groups: any source, one source, all but one.
import socket
import sys
import time

address, interface = sys.argv[1], sys.argv[2]
index = socket.if_nametoindex(interface)
here = socket.inet_aton(address)
IP_ADD_SOURCE_MEMBERSHIP, IP_DROP_SOURCE_MEMBERSHIP, IP_BLOCK_SOURCE = 39, 40, 38
MCAST_JOIN_SOURCE_GROUP = 46

four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
group = socket.inet_aton("233.252.0.1")  # RFC 5771 §9.2, for documentation
special = socket.inet_aton("232.0.0.1")
source = socket.inet_aton("198.51.100.20")
group6 = socket.inet_pton(socket.AF_INET6, "ff0e::db8:0:1")  # RFC 6676 §3, for documentation
special6 = socket.inet_pton(socket.AF_INET6, "ff3e::db8:0:1")
source6 = socket.inet_pton(socket.AF_INET6, "2001:db8:2::20")


def sockaddr6(a):
    return socket.AF_INET6.to_bytes(2, sys.byteorder) + bytes(6) + a + bytes(4) + bytes(100)


four.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + here)
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group6 + index.to_bytes(4, sys.byteorder))
time.sleep(1)
four.setsockopt(socket.IPPROTO_IP, IP_BLOCK_SOURCE, group + here + source)
four.setsockopt(socket.IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, special + here + source)
request = index.to_bytes(8, sys.byteorder) + sockaddr6(special6) + sockaddr6(source6)
six.setsockopt(socket.IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, request)
time.sleep(2.5)
four.setsockopt(socket.IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, special + here + source)
four.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, group + here)
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_LEAVE_GROUP, group6 + index.to_bytes(4, sys.byteorder))
time.sleep(1)
