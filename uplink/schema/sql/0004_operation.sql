-- network-sniffer, schema version 4: roles that load and read and no more, rows that expire and stay in the books, one query that
-- says whether the books balance, views of conversations and talkers, and what a segment's time stamps are worth.
--
-- All of it changes the catalog alone: no row is written again. lock_timeout bounds the waits, as in version 2: when it gives up
-- (55P03), nothing was changed and `sniffer schema apply` may be repeated. Daemons of before go on storing with the rights that
-- they have: nothing is revoked, and what they do not tell is NULL.

SET LOCAL lock_timeout = '3s';

------------------------------------------------------------------------------------------------------------------------
-- Devices register through a function, so that a role that loads needs no right to read or change sniffer.devices.
------------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION sniffer.register_device(uuid uuid, name text, version text) RETURNS bigint
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '3s'
AS $function$
DECLARE
    id bigint;
BEGIN
    IF uuid IS NULL OR name IS NULL THEN
        RAISE EXCEPTION 'sniffer.register_device: a device needs a uuid and a name' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    -- The first 16 hexadecimal digits as a number, without its sign.
    id := ('x' || left(replace(uuid::text, '-', ''), 16))::bit(64)::bigint & 9223372036854775807;
    INSERT INTO sniffer.devices AS d (device_id, device_uuid, name, version)
    VALUES (id, uuid, left(name, 1024), left(version, 1024))
    ON CONFLICT (device_id) DO UPDATE SET name = excluded.name, version = excluded.version, last_seen = now()
    WHERE d.device_uuid = excluded.device_uuid;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'sniffer.register_device: device_id % belongs to another device', id
            USING ERRCODE = 'unique_violation', HINT = 'Give this device another UUID.';
    END IF;
    RETURN id;
END
$function$;

COMMENT ON FUNCTION sniffer.register_device(uuid, text, text) IS
    'A device says that it is here, by what name and with what program version; returns its device_id. Call it at every connect. '
    'Error 23505: the first 8 bytes of the uuid are those of another device.';

REVOKE ALL ON FUNCTION sniffer.register_device(uuid, text, text) FROM PUBLIC;

------------------------------------------------------------------------------------------------------------------------
-- Retention: days that are too old go, and stay in the books as numbers. `sniffer schema retention` calls the two functions.
--
-- A day goes in two transactions, because dropping a partition needs packets to itself, which a device on a slow line can hold for
-- minutes: DETACH CONCURRENTLY, which does not, is not to be had beside a default partition. So the rows are counted and the
-- partition is emptied first, which locks that day alone. The empty table goes when packets is free for a moment; until then it
-- harms nobody, and the next call tries again.
------------------------------------------------------------------------------------------------------------------------

CREATE TABLE sniffer.expired (
    device_id  bigint      NOT NULL,
    day        date        NOT NULL,
    row_count  bigint      NOT NULL,
    expired_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_id, day)
);

COMMENT ON TABLE  sniffer.expired            IS 'Rows of packets that were deleted because their day was too old: one row per device and day, so that the books still balance.';
COMMENT ON COLUMN sniffer.expired.device_id  IS 'The device that had recorded them.';
COMMENT ON COLUMN sniffer.expired.day        IS 'The day of their ts, of UTC.';
COMMENT ON COLUMN sniffer.expired.row_count  IS 'How many were deleted; of rows that came late and were deleted later, the sum.';
COMMENT ON COLUMN sniffer.expired.expired_at IS 'Server time at which the last of them were deleted.';

CREATE FUNCTION sniffer.expire_day(day date, stored_before timestamptz DEFAULT 'infinity') RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '3s'
AS $function$
DECLARE
    part  regclass;
    low   timestamptz;
    high  timestamptz;
    gone  record;
    total bigint := 0;
BEGIN
    IF day IS NULL OR NOT isfinite(day) OR stored_before IS NULL THEN
        RAISE EXCEPTION 'sniffer.expire_day: which day?' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- A snapshot from before the lock would not count the rows that were stored while it was waited for.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'sniffer.expire_day: the transaction is %', upper(current_setting('transaction_isolation'))
            USING ERRCODE = 'invalid_transaction_state', HINT = 'Call it in a transaction that is READ COMMITTED.';
    END IF;
    low  := day::timestamp AT TIME ZONE 'UTC';
    high := (day + 1)::timestamp AT TIME ZONE 'UTC';

    part := to_regclass('sniffer.packets_' || to_char(day, 'YYYYMMDD'));
    IF pg_partition_root(part) = 'sniffer.packets'::regclass THEN
        -- Writers of that day wait while it is counted, readers do not. Two callers cannot both have this lock and then wait for each other.
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', part);
        -- A partition of 1970 may be there since a daemon of before version 4 made it: some of its rows may have to stay.
        IF NOT EXISTS (SELECT FROM sniffer.undated(low, high, stored_before)) THEN
            FOR gone IN EXECUTE format('SELECT device_id AS id, count(*) AS n FROM %s GROUP BY device_id', part) LOOP
                INSERT INTO sniffer.expired AS e (device_id, day, row_count) VALUES (gone.id, expire_day.day, gone.n)
                ON CONFLICT ON CONSTRAINT expired_pkey DO UPDATE SET row_count = e.row_count + excluded.row_count, expired_at = now();
                total := total + gone.n;
            END LOOP;
            IF total > 0 THEN
                EXECUTE format('TRUNCATE TABLE ONLY %s', part);
            END IF;
            RETURN total;
        END IF;
    END IF;

    -- Rows without a partition, and beside some that stay. Those of a device whose clock was not set are as old as their segment is in the
    -- database, whatever their ts says.
    FOR gone IN
        WITH deleted AS (
            DELETE FROM sniffer.packets p
            WHERE p.ts >= low AND p.ts < high AND NOT EXISTS (
                SELECT FROM sniffer.undated(low, high, stored_before) u
                WHERE u.device_id = p.device_id AND p.ts BETWEEN u.first_ts AND u.last_ts)
            RETURNING p.device_id
        )
        SELECT device_id AS id, count(*) AS n FROM deleted GROUP BY device_id
    LOOP
        INSERT INTO sniffer.expired AS e (device_id, day, row_count) VALUES (gone.id, expire_day.day, gone.n)
        ON CONFLICT ON CONSTRAINT expired_pkey DO UPDATE SET row_count = e.row_count + excluded.row_count, expired_at = now();
        total := total + gone.n;
    END LOOP;
    RETURN total;
END
$function$;

COMMENT ON FUNCTION sniffer.expire_day(date, timestamptz) IS
    'Deletes the packets of one UTC day, enters their number per device in sniffer.expired and returns it; for the owner. Rows '
    'of a device whose clock was not set stay when they were stored at stored_before or later. Error 55P03: somebody reads or '
    'writes that day; nothing was changed, try again later.';

REVOKE ALL ON FUNCTION sniffer.expire_day(date, timestamptz) FROM PUBLIC;

CREATE FUNCTION sniffer.drop_day(day date) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '1s'
AS $function$
DECLARE
    part   regclass := to_regclass('sniffer.packets_' || to_char(day, 'YYYYMMDD'));
    filled boolean;
BEGIN
    IF pg_partition_root(part) IS DISTINCT FROM 'sniffer.packets'::regclass THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(32491021290333554);
    -- packets before the partition, as everybody who stores a row takes them.
    LOCK TABLE ONLY sniffer.packets IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', part);
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', part) INTO filled;
    IF filled THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE %s', part);
    RETURN true;
END
$function$;

COMMENT ON FUNCTION sniffer.drop_day(date) IS
    'Drops the partition of one UTC day if it is empty, and says whether it did; for the owner. New queries and COPYs on packets wait for '
    'at most a second; error 55P03: packets was busy for longer, try again later.';

REVOKE ALL ON FUNCTION sniffer.drop_day(date) FROM PUBLIC;

------------------------------------------------------------------------------------------------------------------------
-- The books of a device in one row
------------------------------------------------------------------------------------------------------------------------

CREATE VIEW sniffer.balance AS
SELECT e.device_id,
       d.name AS device,
       e.received,
       e.row_count,
       e.present,
       e.expired,
       e.losses,
       e.pending,
       e.unbalanced,
       e.missing_segments,
       e.unbalanced = 0 AND e.missing_segments = 0 AND e.row_count = e.segment_rows AND e.row_count = e.present + e.expired AS balances
FROM (
    SELECT device_id,
           sum(received)::bigint         AS received,
           sum(row_count)::bigint        AS row_count,
           sum(segment_rows)::bigint     AS segment_rows,
           sum(present)::bigint          AS present,
           sum(expired)::bigint          AS expired,
           sum(losses)::bigint           AS losses,
           sum(pending)::bigint          AS pending,
           sum(unbalanced)::bigint       AS unbalanced,
           sum(missing_segments)::bigint AS missing_segments
    FROM (
        SELECT device_id, received, row_count, 0::bigint AS segment_rows, 0::bigint AS present, 0::bigint AS expired, losses, pending,
               (balance <> 0)::int AS unbalanced, 0::bigint AS missing_segments
        FROM sniffer.books
        UNION ALL
        SELECT device_id, 0, 0, sum(row_count)::bigint, 0, 0, 0, 0,
               0, (max(last_sequence) - min(sequence) + 1 - sum(last_sequence - sequence + 1))::bigint
        FROM sniffer.segments
        GROUP BY device_id, run_id
        UNION ALL
        SELECT device_id, 0, 0, 0, count(*), 0, 0, 0, 0, 0
        FROM sniffer.packets
        GROUP BY device_id
        UNION ALL
        SELECT device_id, 0, 0, 0, 0, row_count, 0, 0, 0, 0
        FROM sniffer.expired
    ) AS entries
    GROUP BY device_id
) AS e
LEFT JOIN sniffer.devices d ON d.device_id = e.device_id;

COMMENT ON VIEW   sniffer.balance                  IS 'Do the books balance, row by row? One row per device: received = row_count + losses + pending for each run and interface, and row_count = present + expired. It counts every row of packets: the quick answer, from the ledger alone, is sniffer.books.';
COMMENT ON COLUMN sniffer.balance.device_id        IS 'The device.';
COMMENT ON COLUMN sniffer.balance.device           IS 'Name of the device; NULL when sniffer.devices does not know it.';
COMMENT ON COLUMN sniffer.balance.received         IS 'Frames that passed the filter and were not sampled away.';
COMMENT ON COLUMN sniffer.balance.row_count        IS 'Frames that became rows, by the ledger.';
COMMENT ON COLUMN sniffer.balance.present          IS 'Rows that are in packets.';
COMMENT ON COLUMN sniffer.balance.expired          IS 'Rows that were deleted because their day was too old.';
COMMENT ON COLUMN sniffer.balance.losses           IS 'Frames counted as lost; by reason: sniffer.losses.';
COMMENT ON COLUMN sniffer.balance.pending          IS 'Frames received but still in the rings at the end of the last intervals.';
COMMENT ON COLUMN sniffer.balance.unbalanced       IS 'Runs and interfaces whose balance in sniffer.books is not 0.';
COMMENT ON COLUMN sniffer.balance.missing_segments IS 'Segments between the lowest and the highest stored one of a run that are not stored; their packets are in no other number here.';
COMMENT ON COLUMN sniffer.balance.balances         IS 'All of it is right: nothing unbalanced, no segment missing, and as many rows present and expired as the ledger says.';

------------------------------------------------------------------------------------------------------------------------
-- Who talked with whom. Functions with a span of time, since no condition on an hour or on first_ts of a view could tell the planner
-- which days to read; they are inlined, so a condition on any column beside the counts is applied to packets. The views of the same
-- names are the last 24 hours.
------------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION sniffer.protocol_name(protocol smallint) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT CASE protocol
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
           ELSE protocol::text
       END
$function$;

COMMENT ON FUNCTION sniffer.protocol_name(smallint) IS 'Name of an IP protocol; its number as text when the name is not a common one.';

-- Names multiply the groups of the inner query and not its rows, and let the outer one do without a sort of all packets.
CREATE FUNCTION sniffer.conversations(from_ts timestamptz, to_ts timestamptz)
    RETURNS TABLE (
        device_id bigint, device text, interface text, protocol text, a_ip inet, a_port int, b_ip inet, b_port int,
        a_packets bigint, a_bytes bigint, b_packets bigint, b_bytes bigint, first_ts timestamptz, last_ts timestamptz, names text[])
    LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
    SELECT c.device_id,
           d.name,
           c.interface,
           sniffer.protocol_name(c.protocol),
           c.a_ip,
           c.a_port,
           c.b_ip,
           c.b_port,
           sum(c.a_packets)::bigint,
           sum(c.a_bytes)::bigint,
           sum(c.b_packets)::bigint,
           sum(c.b_bytes)::bigint,
           min(c.first_ts),
           max(c.last_ts),
           (array_agg(c.name ORDER BY c.name) FILTER (WHERE c.name IS NOT NULL))[1:16]
    FROM (
        SELECT p.device_id,
               p.interface,
               p.protocol,
               CASE WHEN o.forth THEN p.src_ip ELSE p.dst_ip END     AS a_ip,
               CASE WHEN o.forth THEN p.src_port ELSE p.dst_port END AS a_port,
               CASE WHEN o.forth THEN p.dst_ip ELSE p.src_ip END     AS b_ip,
               CASE WHEN o.forth THEN p.dst_port ELSE p.src_port END AS b_port,
               p.name,
               count(*) FILTER (WHERE o.forth)                                  AS a_packets,
               coalesce(sum(p.wire_length) FILTER (WHERE o.forth), 0)::bigint     AS a_bytes,
               count(*) FILTER (WHERE NOT o.forth)                              AS b_packets,
               coalesce(sum(p.wire_length) FILTER (WHERE NOT o.forth), 0)::bigint AS b_bytes,
               min(p.ts) AS first_ts,
               max(p.ts) AS last_ts
        FROM sniffer.packets p
        CROSS JOIN LATERAL (SELECT (p.src_ip, coalesce(p.src_port, -1)) <= (p.dst_ip, coalesce(p.dst_port, -1)) AS forth) AS o
        WHERE p.ts >= from_ts AND p.ts < to_ts AND p.ip_version IS NOT NULL AND p.src_ip IS NOT NULL AND p.dst_ip IS NOT NULL
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    ) AS c
    LEFT JOIN sniffer.devices d ON d.device_id = c.device_id
    GROUP BY c.device_id, d.name, c.interface, c.protocol, c.a_ip, c.a_port, c.b_ip, c.b_port
$function$;

COMMENT ON FUNCTION sniffer.conversations(timestamptz, timestamptz) IS
    'Who talked with whom from from_ts on and before to_ts: one row per device, interface, protocol and pair of endpoints, both ways together. '
    'The columns are those of the view sniffer.conversations.';

CREATE VIEW sniffer.conversations AS
SELECT device_id, device, interface, protocol, a_ip, a_port, b_ip, b_port, a_packets, a_bytes, b_packets, b_bytes, first_ts, last_ts, names
FROM sniffer.conversations(now() - interval '24 hours', 'infinity');

COMMENT ON VIEW   sniffer.conversations           IS 'Who talked with whom in the last 24 hours; another span: SELECT * FROM sniffer.conversations(''2026-11-22 08:00Z'', ''2026-11-22 09:00Z''). A packet that was recorded on two interfaces is counted on each; one that was sampled stands for coverage.sample_rate.';
COMMENT ON COLUMN sniffer.conversations.device_id IS 'The device that recorded it.';
COMMENT ON COLUMN sniffer.conversations.device    IS 'Name of the device; NULL when sniffer.devices does not know it.';
COMMENT ON COLUMN sniffer.conversations.interface IS 'Name of the interface.';
COMMENT ON COLUMN sniffer.conversations.protocol  IS 'Name of the IP protocol after extension headers; its number as text when the name is not a common one.';
COMMENT ON COLUMN sniffer.conversations.a_ip      IS 'One of the two: the lower address, and when both are the same, the one with the lower port.';
COMMENT ON COLUMN sniffer.conversations.a_port    IS 'Its port; NULL when the protocol has none, and in later fragments.';
COMMENT ON COLUMN sniffer.conversations.b_ip      IS 'The other one''s address.';
COMMENT ON COLUMN sniffer.conversations.b_port    IS 'The other one''s port.';
COMMENT ON COLUMN sniffer.conversations.a_packets IS 'Packets that a sent to b.';
COMMENT ON COLUMN sniffer.conversations.a_bytes   IS 'Bytes of these on the wire, link header included.';
COMMENT ON COLUMN sniffer.conversations.b_packets IS 'Packets that b sent to a.';
COMMENT ON COLUMN sniffer.conversations.b_bytes   IS 'Bytes of these on the wire, link header included.';
COMMENT ON COLUMN sniffer.conversations.first_ts  IS 'Time of the first packet in the span.';
COMMENT ON COLUMN sniffer.conversations.last_ts   IS 'Time of the last packet in the span.';
COMMENT ON COLUMN sniffer.conversations.names     IS 'Names that its packets carried in clear, 16 at most; NULL without any.';

CREATE FUNCTION sniffer.top_talkers(from_ts timestamptz, to_ts timestamptz)
    RETURNS TABLE (
        device_id bigint, device text, interface text, hour timestamptz, ip inet,
        sent_packets bigint, sent_bytes bigint, received_packets bigint, received_bytes bigint, place bigint)
    LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
    SELECT t.device_id,
           d.name,
           t.interface,
           t.hour,
           t.ip,
           t.sent_packets,
           t.sent_bytes,
           t.received_packets,
           t.received_bytes,
           rank() OVER (PARTITION BY t.device_id, t.interface, t.hour ORDER BY t.sent_bytes + t.received_bytes DESC)
    FROM (
        SELECT p.device_id,
               p.interface,
               date_trunc('hour', p.ts, 'UTC') AS hour,
               e.ip,
               sum(e.sent)::bigint                                        AS sent_packets,
               sum(e.sent * p.wire_length::bigint)::bigint                AS sent_bytes,
               sum(1 - e.sent)::bigint                                    AS received_packets,
               sum((1 - e.sent) * p.wire_length::bigint)::bigint          AS received_bytes
        FROM sniffer.packets p
        CROSS JOIN LATERAL (VALUES (p.src_ip, 1), (p.dst_ip, 0)) AS e (ip, sent)
        WHERE p.ts >= from_ts AND p.ts < to_ts AND p.ip_version IS NOT NULL AND e.ip IS NOT NULL
        GROUP BY 1, 2, 3, 4
    ) AS t
    LEFT JOIN sniffer.devices d ON d.device_id = t.device_id
$function$;

COMMENT ON FUNCTION sniffer.top_talkers(timestamptz, timestamptz) IS
    'Who sent and received how much from from_ts on and before to_ts: one row per device, interface, hour and address. The columns are '
    'those of the view sniffer.top_talkers.';

CREATE VIEW sniffer.top_talkers AS
SELECT device_id, device, interface, hour, ip, sent_packets, sent_bytes, received_packets, received_bytes, place
FROM sniffer.top_talkers(now() - interval '24 hours', 'infinity');

COMMENT ON VIEW   sniffer.top_talkers                  IS 'Who sent and received how much in the last 24 hours, by the hour: WHERE place <= 10 for the first ten of each; another span: SELECT * FROM sniffer.top_talkers(''2026-11-22 08:00Z'', ''2026-11-22 09:00Z''). A packet that was recorded on two interfaces is counted on each; one that was sampled stands for coverage.sample_rate.';
COMMENT ON COLUMN sniffer.top_talkers.device_id        IS 'The device that recorded it.';
COMMENT ON COLUMN sniffer.top_talkers.device           IS 'Name of the device; NULL when sniffer.devices does not know it.';
COMMENT ON COLUMN sniffer.top_talkers.interface        IS 'Name of the interface.';
COMMENT ON COLUMN sniffer.top_talkers.hour             IS 'Begin of the hour, of UTC.';
COMMENT ON COLUMN sniffer.top_talkers.ip               IS 'The address that sent or received, near or far, groups and broadcasts included.';
COMMENT ON COLUMN sniffer.top_talkers.sent_packets     IS 'Packets with this source address.';
COMMENT ON COLUMN sniffer.top_talkers.sent_bytes       IS 'Bytes of these on the wire, link header included.';
COMMENT ON COLUMN sniffer.top_talkers.received_packets IS 'Packets with this destination address.';
COMMENT ON COLUMN sniffer.top_talkers.received_bytes   IS 'Bytes of these on the wire, link header included.';
COMMENT ON COLUMN sniffer.top_talkers.place            IS 'Place in the order of bytes sent and received, from 1, within the device, interface and hour.';

-- Whoever was allowed to load before may register in the new way, and whoever was allowed to read books may read what is new too:
-- "ALL TABLES" in the grants of version 1 meant those of that day.
DO $$
DECLARE
    known record;
BEGIN
    FOR known IN
        SELECT DISTINCT 'EXECUTE ON FUNCTION sniffer.register_device(uuid, text, text)' AS what, a.grantee AS id
        FROM pg_proc p, aclexplode(p.proacl) a
        WHERE p.oid = 'sniffer.ensure_partition(date)'::regprocedure AND a.grantee <> p.proowner
        UNION ALL
        SELECT DISTINCT 'SELECT ON sniffer.expired, sniffer.balance, sniffer.conversations, sniffer.top_talkers', a.grantee
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'sniffer.books'::regclass AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT %s TO %s', known.what, CASE known.id WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(known.id)) END);
    END LOOP;
END
$$;

------------------------------------------------------------------------------------------------------------------------
-- Roles. sniffer_device loads, sniffer_reader reads; neither can log in: GRANT them to roles that do. Roles are of the whole
-- server, which the owner of a database need not be allowed to make. Then an administrator does, once:
--
--   CREATE ROLE sniffer_device NOLOGIN;
--   CREATE ROLE sniffer_reader NOLOGIN;
--
-- and `sniffer schema apply`, or SELECT sniffer.grant_roles(), gives them their rights in this database.
------------------------------------------------------------------------------------------------------------------------

-- What the roles need and do not have, by right of their own or as PUBLIC. Of a role that is not there given is NULL.
CREATE FUNCTION sniffer.missing_grants() RETURNS SETOF text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $function$
    WITH roles AS (
        SELECT to_regrole('sniffer_device')::oid AS device, to_regrole('sniffer_reader')::oid AS reader
    ), relations AS (
        SELECT oid, relname FROM pg_class
        WHERE relnamespace = 'sniffer'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition -- read through packets
    ), grants AS (
        SELECT 'USAGE ON SCHEMA sniffer TO sniffer_device' AS text, has_schema_privilege(device, 'sniffer', 'USAGE') AS given
        FROM roles
        UNION ALL
        SELECT 'USAGE ON SCHEMA sniffer TO sniffer_reader', has_schema_privilege(reader, 'sniffer', 'USAGE')
        FROM roles
        UNION ALL
        SELECT 'SELECT ON sniffer.schema_versions TO sniffer_device', has_table_privilege(device, oid, 'SELECT')
        FROM roles, relations WHERE relname = 'schema_versions'
        UNION ALL
        SELECT format('INSERT ON sniffer.%I TO sniffer_device', relname), has_table_privilege(device, oid, 'INSERT')
        FROM roles, relations WHERE relname IN ('packets', 'segments', 'coverage', 'coverage_losses')
        UNION ALL
        SELECT format('SELECT ON sniffer.%I TO sniffer_reader', relname), has_table_privilege(reader, oid, 'SELECT')
        FROM roles, relations
        UNION ALL
        SELECT format('EXECUTE ON FUNCTION %s TO sniffer_device', p.oid::regprocedure), has_function_privilege(device, p.oid, 'EXECUTE')
        FROM roles, pg_proc p
        WHERE p.pronamespace = 'sniffer'::regnamespace AND p.proname IN ('ensure_partition', 'register_device')
    )
    SELECT text FROM grants WHERE NOT given ORDER BY text COLLATE "C"
$function$;

COMMENT ON FUNCTION sniffer.missing_grants() IS
    'The rights that sniffer_device and sniffer_reader need in this schema and do not have, each as the words behind GRANT; none for a role '
    'that is not there. Anybody may ask.';

CREATE FUNCTION sniffer.grant_roles() RETURNS text
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    missing text[] := '{}';
    wanted  record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('sniffer_device', 'Loads rows of network-sniffer into schema sniffer, and reads none; GRANT it to the devices'' login roles.'),
            ('sniffer_reader', 'Reads schema sniffer of network-sniffer, and changes nothing; GRANT it to people''s login roles.')
        ) AS w (role, comment)
    LOOP
        IF to_regrole(wanted.role) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted.role);
                EXECUTE format('COMMENT ON ROLE %I IS %L', wanted.role, wanted.comment);
            EXCEPTION
                WHEN insufficient_privilege THEN
                    missing := missing || wanted.role;
                WHEN duplicate_object OR unique_violation THEN
                    NULL; -- another database of this server was quicker
            END;
        END IF;
    END LOOP;

    -- What is granted already is left alone: a GRANT that changes nothing would still be written to the catalog.
    FOR wanted IN SELECT text FROM sniffer.missing_grants() AS text LOOP
        EXECUTE 'GRANT ' || wanted.text;
    END LOOP;

    IF missing <> '{}' THEN
        RAISE NOTICE 'sniffer.grant_roles: % may not make the roles %', current_user, array_to_string(missing, ', ')
            USING HINT = 'Let an administrator run CREATE ROLE … NOLOGIN for each of them, then SELECT sniffer.grant_roles() again.';
    END IF;
    RETURN array_to_string(missing, ' ');
END
$function$;

COMMENT ON FUNCTION sniffer.grant_roles() IS
    'Makes the roles sniffer_device and sniffer_reader where its caller may, and grants them what they need in this schema; returns the '
    'roles that are not there, with a space between. For the owner of the schema; it may be repeated, and revokes nothing.';

REVOKE ALL ON FUNCTION sniffer.grant_roles() FROM PUBLIC;

SELECT sniffer.grant_roles();

------------------------------------------------------------------------------------------------------------------------
-- Losses by the hour. The new columns stand behind the others: only so can a view be replaced that other views may stand on.
--
-- From here on readers wait. A query takes the view before its tables, and so does this; but a transaction may have read coverage
-- through another view and want losses next, which is the other way round. This side then gives up before the server looks for a
-- deadlock (deadlock_timeout, 1 s unless changed) and ends one of the two.
------------------------------------------------------------------------------------------------------------------------

SET LOCAL lock_timeout = '500ms';

CREATE OR REPLACE VIEW sniffer.losses AS
SELECT l.device_id,
       d.name AS device,
       l.run_id,
       l.interface,
       l.sequence,
       c.from_ts,
       c.to_ts,
       l.reason,
       l.packets,
       h.hour,
       h.received,
       round(l.packets::numeric / nullif(h.received, 0), 9) AS share
FROM sniffer.coverage_losses l
LEFT JOIN sniffer.coverage c
       ON c.device_id = l.device_id AND c.run_id = l.run_id AND c.sequence = l.sequence AND c.interface = l.interface
LEFT JOIN (
    SELECT device_id, interface, date_trunc('hour', from_ts, 'UTC') AS hour, sum(received)::bigint AS received
    FROM sniffer.coverage
    GROUP BY device_id, interface, date_trunc('hour', from_ts, 'UTC')
) AS h ON h.device_id = c.device_id AND h.interface = c.interface AND h.hour = date_trunc('hour', c.from_ts, 'UTC')
LEFT JOIN sniffer.devices d ON d.device_id = l.device_id;

COMMENT ON VIEW   sniffer.losses          IS 'What was lost, when and why: one row per device, run, interface, interval and reason. How much of an hour is not there: SELECT interface, reason, sum(packets), sum(share) FROM sniffer.losses WHERE device_id = … AND hour = … GROUP BY 1, 2. What never came so far as to be received: sniffer.visibility.';
COMMENT ON COLUMN sniffer.losses.hour     IS 'Begin of the hour, of UTC, in which the interval began; NULL when the interval itself is not stored.';
COMMENT ON COLUMN sniffer.losses.received IS 'Frames that the device received on the interface in that whole hour, all runs together; the same number in every row of the hour.';
COMMENT ON COLUMN sniffer.losses.share    IS 'packets as a share of received, 0 to 1: over all rows of an hour and reason the sum is what this reason cost of the hour. NULL when nothing was received or the interval is not stored.';

------------------------------------------------------------------------------------------------------------------------
-- What a segment's time stamps are worth
------------------------------------------------------------------------------------------------------------------------

ALTER TABLE sniffer.coverage
    ADD COLUMN clock_state text,
    ADD COLUMN clock_shift interval;

COMMENT ON COLUMN sniffer.coverage.clock_state IS 'The device''s clock when the segment was closed: unset (it showed a time from before the program was built: the time stamps are wrong, unless clock_shift says by how much they were mended), free (plausible, but nobody disciplines it), synced (by NTP or the like). NULL when it is not told.';
COMMENT ON COLUMN sniffer.coverage.clock_shift IS 'What was added to the times of the segment''s rows and of this interval when they were sent, because the clock had been set since; NULL for nothing.';

-- One span a device, and not one a segment: a router whose clock nobody ever sets has a segment a second, and each of its rows would be
-- held against all of them. What the span takes in besides stays longer, not shorter.
CREATE FUNCTION sniffer.undated(from_ts timestamptz, to_ts timestamptz, stored_since timestamptz)
    RETURNS TABLE (device_id bigint, first_ts timestamptz, last_ts timestamptz)
    LANGUAGE sql STABLE
AS $function$
    SELECT s.device_id, min(greatest(s.first_ts, from_ts)), max(least(s.last_ts, to_ts))
    FROM sniffer.segments s
    WHERE s.first_ts < to_ts AND s.last_ts >= from_ts AND s.stored_at >= stored_since AND EXISTS (
        SELECT FROM sniffer.coverage c
        WHERE c.device_id = s.device_id AND c.run_id = s.run_id AND c.sequence = s.sequence
          AND c.clock_state = 'unset' AND c.clock_shift IS NULL)
    GROUP BY s.device_id
$function$;

COMMENT ON FUNCTION sniffer.undated(timestamptz, timestamptz, timestamptz) IS
    'The spans, between from_ts and to_ts, in which rows may lie that devices with a clock that was not set recorded, and that were stored at '
    'stored_since or later: one a device.';

REVOKE ALL ON FUNCTION sniffer.undated(timestamptz, timestamptz, timestamptz) FROM PUBLIC;
