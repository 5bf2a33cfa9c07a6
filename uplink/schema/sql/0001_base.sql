-- network-sniffer, schema version 1: packets, the ledger that balances them, and views to read both.
--
-- This file runs in one transaction, made by whoever runs it: `sniffer schema apply` or the BEGIN and COMMIT of the printed text.
-- It needs no extension and no superuser: the owner of the database, or the owner of an existing schema "sniffer", is enough.
--
-- Four rules that the objects below keep, and why:
--   * packets has no key, trigger or foreign key, so that a COPY costs the heap and a BRIN index and nothing else.
--   * Every key holds device_id, so that Citus can distribute by it and TimescaleDB can partition by it.
--   * Codes are numbers that a COMMENT and a view explain, not enum types: a new code needs no ALTER TYPE on a busy server.
--   * Nothing depends on a setting of the session (TimeZone, DateStyle, search_path): connections may be pooled.
--
-- Roles are the business of the server's administrator. These grants are enough for a role that only loads,
-- one for all devices or one each:
--
--   GRANT USAGE ON SCHEMA sniffer TO sniffer_device;
--   GRANT SELECT ON sniffer.schema_versions TO sniffer_device;
--   GRANT SELECT, INSERT, UPDATE ON sniffer.devices TO sniffer_device;
--   GRANT SELECT, INSERT ON sniffer.segments, sniffer.coverage, sniffer.coverage_losses TO sniffer_device;
--   GRANT INSERT ON sniffer.packets TO sniffer_device;
--   GRANT EXECUTE ON FUNCTION sniffer.ensure_partition(date) TO sniffer_device;
--
-- and these for one that only reads:
--
--   GRANT USAGE ON SCHEMA sniffer TO sniffer_reader;
--   GRANT SELECT ON ALL TABLES IN SCHEMA sniffer TO sniffer_reader;

-- CREATE SCHEMA asks for rights on the database even when the schema is there; an administrator may have made it for us.
DO $$
BEGIN
    IF to_regnamespace('sniffer') IS NULL THEN
        CREATE SCHEMA sniffer;
        COMMENT ON SCHEMA sniffer IS
            'Packet metadata recorded by network-sniffer, and the ledger that says what was not recorded and why.';
    END IF;
END
$$;

------------------------------------------------------------------------------------------------------------------------
-- Versions and devices
------------------------------------------------------------------------------------------------------------------------

CREATE TABLE sniffer.schema_versions (
    version    int         PRIMARY KEY,
    name       text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE  sniffer.schema_versions            IS 'The steps this schema has been through; the highest version is the one in force.';
COMMENT ON COLUMN sniffer.schema_versions.version    IS 'Number of the step, counting from 1 without gaps.';
COMMENT ON COLUMN sniffer.schema_versions.name       IS 'Subject of the step, the rest of its file name.';
COMMENT ON COLUMN sniffer.schema_versions.applied_at IS 'Server time at which the step was applied.';

CREATE TABLE sniffer.devices (
    device_id   bigint      PRIMARY KEY,
    device_uuid uuid        NOT NULL,
    name        text        NOT NULL,
    version     text,
    first_seen  timestamptz NOT NULL DEFAULT now(),
    last_seen   timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE  sniffer.devices             IS 'One row per appliance that has ever connected.';
COMMENT ON COLUMN sniffer.devices.device_id   IS 'The first 8 bytes of device_uuid as a big-endian number with the sign bit cleared; what rows and ledger carry.';
COMMENT ON COLUMN sniffer.devices.device_uuid IS 'The persistent UUID the device made for itself at its first start.';
COMMENT ON COLUMN sniffer.devices.name        IS 'Human name from the device''s configuration; may change and need not be unique.';
COMMENT ON COLUMN sniffer.devices.version     IS 'Program version the device last connected with.';
COMMENT ON COLUMN sniffer.devices.first_seen  IS 'Server time of the first connection.';
COMMENT ON COLUMN sniffer.devices.last_seen   IS 'Server time of the last connection.';

------------------------------------------------------------------------------------------------------------------------
-- Packets
------------------------------------------------------------------------------------------------------------------------

-- Columns are ordered by alignment (8 bytes, 4, MAC addresses, 2, variable), so that no row pays for padding in between. Name the
-- columns in every COPY and INSERT; the order is no contract. A value the packet does not have is NULL: with 36 columns every
-- row has a null bitmap anyway, and an absent value costs nothing beyond its bit.
CREATE TABLE sniffer.packets (
    ts              timestamptz NOT NULL,
    device_id       bigint      NOT NULL,
    seq_number      bigint,
    ack_number      bigint,
    ts_value        bigint,
    ts_echo         bigint,
    ip_id           bigint,
    wire_length     int,
    captured_length int,
    payload_length  int,
    ether_type      int,
    src_port        int,
    dst_port        int,
    window_size     int,
    mss             int,
    fragment_offset int,
    pppoe_session   int,
    arp_operation   int,
    wire_segments   int,
    src_mac         macaddr,
    dst_mac         macaddr,
    direction       smallint,
    ip_version      smallint,
    protocol        smallint,
    ttl             smallint,
    traffic_class   smallint,
    flags           smallint,
    window_scale    smallint,
    icmp_type       smallint,
    icmp_code       smallint,
    vlan_id         smallint,
    inner_vlan_id   smallint,
    interface       text        NOT NULL,
    src_ip          inet,
    dst_ip          inet,
    decode_error    text
) PARTITION BY RANGE (ts);

-- Rows arrive nearly in the order of their time, which is what BRIN is good at: kilobytes where a btree takes gigabytes.
CREATE INDEX packets_ts_idx ON sniffer.packets USING brin (ts);

COMMENT ON TABLE  sniffer.packets                 IS 'One row per recorded packet, partitioned by UTC day. Absent values are NULL. To read: sniffer.packets_readable.';
COMMENT ON INDEX  sniffer.packets_ts_idx          IS 'Finds the pages of a time span; always give a query a range of ts.';
COMMENT ON COLUMN sniffer.packets.ts              IS 'Time of receipt by the kernel, UTC; microseconds, the rest of the nanoseconds is cut off.';
COMMENT ON COLUMN sniffer.packets.device_id       IS 'The device that recorded the packet: sniffer.devices.device_id.';
COMMENT ON COLUMN sniffer.packets.seq_number      IS 'TCP sequence number, raw, 32 bits without sign (RFC 9293 section 3.1).';
COMMENT ON COLUMN sniffer.packets.ack_number      IS 'TCP acknowledgment number, raw, 32 bits without sign, also when the ACK flag is clear.';
COMMENT ON COLUMN sniffer.packets.ts_value        IS 'TCP timestamp option, TSval (RFC 7323 section 3.2).';
COMMENT ON COLUMN sniffer.packets.ts_echo         IS 'TCP timestamp option, TSecr (RFC 7323 section 3.2).';
COMMENT ON COLUMN sniffer.packets.ip_id           IS 'IPv4 identification (16 bits), or that of the IPv6 fragment header (32 bits).';
COMMENT ON COLUMN sniffer.packets.wire_length     IS 'Bytes of the frame on the wire, link header included.';
COMMENT ON COLUMN sniffer.packets.captured_length IS 'Bytes of the frame that were captured; less than wire_length when a snap length applied.';
COMMENT ON COLUMN sniffer.packets.payload_length  IS 'Bytes after the transport header by the headers'' own account, whatever was captured.';
COMMENT ON COLUMN sniffer.packets.ether_type      IS 'EtherType of the innermost header that names one, after VLAN tags: 2048 IPv4, 2054 ARP, 34525 IPv6.';
COMMENT ON COLUMN sniffer.packets.src_port        IS 'Source port of TCP, UDP, UDP-Lite, SCTP or DCCP; NULL in later fragments.';
COMMENT ON COLUMN sniffer.packets.dst_port        IS 'Destination port of TCP, UDP, UDP-Lite, SCTP or DCCP; NULL in later fragments.';
COMMENT ON COLUMN sniffer.packets.window_size     IS 'TCP window, raw: multiply by two to the power of the window_scale of the same sender''s SYN.';
COMMENT ON COLUMN sniffer.packets.mss             IS 'TCP maximum segment size option, bytes (RFC 9293 section 3.7.1).';
COMMENT ON COLUMN sniffer.packets.fragment_offset IS 'Offset of an IP fragment in bytes; 0 in the first fragment, NULL when the packet is whole.';
COMMENT ON COLUMN sniffer.packets.pppoe_session   IS 'PPPoE SESSION_ID (RFC 2516 section 4).';
COMMENT ON COLUMN sniffer.packets.arp_operation   IS 'ARP operation (RFC 826): 1 request, 2 reply; src_ip and dst_ip are sender and target.';
COMMENT ON COLUMN sniffer.packets.wire_segments   IS 'About how many wire segments the host had merged into this frame (GRO, GSO); NULL or 0 when it had not.';
COMMENT ON COLUMN sniffer.packets.src_mac         IS 'Source MAC address of the frame.';
COMMENT ON COLUMN sniffer.packets.dst_mac         IS 'Destination MAC address of the frame.';
COMMENT ON COLUMN sniffer.packets.direction       IS 'Way of the frame seen from the device, sll_pkttype of packet(7): 0 in, 1 broadcast, 2 multicast, 3 other (to another host), 4 out, 5 unknown.';
COMMENT ON COLUMN sniffer.packets.ip_version      IS '4 or 6; NULL when the frame has no IP header (ARP included).';
COMMENT ON COLUMN sniffer.packets.protocol        IS 'IP protocol number after extension headers (IANA): 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6.';
COMMENT ON COLUMN sniffer.packets.ttl             IS 'IPv4 time to live or IPv6 hop limit.';
COMMENT ON COLUMN sniffer.packets.traffic_class   IS 'IPv4 TOS or IPv6 traffic class, the whole byte: DSCP is traffic_class >> 2, ECN traffic_class & 3.';
COMMENT ON COLUMN sniffer.packets.flags           IS 'TCP flags as in the header: 1 FIN, 2 SYN, 4 RST, 8 PSH, 16 ACK, 32 URG, 64 ECE, 128 CWR.';
COMMENT ON COLUMN sniffer.packets.window_scale    IS 'TCP window scale option, shift count (RFC 7323 section 2.2).';
COMMENT ON COLUMN sniffer.packets.icmp_type       IS 'Type of the ICMP or ICMPv6 message.';
COMMENT ON COLUMN sniffer.packets.icmp_code       IS 'Code of the ICMP or ICMPv6 message.';
COMMENT ON COLUMN sniffer.packets.vlan_id         IS 'VLAN id of the outermost tag (IEEE 802.1Q); 0 for a priority tag, NULL without a tag.';
COMMENT ON COLUMN sniffer.packets.inner_vlan_id   IS 'VLAN id of the second tag.';
COMMENT ON COLUMN sniffer.packets.interface       IS 'Name of the interface on the device at the time of recording.';
COMMENT ON COLUMN sniffer.packets.src_ip          IS 'Source address; the sender''s in ARP.';
COMMENT ON COLUMN sniffer.packets.dst_ip          IS 'Destination address; the target''s in ARP.';
COMMENT ON COLUMN sniffer.packets.decode_error    IS 'Why decoding stopped early, by name; what stood before that point is in the row. NULL when it did not.';

-- Made after the comments, so that LIKE copies them along, as it does for the days.
CREATE TABLE sniffer.packets_default (LIKE sniffer.packets INCLUDING ALL);
COMMENT ON TABLE sniffer.packets_default IS 'Packets of days that have no partition of their own. Rows here keep the partition of their day from being made.';
ALTER TABLE sniffer.packets ATTACH PARTITION sniffer.packets_default DEFAULT;

-- How a day's partition is made without disturbing anybody:
--   * It is built aside and attached. CREATE TABLE … PARTITION OF would take ACCESS EXCLUSIVE on packets and stop every COPY; ATTACH
--     takes SHARE UPDATE EXCLUSIVE, which a COPY does not notice. packets_default alone is locked exclusively, for a moment.
--   * A long query on packets holds packets_default, and whoever waits for it makes later queries wait too. lock_timeout bounds that.
--     It bounds the wait for the advisory lock as well: of a thousand callers behind a stuck one all give up together, they
--     do not each start a wait of their own. The error is 55P03 and the answer is to try again later.
--   * One advisory lock for all days: two callers with different days would hold packets_default for reading and
--     each want it for itself. `sniffer schema apply` takes the same lock, whose key is the word "sniffer" as a big-endian number.
--   * The second look must see a commit that happened during the wait. It reads the catalog's cache and no snapshot, so that it
--     does under REPEATABLE READ too; but an advisory lock does not refresh that cache, a table lock does. ATTACH takes the same one.
CREATE FUNCTION sniffer.ensure_partition(day date) RETURNS boolean
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '3s'
AS $function$
DECLARE
    part text;
    low  text;
    high text;
BEGIN
    IF day IS NULL OR day < '1970-01-01' OR day > '2200-12-31' THEN
        RAISE EXCEPTION 'sniffer.ensure_partition: day % is outside 1970..2200', coalesce(day::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Set the clock of the device.';
    END IF;

    -- An administrator may have made packets a TimescaleDB hypertable, which divides itself.
    IF pg_partition_root('sniffer.packets') IS NULL THEN
        RETURN false;
    END IF;

    part := 'packets_' || to_char(day, 'YYYYMMDD');
    IF pg_partition_root(to_regclass('sniffer.' || part)) = 'sniffer.packets'::regclass THEN
        RETURN false;
    END IF;

    PERFORM pg_advisory_xact_lock(32491021290333554);
    LOCK TABLE ONLY sniffer.packets IN SHARE UPDATE EXCLUSIVE MODE;
    IF pg_partition_root(to_regclass('sniffer.' || part)) = 'sniffer.packets'::regclass THEN
        RETURN false;
    END IF;
    IF to_regclass('sniffer.' || part) IS NOT NULL THEN
        RAISE EXCEPTION 'sniffer.ensure_partition: sniffer.% exists but is no partition of sniffer.packets', part
            USING ERRCODE = 'duplicate_table', HINT = 'Rename it, drop it or attach it again.';
    END IF;

    -- Written out with their offset: a bare date would mean midnight in the session's TimeZone.
    low  := to_char(day,     'YYYY-MM-DD') || ' 00:00:00+00';
    high := to_char(day + 1, 'YYYY-MM-DD') || ' 00:00:00+00';

    -- ATTACH would find these rows too, but only while nobody can read packets_default; the index finds them first.
    IF EXISTS (SELECT FROM sniffer.packets_default WHERE ts >= low::timestamptz AND ts < high::timestamptz) THEN
        RAISE EXCEPTION 'sniffer.ensure_partition: packets of % already lie in sniffer.packets_default', low
            USING ERRCODE = 'check_violation',
                  HINT = 'They are complete and readable there. To make the partition, move them out and back in one transaction.';
    END IF;

    EXECUTE format('CREATE TABLE sniffer.%I (LIKE sniffer.packets INCLUDING ALL)', part);
    EXECUTE format('COMMENT ON TABLE sniffer.%I IS %L', part, 'Packets of the UTC day ' || to_char(day, 'YYYY-MM-DD') || '.');
    EXECUTE format('ALTER TABLE sniffer.packets ATTACH PARTITION sniffer.%I FOR VALUES FROM (%L) TO (%L)', part, low, high);
    RETURN true;
END
$function$;

COMMENT ON FUNCTION sniffer.ensure_partition(date) IS
    'Makes the partition of packets for one UTC day; true when it was made, false when it was there. Call it ahead of the day, in a '
    'transaction of its own; any number of devices may call it at once. Errors (55P03 busy, 23514 rows of the day lie in packets_default) '
    'are not fatal: rows then go to packets_default.';

-- It runs with its owner's rights, and a stranger could make 84,000 tables with it.
REVOKE ALL ON FUNCTION sniffer.ensure_partition(date) FROM PUBLIC;

------------------------------------------------------------------------------------------------------------------------
-- The ledger. A segment's packets, coverage and losses are stored in one transaction and its row in segments is the last
-- statement of it: a segment that is sent twice meets its own key (23505) and changes nothing.
------------------------------------------------------------------------------------------------------------------------

CREATE TABLE sniffer.segments (
    device_id     bigint      NOT NULL,
    run_id        uuid        NOT NULL,
    sequence      bigint      NOT NULL,
    last_sequence bigint      NOT NULL,
    row_count     bigint      NOT NULL,
    first_ts      timestamptz,
    last_ts       timestamptz,
    sealed_at     timestamptz NOT NULL,
    final         boolean     NOT NULL,
    stored_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_id, run_id, sequence)
);

COMMENT ON TABLE  sniffer.segments               IS 'The ledger: one row per segment stored; its key is what makes storing happen exactly once.';
COMMENT ON COLUMN sniffer.segments.device_id     IS 'The device that sealed the segment.';
COMMENT ON COLUMN sniffer.segments.run_id        IS 'The start of the daemon that sealed it: a random id.';
COMMENT ON COLUMN sniffer.segments.sequence      IS 'Number of the segment in its run.';
COMMENT ON COLUMN sniffer.segments.last_sequence IS 'Last sequence number that this entry accounts for; equal to sequence unless it stands for several.';
COMMENT ON COLUMN sniffer.segments.row_count     IS 'Rows of the segment, all interfaces together.';
COMMENT ON COLUMN sniffer.segments.first_ts      IS 'Earliest ts of its rows; NULL without rows.';
COMMENT ON COLUMN sniffer.segments.last_ts       IS 'Latest ts of its rows; NULL without rows.';
COMMENT ON COLUMN sniffer.segments.sealed_at     IS 'Device time at which the segment was closed.';
COMMENT ON COLUMN sniffer.segments.final         IS 'The run ended cleanly with this segment.';
COMMENT ON COLUMN sniffer.segments.stored_at     IS 'Server time of the transaction that stored it; stored_at - sealed_at is the delay.';

CREATE TABLE sniffer.coverage (
    device_id   bigint      NOT NULL,
    run_id      uuid        NOT NULL,
    sequence    bigint      NOT NULL,
    interface   text        NOT NULL,
    from_ts     timestamptz NOT NULL,
    to_ts       timestamptz NOT NULL,
    received    bigint      NOT NULL,
    row_count   bigint      NOT NULL,
    pending     bigint      NOT NULL,
    filter      text        NOT NULL DEFAULT '',
    snap_length int,
    PRIMARY KEY (device_id, run_id, sequence, interface)
);

COMMENT ON TABLE  sniffer.coverage             IS 'What was watched: one row per segment and interface, for the interval the segment covers. No row for a time means that nobody looked.';
COMMENT ON COLUMN sniffer.coverage.device_id   IS 'The device that watched.';
COMMENT ON COLUMN sniffer.coverage.run_id      IS 'The run of the segment.';
COMMENT ON COLUMN sniffer.coverage.sequence    IS 'The segment that carried this entry.';
COMMENT ON COLUMN sniffer.coverage.interface   IS 'Name of the interface that was watched.';
COMMENT ON COLUMN sniffer.coverage.from_ts     IS 'Begin of the interval, included.';
COMMENT ON COLUMN sniffer.coverage.to_ts       IS 'End of the interval, not included.';
COMMENT ON COLUMN sniffer.coverage.received    IS 'Frames that passed the filter in the interval, by the kernel''s count.';
COMMENT ON COLUMN sniffer.coverage.row_count   IS 'Frames that became rows of this segment.';
COMMENT ON COLUMN sniffer.coverage.pending     IS 'Frames the kernel had counted but that were still in the ring at the interval''s end: rows or losses of a later interval.';
COMMENT ON COLUMN sniffer.coverage.filter      IS 'The filter in force, a pcap-filter(7) expression; empty when everything was taken.';
COMMENT ON COLUMN sniffer.coverage.snap_length IS 'Bytes kept of each frame for decoding; NULL for all of them.';

CREATE TABLE sniffer.coverage_losses (
    device_id bigint NOT NULL,
    run_id    uuid   NOT NULL,
    sequence  bigint NOT NULL,
    interface text   NOT NULL,
    reason    text   NOT NULL,
    packets   bigint NOT NULL,
    PRIMARY KEY (device_id, run_id, sequence, interface, reason)
);

COMMENT ON TABLE  sniffer.coverage_losses           IS 'What was received and is not a row, by reason. To read: sniffer.losses.';
COMMENT ON COLUMN sniffer.coverage_losses.device_id IS 'The device that lost them.';
COMMENT ON COLUMN sniffer.coverage_losses.run_id    IS 'The run of the segment.';
COMMENT ON COLUMN sniffer.coverage_losses.sequence  IS 'The segment that carried this entry.';
COMMENT ON COLUMN sniffer.coverage_losses.interface IS 'Name of the interface they were received on.';
COMMENT ON COLUMN sniffer.coverage_losses.reason    IS 'Name of the counter: the place and cause of the loss.';
COMMENT ON COLUMN sniffer.coverage_losses.packets   IS 'Packets lost for this reason in the interval.';

------------------------------------------------------------------------------------------------------------------------
-- Views
------------------------------------------------------------------------------------------------------------------------

CREATE VIEW sniffer.packets_readable AS
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
       p.device_id
FROM sniffer.packets p
LEFT JOIN sniffer.devices d ON d.device_id = p.device_id;

CREATE VIEW sniffer.sniffer AS
SELECT src_ip, dst_ip, src_port, dst_port, seq_number, ack_number, flags, window_size
FROM sniffer.packets
WHERE protocol = 6;

-- A column of these views that is a column of packets says what that one says.
DO $$
DECLARE
    col record;
BEGIN
    FOR col IN
        SELECT v.attrelid::regclass AS view, v.attname AS name, col_description(p.attrelid, p.attnum) AS text
        FROM pg_attribute v
        JOIN pg_attribute p ON p.attrelid = 'sniffer.packets'::regclass AND p.attname = v.attname
        WHERE v.attrelid IN ('sniffer.packets_readable'::regclass, 'sniffer.sniffer'::regclass) AND v.attnum > 0 AND p.attnum > 0
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', col.view, col.name, col.text);
    END LOOP;
END
$$;

COMMENT ON VIEW   sniffer.packets_readable           IS 'Every packet with the device''s name and with codes as words. Give it a range of ts.';
COMMENT ON COLUMN sniffer.packets_readable.device    IS 'Name of the device; NULL when sniffer.devices does not know it.';
COMMENT ON COLUMN sniffer.packets_readable.direction IS 'Way of the frame seen from the device: in, broadcast, multicast, other (to another host), out, unknown.';
COMMENT ON COLUMN sniffer.packets_readable.protocol  IS 'Name of the IP protocol after extension headers; its number as text when the name is not a common one.';
COMMENT ON COLUMN sniffer.packets_readable.flags     IS 'TCP flags by name, lowest bit first: SYN,ACK. Empty when none is set, NULL when the packet is not TCP.';
COMMENT ON VIEW   sniffer.sniffer                    IS 'The eight fields of every TCP packet. It has no time: query sniffer.packets for a span of it.';

-- Coverage and losses go through one GROUP BY, not a join: a loss whose interval is unknown then still shows, as a negative balance,
-- and a condition on device, run or interface reaches the primary keys.
CREATE VIEW sniffer.books AS
SELECT b.device_id,
       d.name AS device,
       b.run_id,
       b.interface,
       b.received,
       b.row_count,
       b.losses,
       b.pending,
       b.received - b.row_count - b.losses - b.pending AS balance,
       coalesce(s.closed, false) AS closed,
       coalesce(s.missing_segments, 0) AS missing_segments,
       b.first_ts,
       b.last_ts
FROM (
    SELECT device_id,
           run_id,
           interface,
           sum(received)::bigint  AS received,
           sum(row_count)::bigint AS row_count,
           sum(losses)::bigint    AS losses,
           coalesce((array_agg(pending ORDER BY sequence DESC) FILTER (WHERE pending IS NOT NULL))[1], 0) AS pending,
           min(from_ts) AS first_ts,
           max(to_ts)   AS last_ts
    FROM (
        SELECT device_id, run_id, interface, sequence, received, row_count, 0::bigint AS losses, pending, from_ts, to_ts
        FROM sniffer.coverage
        UNION ALL
        SELECT device_id, run_id, interface, sequence, 0, 0, packets, NULL, NULL, NULL
        FROM sniffer.coverage_losses
    ) AS entries
    GROUP BY device_id, run_id, interface
) AS b
LEFT JOIN (
    SELECT device_id,
           run_id,
           bool_or(final) AS closed,
           (max(last_sequence) - min(sequence) + 1 - sum(last_sequence - sequence + 1))::bigint AS missing_segments
    FROM sniffer.segments
    GROUP BY device_id, run_id
) AS s ON s.device_id = b.device_id AND s.run_id = b.run_id
LEFT JOIN sniffer.devices d ON d.device_id = b.device_id;

COMMENT ON VIEW   sniffer.books                  IS 'Do the books balance? One row per device, run and interface, over everything stored of it.';
COMMENT ON COLUMN sniffer.books.device_id        IS 'The device.';
COMMENT ON COLUMN sniffer.books.device           IS 'Name of the device; NULL when sniffer.devices does not know it.';
COMMENT ON COLUMN sniffer.books.run_id           IS 'The start of the daemon.';
COMMENT ON COLUMN sniffer.books.interface        IS 'The interface.';
COMMENT ON COLUMN sniffer.books.received         IS 'Frames that passed the filter, all intervals together.';
COMMENT ON COLUMN sniffer.books.row_count        IS 'Frames that became rows, all intervals together.';
COMMENT ON COLUMN sniffer.books.losses           IS 'Frames counted as lost, all intervals and reasons together; by reason: sniffer.losses.';
COMMENT ON COLUMN sniffer.books.pending          IS 'Frames received but still in the ring at the end of the last interval.';
COMMENT ON COLUMN sniffer.books.balance          IS 'received - row_count - losses - pending; 0 when the books balance, more when packets vanished, less when there are too many.';
COMMENT ON COLUMN sniffer.books.closed           IS 'The final segment of the run is stored; false while it runs, or when it ended by a crash or a power cut.';
COMMENT ON COLUMN sniffer.books.missing_segments IS 'Segments between the lowest and the highest stored one of the run that are not stored (all interfaces); their packets are in no other number here.';
COMMENT ON COLUMN sniffer.books.first_ts         IS 'Begin of the first interval.';
COMMENT ON COLUMN sniffer.books.last_ts          IS 'End of the last interval.';

CREATE VIEW sniffer.losses AS
SELECT l.device_id,
       d.name AS device,
       l.run_id,
       l.interface,
       l.sequence,
       c.from_ts,
       c.to_ts,
       l.reason,
       l.packets
FROM sniffer.coverage_losses l
LEFT JOIN sniffer.coverage c
       ON c.device_id = l.device_id AND c.run_id = l.run_id AND c.sequence = l.sequence AND c.interface = l.interface
LEFT JOIN sniffer.devices d ON d.device_id = l.device_id;

COMMENT ON VIEW   sniffer.losses           IS 'What was lost, when and why: one row per device, run, interface, interval and reason.';
COMMENT ON COLUMN sniffer.losses.device_id IS 'The device.';
COMMENT ON COLUMN sniffer.losses.device    IS 'Name of the device; NULL when sniffer.devices does not know it.';
COMMENT ON COLUMN sniffer.losses.run_id    IS 'The start of the daemon.';
COMMENT ON COLUMN sniffer.losses.interface IS 'The interface they were received on.';
COMMENT ON COLUMN sniffer.losses.sequence  IS 'The segment that carried the entry.';
COMMENT ON COLUMN sniffer.losses.from_ts   IS 'Begin of the interval; NULL when the interval itself is not stored.';
COMMENT ON COLUMN sniffer.losses.to_ts     IS 'End of the interval.';
COMMENT ON COLUMN sniffer.losses.reason    IS 'Name of the counter: the place and cause of the loss.';
COMMENT ON COLUMN sniffer.losses.packets   IS 'Packets lost for this reason in the interval.';
