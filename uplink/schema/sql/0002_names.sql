-- network-sniffer, schema version 2: tunnels and what is inside them, names, and the other headers' fields.
--
-- Adding columns without a default changes the catalog alone: no row is written again, and rows of version 1 show NULL. It waits for
-- queries on packets to end and makes new ones wait meanwhile, so lock_timeout bounds that: shorter than what a COPY waits for its
-- lock and a daemon for the whole step. When it gives up (55P03), nothing was changed and `sniffer schema apply` may be repeated.

SET LOCAL lock_timeout = '3s';

-- In the order of their alignment, as in version 1. A packet without any of these pays nothing for them: header and null bitmap of
-- 61 columns take 31 bytes, rounded up to 32 as the 28 of 36 columns were. A 65th column would cost 8 bytes a row.
ALTER TABLE sniffer.packets
    ADD COLUMN spi            bigint,
    ADD COLUMN tunnel_key     bigint,
    ADD COLUMN inner_src_port int,
    ADD COLUMN inner_dst_port int,
    ADD COLUMN dns_type       int,
    ADD COLUMN dns_answers    int,
    ADD COLUMN tls_version    int,
    ADD COLUMN tcp_options    smallint,
    ADD COLUMN sack_blocks    smallint,
    ADD COLUMN igmp_type      smallint,
    ADD COLUMN vrrp_id        smallint,
    ADD COLUMN vrrp_priority  smallint,
    ADD COLUMN tunnel         smallint,
    ADD COLUMN inner_protocol smallint,
    ADD COLUMN name_kind      smallint,
    ADD COLUMN dns_rcode      smallint,
    ADD COLUMN http_method    smallint,
    ADD COLUMN dhcp_type      smallint,
    ADD COLUMN ntp_mode       smallint,
    ADD COLUMN inner_src_ip   inet,
    ADD COLUMN inner_dst_ip   inet,
    ADD COLUMN assigned_ip    inet,
    ADD COLUMN name           text,
    ADD COLUMN alpn           text,
    ADD COLUMN dns_addresses  inet[];

COMMENT ON COLUMN sniffer.packets.spi            IS 'Security parameters index of ESP (RFC 4303 section 2.1), or of the first AH header (RFC 4302 section 2.4).';
COMMENT ON COLUMN sniffer.packets.tunnel_key     IS 'Which tunnel, by its own number: GRE key (for PPTP the call id), VXLAN or GENEVE network identifier, GTP-U TEID, L2TP session id.';
COMMENT ON COLUMN sniffer.packets.inner_src_port IS 'Source port of the packet inside the tunnel, or of the one that an ICMP error quotes.';
COMMENT ON COLUMN sniffer.packets.inner_dst_port IS 'Destination port of the packet inside the tunnel, or of the one that an ICMP error quotes.';
COMMENT ON COLUMN sniffer.packets.dns_type       IS 'Type of the DNS question, or of the first answer when there is no question (RFC 1035 section 3.2.2): 1 A, 12 PTR, 28 AAAA, 65 HTTPS.';
COMMENT ON COLUMN sniffer.packets.dns_answers    IS 'Records in the answer section by the DNS header (RFC 1035 section 4.1.1); NULL in queries.';
COMMENT ON COLUMN sniffer.packets.tls_version    IS 'Highest TLS version that a ClientHello offers (RFC 8446 section 4.2.1): 769 TLS 1.0, 770 TLS 1.1, 771 TLS 1.2, 772 TLS 1.3.';
COMMENT ON COLUMN sniffer.packets.tcp_options    IS 'TCP options that were seen and have no column: 1 SACK permitted, 2 fast open, 4 MD5 signature, 8 TCP-AO, 16 MPTCP; NULL when none of them was.';
COMMENT ON COLUMN sniffer.packets.sack_blocks    IS 'Blocks in the TCP SACK option (RFC 2018 section 3); NULL without the option.';
COMMENT ON COLUMN sniffer.packets.igmp_type      IS 'Type of the IGMP message (RFC 9776 section 4): 17 query, 18, 22 and 34 reports, 23 leave. MLD is in icmp_type.';
COMMENT ON COLUMN sniffer.packets.vrrp_id        IS 'VRRP virtual router identifier (RFC 9568 section 5.2.3).';
COMMENT ON COLUMN sniffer.packets.vrrp_priority  IS 'VRRP priority (RFC 9568 section 5.2.4).';
COMMENT ON COLUMN sniffer.packets.tunnel         IS 'What the outermost IP packet carries another packet in: 1 ipip, 2 6in4, 3 4in6, 4 6in6, 5 gre, 6 vxlan, 7 geneve, 8 gtp-u, 9 l2tp, 10 wireguard, 11 teredo; NULL when nothing that is known.';
COMMENT ON COLUMN sniffer.packets.inner_protocol IS 'IP protocol of the packet inside the tunnel, or of the one that an ICMP error quotes, after IPv6 extension headers and AH.';
COMMENT ON COLUMN sniffer.packets.name_kind      IS 'What name was read from: 1 dns, 2 mdns, 3 llmnr, 4 tls (server name), 5 quic (server name), 6 http (Host), 7 dhcp, 8 dhcpv6 (client), 9 ssdp (ST or NT), 10 lldp (system), 11 cdp (device).';
COMMENT ON COLUMN sniffer.packets.dns_rcode      IS 'Response code of the DNS header (RFC 1035 section 4.1.1): 0 no error, 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED; NULL in queries.';
COMMENT ON COLUMN sniffer.packets.http_method    IS 'Method of an HTTP/1 or SSDP request: 1 GET, 2 HEAD, 3 POST, 4 PUT, 5 DELETE, 6 CONNECT, 7 OPTIONS, 8 TRACE, 9 PATCH, 10 M-SEARCH, 11 NOTIFY, 12 SUBSCRIBE, 13 UNSUBSCRIBE, 14 PROPFIND, 15 PROPPATCH, 16 MKCOL, 17 COPY, 18 MOVE, 19 LOCK, 20 UNLOCK, 21 REPORT.';
COMMENT ON COLUMN sniffer.packets.dhcp_type      IS 'DHCP message type, of DHCPv4 (RFC 2132 section 9.6) when ip_version is 4, of DHCPv6 (RFC 8415 section 7.3) when it is 6.';
COMMENT ON COLUMN sniffer.packets.ntp_mode       IS 'NTP association mode (RFC 5905 section 7.3): 1 and 2 symmetric, 3 client, 4 server, 5 broadcast, 6 control, 7 private.';
COMMENT ON COLUMN sniffer.packets.inner_src_ip   IS 'Source address of the packet inside the tunnel, or of the one that an ICMP error quotes.';
COMMENT ON COLUMN sniffer.packets.inner_dst_ip   IS 'Destination address of the packet inside the tunnel, or of the one that an ICMP error quotes.';
COMMENT ON COLUMN sniffer.packets.assigned_ip    IS 'Address that a DHCP server gives: yiaddr (RFC 2131 section 2), or the first address or prefix of a DHCPv6 ADVERTISE or REPLY.';
COMMENT ON COLUMN sniffer.packets.name           IS 'Name that the packet carries in clear, as sent; name_kind says of what. Printable ASCII: another byte is a backslash and three decimal digits. Not unique, and said by the sender: no proof of anything.';
COMMENT ON COLUMN sniffer.packets.alpn           IS 'Application protocols that a ClientHello offers (RFC 7301 section 3.1), in its order with commas between: h2,http/1.1. Those behind the 8th or beyond 63 bytes are left out.';
COMMENT ON COLUMN sniffer.packets.dns_addresses  IS 'Addresses in the A and AAAA records of a DNS response, at most 8 from its first 16 records; NULL without any.';

-- Partitions that are made later copy the comments of packets. Those of days that are there do without: hundreds of them would take
-- seconds under the lock.
DO $$
DECLARE
    col record;
BEGIN
    FOR col IN
        SELECT p.attname AS name, col_description(p.attrelid, p.attnum) AS text
        FROM pg_attribute p
        JOIN pg_attribute d ON d.attrelid = to_regclass('sniffer.packets_default') AND d.attname = p.attname
        WHERE p.attrelid = 'sniffer.packets'::regclass AND p.attnum > 0 AND col_description(d.attrelid, d.attnum) IS NULL
    LOOP
        EXECUTE format('COMMENT ON COLUMN sniffer.packets_default.%I IS %L', col.name, col.text);
    END LOOP;
END
$$;

-- The new columns stand behind those of version 1: only so can a view be replaced that other views may stand on.
CREATE OR REPLACE VIEW sniffer.packets_readable AS
SELECT p.ts,
       d.name AS device,
       p.interface,
       CASE p.direction
           WHEN 0 THEN 'in'
           WHEN 1 THEN 'broadcast'
           WHEN 2 THEN 'multicast'
           WHEN 3 THEN 'other'
           WHEN 4 THEN 'out'
           WHEN 5 THEN 'unknown'
           ELSE p.direction::text
       END AS direction,
       p.wire_length,
       p.captured_length,
       p.src_mac,
       p.dst_mac,
       p.ether_type,
       p.vlan_id,
       p.inner_vlan_id,
       p.pppoe_session,
       p.ip_version,
       p.src_ip,
       p.dst_ip,
       CASE p.protocol
           WHEN 1   THEN 'ICMP'
           WHEN 2   THEN 'IGMP'
           WHEN 4   THEN 'IPIP'
           WHEN 6   THEN 'TCP'
           WHEN 17  THEN 'UDP'
           WHEN 33  THEN 'DCCP'
           WHEN 41  THEN 'IPv6'
           WHEN 47  THEN 'GRE'
           WHEN 50  THEN 'ESP'
           WHEN 51  THEN 'AH'
           WHEN 58  THEN 'ICMPv6'
           WHEN 88  THEN 'EIGRP'
           WHEN 89  THEN 'OSPF'
           WHEN 103 THEN 'PIM'
           WHEN 112 THEN 'VRRP'
           WHEN 132 THEN 'SCTP'
           WHEN 136 THEN 'UDPLite'
           ELSE p.protocol::text
       END AS protocol,
       p.ttl,
       p.traffic_class,
       p.ip_id,
       p.fragment_offset,
       p.src_port,
       p.dst_port,
       p.seq_number,
       p.ack_number,
       CASE WHEN p.flags IS NOT NULL THEN
           concat_ws(',',
               CASE WHEN p.flags &   1 <> 0 THEN 'FIN' END,
               CASE WHEN p.flags &   2 <> 0 THEN 'SYN' END,
               CASE WHEN p.flags &   4 <> 0 THEN 'RST' END,
               CASE WHEN p.flags &   8 <> 0 THEN 'PSH' END,
               CASE WHEN p.flags &  16 <> 0 THEN 'ACK' END,
               CASE WHEN p.flags &  32 <> 0 THEN 'URG' END,
               CASE WHEN p.flags &  64 <> 0 THEN 'ECE' END,
               CASE WHEN p.flags & 128 <> 0 THEN 'CWR' END)
       END AS flags,
       p.window_size,
       p.mss,
       p.window_scale,
       p.ts_value,
       p.ts_echo,
       p.payload_length,
       p.icmp_type,
       p.icmp_code,
       p.arp_operation,
       p.wire_segments,
       p.decode_error,
       p.device_id,
       CASE WHEN p.tcp_options IS NOT NULL THEN
           concat_ws(',',
               CASE WHEN p.tcp_options &  1 <> 0 THEN 'sack-permitted' END,
               CASE WHEN p.tcp_options &  2 <> 0 THEN 'fast-open' END,
               CASE WHEN p.tcp_options &  4 <> 0 THEN 'md5' END,
               CASE WHEN p.tcp_options &  8 <> 0 THEN 'tcp-ao' END,
               CASE WHEN p.tcp_options & 16 <> 0 THEN 'mptcp' END)
       END AS tcp_options,
       p.sack_blocks,
       p.igmp_type,
       p.vrrp_id,
       p.vrrp_priority,
       p.spi,
       CASE p.tunnel
           WHEN 1  THEN 'ipip'
           WHEN 2  THEN '6in4'
           WHEN 3  THEN '4in6'
           WHEN 4  THEN '6in6'
           WHEN 5  THEN 'gre'
           WHEN 6  THEN 'vxlan'
           WHEN 7  THEN 'geneve'
           WHEN 8  THEN 'gtp-u'
           WHEN 9  THEN 'l2tp'
           WHEN 10 THEN 'wireguard'
           WHEN 11 THEN 'teredo'
           ELSE p.tunnel::text
       END AS tunnel,
       p.tunnel_key,
       p.inner_src_ip,
       p.inner_dst_ip,
       CASE p.inner_protocol
           WHEN 1   THEN 'ICMP'
           WHEN 2   THEN 'IGMP'
           WHEN 4   THEN 'IPIP'
           WHEN 6   THEN 'TCP'
           WHEN 17  THEN 'UDP'
           WHEN 33  THEN 'DCCP'
           WHEN 41  THEN 'IPv6'
           WHEN 47  THEN 'GRE'
           WHEN 50  THEN 'ESP'
           WHEN 51  THEN 'AH'
           WHEN 58  THEN 'ICMPv6'
           WHEN 88  THEN 'EIGRP'
           WHEN 89  THEN 'OSPF'
           WHEN 103 THEN 'PIM'
           WHEN 112 THEN 'VRRP'
           WHEN 132 THEN 'SCTP'
           WHEN 136 THEN 'UDPLite'
           ELSE p.inner_protocol::text
       END AS inner_protocol,
       p.inner_src_port,
       p.inner_dst_port,
       p.name,
       CASE p.name_kind
           WHEN 1  THEN 'dns'
           WHEN 2  THEN 'mdns'
           WHEN 3  THEN 'llmnr'
           WHEN 4  THEN 'tls'
           WHEN 5  THEN 'quic'
           WHEN 6  THEN 'http'
           WHEN 7  THEN 'dhcp'
           WHEN 8  THEN 'dhcpv6'
           WHEN 9  THEN 'ssdp'
           WHEN 10 THEN 'lldp'
           WHEN 11 THEN 'cdp'
           ELSE p.name_kind::text
       END AS name_kind,
       p.dns_type,
       p.dns_rcode,
       p.dns_answers,
       p.dns_addresses,
       p.tls_version,
       p.alpn,
       CASE p.http_method
           WHEN 1  THEN 'GET'
           WHEN 2  THEN 'HEAD'
           WHEN 3  THEN 'POST'
           WHEN 4  THEN 'PUT'
           WHEN 5  THEN 'DELETE'
           WHEN 6  THEN 'CONNECT'
           WHEN 7  THEN 'OPTIONS'
           WHEN 8  THEN 'TRACE'
           WHEN 9  THEN 'PATCH'
           WHEN 10 THEN 'M-SEARCH'
           WHEN 11 THEN 'NOTIFY'
           WHEN 12 THEN 'SUBSCRIBE'
           WHEN 13 THEN 'UNSUBSCRIBE'
           WHEN 14 THEN 'PROPFIND'
           WHEN 15 THEN 'PROPPATCH'
           WHEN 16 THEN 'MKCOL'
           WHEN 17 THEN 'COPY'
           WHEN 18 THEN 'MOVE'
           WHEN 19 THEN 'LOCK'
           WHEN 20 THEN 'UNLOCK'
           WHEN 21 THEN 'REPORT'
           ELSE p.http_method::text
       END AS http_method,
       p.dhcp_type,
       p.assigned_ip,
       p.ntp_mode
FROM sniffer.packets p
LEFT JOIN sniffer.devices d ON d.device_id = p.device_id;

DO $$
DECLARE
    col record;
BEGIN
    FOR col IN
        SELECT v.attname AS name, col_description(p.attrelid, p.attnum) AS text
        FROM pg_attribute v
        JOIN pg_attribute p ON p.attrelid = 'sniffer.packets'::regclass AND p.attname = v.attname
        WHERE v.attrelid = 'sniffer.packets_readable'::regclass AND v.attnum > 0 AND p.attnum > 0
          AND col_description(v.attrelid, v.attnum) IS NULL
    LOOP
        EXECUTE format('COMMENT ON COLUMN sniffer.packets_readable.%I IS %L', col.name, col.text);
    END LOOP;
END
$$;

COMMENT ON COLUMN sniffer.packets_readable.tunnel         IS 'Name of the tunnel that the packet is of; NULL when of none that is known.';
COMMENT ON COLUMN sniffer.packets_readable.name_kind      IS 'What name was read from: dns, mdns, llmnr, tls, quic, http, dhcp, dhcpv6, ssdp, lldp or cdp.';
COMMENT ON COLUMN sniffer.packets_readable.http_method    IS 'Method of an HTTP/1 or SSDP request.';
COMMENT ON COLUMN sniffer.packets_readable.tcp_options    IS 'TCP options that were seen and have no column: sack-permitted, fast-open, md5, tcp-ao, mptcp.';
COMMENT ON COLUMN sniffer.packets_readable.inner_protocol IS 'Name of the inner packet''s IP protocol; its number as text when the name is not a common one.';
COMMENT ON COLUMN sniffer.coverage.snap_length IS 'Bytes kept of a frame for decoding, at most: of frames that carry no names fewer are kept; NULL for all of them. What was kept of each is packets.captured_length.';
