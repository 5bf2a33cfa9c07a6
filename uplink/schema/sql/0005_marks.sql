-- network-sniffer, schema version 5: marks, and the words for rows that clients of the console sent.
--
-- All of it changes the catalog alone: no row is written again. lock_timeout bounds the waits, as in version 2: when it gives up
-- (55P03), nothing was changed and `sniffer schema apply` may be repeated. Daemons of before go on storing with the rights that
-- they have: they know of no marks, and lose none.

SET LOCAL lock_timeout = '3s';

------------------------------------------------------------------------------------------------------------------------
-- Marks: notes that people leave among what is recorded
------------------------------------------------------------------------------------------------------------------------

-- The key is that of the segment which brought the mark, so that both are stored exactly once. Marks are a few a day, and no index
-- by time is worth its upkeep.
CREATE TABLE sniffer.marks (
    device_id   bigint      NOT NULL,
    run_id      uuid        NOT NULL,
    sequence    bigint      NOT NULL,
    number      int         NOT NULL,
    ts          timestamptz NOT NULL,
    author      text        NOT NULL,
    text        text        NOT NULL,
    clock_state text,
    clock_shift interval,
    PRIMARY KEY (device_id, run_id, sequence, number)
);

COMMENT ON TABLE  sniffer.marks             IS 'Notes that people left with the console''s command mark, so that a change made on the network is found again: one row per mark. They are part of the ledger: retention leaves them. Of marks that a full spool had no room for segments.lost_marks tells the number. To read: sniffer.marks_readable.';
COMMENT ON COLUMN sniffer.marks.device_id   IS 'The device on which it was left.';
COMMENT ON COLUMN sniffer.marks.run_id      IS 'The run of the segment.';
COMMENT ON COLUMN sniffer.marks.sequence    IS 'The segment that carried it.';
COMMENT ON COLUMN sniffer.marks.number      IS 'Its number in the segment, from 1.';
COMMENT ON COLUMN sniffer.marks.ts          IS 'When it was left, by the clock that stamps the packets: it stands at its place among their ts.';
COMMENT ON COLUMN sniffer.marks.author      IS 'Who left it, as the device knows: "console" and the address of the client.';
COMMENT ON COLUMN sniffer.marks.text        IS 'What was noted: printable text, 256 bytes at most.';
COMMENT ON COLUMN sniffer.marks.clock_state IS 'The device''s clock when the mark was left, in the words of coverage.clock_state; NULL when it is not told.';
COMMENT ON COLUMN sniffer.marks.clock_shift IS 'What was added to ts when the mark was sent, because the clock had been set since; NULL for nothing.';

CREATE VIEW sniffer.marks_readable AS
SELECT m.device_id,
       d.name AS device,
       m.ts,
       lead(m.ts, 1, 'infinity') OVER (PARTITION BY m.device_id ORDER BY m.ts, m.run_id, m.sequence, m.number) AS until_ts,
       m.author,
       m.text,
       m.run_id,
       m.clock_state
FROM sniffer.marks m
LEFT JOIN sniffer.devices d ON d.device_id = m.device_id;

COMMENT ON VIEW   sniffer.marks_readable             IS 'Marks with the name of their device, each with the span up to the next: what came in between, for each mark and interface: SELECT m.ts, m.text, c.interface, sum(c.received) FROM sniffer.marks_readable m JOIN sniffer.coverage c ON c.device_id = m.device_id AND c.from_ts >= m.ts AND c.from_ts < m.until_ts GROUP BY 1, 2, 3 ORDER BY 1, 3. In the same way beside sniffer.losses, by its from_ts, and sniffer.visibility, by its hour.';
COMMENT ON COLUMN sniffer.marks_readable.device_id   IS 'The device on which it was left.';
COMMENT ON COLUMN sniffer.marks_readable.device      IS 'Name of the device; NULL when sniffer.devices does not know it.';
COMMENT ON COLUMN sniffer.marks_readable.ts          IS 'When it was left, among the ts of the packets.';
COMMENT ON COLUMN sniffer.marks_readable.until_ts    IS 'When the device''s next mark was left; infinity for the last one.';
COMMENT ON COLUMN sniffer.marks_readable.author      IS 'Who left it: "console" and the address of the client.';
COMMENT ON COLUMN sniffer.marks_readable.text        IS 'What was noted.';
COMMENT ON COLUMN sniffer.marks_readable.run_id      IS 'The start of the daemon.';
COMMENT ON COLUMN sniffer.marks_readable.clock_state IS 'The device''s clock when the mark was left: unset, free or synced; NULL when it is not told.';

------------------------------------------------------------------------------------------------------------------------
-- Rows that clients of the console sent
------------------------------------------------------------------------------------------------------------------------

COMMENT ON COLUMN sniffer.coverage.capture_mode   IS 'How the frames came: ring (the kernel''s shared memory), read (a socket without a ring, one call a frame), file (a savefile, uploaded later), push (sent by clients of the console, not captured). NULL when it is not told.';
COMMENT ON COLUMN sniffer.visibility.capture_mode IS 'How the frames came: ring, read, file or push; several with commas; NULL when it is not told.';
COMMENT ON COLUMN sniffer.coverage_losses.reason  IS 'Name of the counter: the place and cause of the loss; push_refused: sent by a client of the console, and not understood or of a time that nobody knows.';
COMMENT ON COLUMN sniffer.packets.interface       IS 'Name of the interface on the device at the time of recording; "push", or "push" and an address: a client of the console sent the row, whose lengths and direction are 0 and unknown when it did not tell them.';

------------------------------------------------------------------------------------------------------------------------
-- Rights
------------------------------------------------------------------------------------------------------------------------

-- As in version 4, and sniffer_device may store marks.
CREATE OR REPLACE FUNCTION sniffer.missing_grants() RETURNS SETOF text
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
        FROM roles, relations WHERE relname IN ('packets', 'segments', 'coverage', 'coverage_losses', 'marks')
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

-- Whoever was allowed to load before may store marks too, and whoever was allowed to read books may read them.
DO $$
DECLARE
    known record;
BEGIN
    FOR known IN
        SELECT DISTINCT 'INSERT ON sniffer.marks' AS what, a.grantee AS id
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'sniffer.segments'::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner
        UNION ALL
        SELECT DISTINCT 'SELECT ON sniffer.marks, sniffer.marks_readable', a.grantee
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'sniffer.books'::regclass AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT %s TO %s', known.what, CASE known.id WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(known.id)) END);
    END LOOP;
END
$$;

SELECT sniffer.grant_roles();

------------------------------------------------------------------------------------------------------------------------
-- Marks that were lost. This comes last: from here on whoever stores or reads segments waits.
------------------------------------------------------------------------------------------------------------------------

ALTER TABLE sniffer.segments ADD COLUMN lost_marks bigint NOT NULL DEFAULT 0;

COMMENT ON COLUMN sniffer.segments.lost_marks IS 'Marks that are not in sniffer.marks: the spool was full, their segments became this one, and it had no room for them.';
