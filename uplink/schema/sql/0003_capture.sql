-- network-sniffer, schema version 3: coverage tells how it was looked (sampling, mode), what the host had changed, and what the
-- interface itself counted; every coverage row balances by itself; and a view of what was visible.
--
-- All of it changes the catalog alone: no row is written again. It waits for queries on coverage and on the views to end and makes
-- new ones wait meanwhile, so lock_timeout bounds that, as in version 2. When it gives up (55P03), nothing was changed and
-- `sniffer schema apply` may be repeated. Daemons of before go on storing: what they do not tell is NULL.

SET LOCAL lock_timeout = '3s';

-- The view and, with it, the tables below it, in the order in which a reader's query takes them: the other way round the two could
-- wait for each other. Writers take the tables in this order too.
LOCK TABLE sniffer.books IN ACCESS EXCLUSIVE MODE;

ALTER TABLE sniffer.coverage
    ALTER COLUMN pending DROP NOT NULL,
    ADD COLUMN pending_change    bigint,
    ADD COLUMN sample_rate       int,
    ADD COLUMN sample_by         text,
    ADD COLUMN capture_mode      text,
    ADD COLUMN user_filter       boolean,
    ADD COLUMN freezes           bigint,
    ADD COLUMN merged_frames     bigint,
    ADD COLUMN partial_checksums bigint,
    ADD COLUMN link_received     bigint,
    ADD COLUMN link_sent         bigint,
    ADD COLUMN link_dropped      bigint;

COMMENT ON TABLE  sniffer.coverage                   IS 'What was watched: one row per segment and interface, for the interval the segment covers. No row for a time means that nobody looked. Each row balances by itself: received = row_count + its losses + pending_change. To read: sniffer.visibility and sniffer.books.';
COMMENT ON COLUMN sniffer.coverage.interface         IS 'Name of the interface that was watched. "any" watches all of them: those that had rows have an entry of their own too, of which received and row_count are these rows; everything else stands with "any".';
COMMENT ON COLUMN sniffer.coverage.from_ts           IS 'Begin of the interval, included; of several workers of an interface the earliest.';
COMMENT ON COLUMN sniffer.coverage.to_ts             IS 'End of the interval, not included; of several workers of an interface the latest.';
COMMENT ON COLUMN sniffer.coverage.received          IS 'Frames that passed the filter and were not sampled away in the interval, by the kernel''s count. Each stands for sample_rate frames.';
COMMENT ON COLUMN sniffer.coverage.row_count         IS 'Frames that became rows of this segment. Each stands for sample_rate frames.';
COMMENT ON COLUMN sniffer.coverage.pending           IS 'Of daemons that tell no pending_change: frames the kernel had counted but that were still in the ring at the interval''s end, rows or losses of a later interval. NULL of all others.';
COMMENT ON COLUMN sniffer.coverage.pending_change    IS 'By how many more frames waited in the rings at the interval''s end than at its begin, counted by the kernel and not yet rows or losses; negative when fewer did. NULL: pending tells instead.';
COMMENT ON COLUMN sniffer.coverage.sample_rate       IS 'One of so many frames was let through, at random; 1 for all of them. NULL of daemons that could not sample: all of them.';
COMMENT ON COLUMN sniffer.coverage.sample_by         IS 'What was chosen at random: flow (whole conversations are kept or left out) or packet (each frame by itself). NULL when nothing was sampled away.';
COMMENT ON COLUMN sniffer.coverage.capture_mode      IS 'How the frames came: ring (the kernel''s shared memory), read (a socket without a ring, one call a frame), file (a savefile, uploaded later). NULL when it is not told.';
COMMENT ON COLUMN sniffer.coverage.user_filter       IS 'The kernel refused the filter''s program and it ran in the daemon: the same rows at the price of more work and sooner losses; the loss ring_full then counts frames too that the filter would have refused. NULL when it is not told.';
COMMENT ON COLUMN sniffer.coverage.freezes           IS 'How often the ring was full and the kernel stopped filling it; the frames it dropped meanwhile are the loss ring_full. NULL when it is not told.';
COMMENT ON COLUMN sniffer.coverage.merged_frames     IS 'Frames in which the host had merged several wire segments (GRO, GSO) before they were seen; packets.wire_segments says about how many. NULL when it is not told.';
COMMENT ON COLUMN sniffer.coverage.partial_checksums IS 'Frames seen before the network card wrote their checksum (transmit offload): no sign of damage. NULL when it is not told.';
COMMENT ON COLUMN sniffer.coverage.link_received     IS 'Frames received by the interface''s own counter, whatever the filter and sampling; read a moment before or after the others, and mostly before the host merges frames. NULL when not known.';
COMMENT ON COLUMN sniffer.coverage.link_sent         IS 'Frames sent by the interface''s own counter; NULL when not known.';
COMMENT ON COLUMN sniffer.coverage.link_dropped      IS 'Frames that the interface itself dropped on their way in, by its own counters: nobody was shown them. NULL when not known.';

-- pending, the sum of what each interval changed; of a run whose daemon told the number instead, the last one. New columns stand
-- behind those of version 1: only so can a view be replaced that other views may stand on.
CREATE OR REPLACE VIEW sniffer.books AS
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
       b.last_ts,
       b.sample_rate
FROM (
    SELECT device_id,
           run_id,
           interface,
           sum(received)::bigint  AS received,
           sum(row_count)::bigint AS row_count,
           sum(losses)::bigint    AS losses,
           coalesce((array_agg(pending ORDER BY sequence DESC) FILTER (WHERE pending IS NOT NULL))[1], 0)
               + coalesce(sum(pending_change), 0)::bigint AS pending,
           min(from_ts) AS first_ts,
           max(to_ts)   AS last_ts,
           coalesce(max(sample_rate), 1) AS sample_rate
    FROM (
        SELECT device_id, run_id, interface, sequence, received, row_count, 0::bigint AS losses, pending, pending_change, from_ts, to_ts, sample_rate
        FROM sniffer.coverage
        UNION ALL
        SELECT device_id, run_id, interface, sequence, 0, 0, packets, NULL, NULL, NULL, NULL, NULL
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

COMMENT ON VIEW   sniffer.books             IS 'Do the books balance? One row per device, run and interface, over everything stored of it. All frames are counted after filter and sampling: of a sampled run each row and each loss stands for sample_rate frames. What never came so far: sniffer.visibility.';
COMMENT ON COLUMN sniffer.books.received    IS 'Frames that passed the filter and were not sampled away, all intervals together.';
COMMENT ON COLUMN sniffer.books.row_count   IS 'Frames that became rows, all intervals together; each stands for the sample_rate of its interval.';
COMMENT ON COLUMN sniffer.books.pending     IS 'Frames received but still in the rings at the end of the last interval.';
COMMENT ON COLUMN sniffer.books.sample_rate IS 'The highest sampling rate of its intervals: 1 when nothing was sampled away.';
COMMENT ON COLUMN sniffer.losses.packets    IS 'Packets lost for this reason in the interval; when it was sampled, each stands for coverage.sample_rate of them.';

-- An interval counts for the hour in which it began.
CREATE VIEW sniffer.visibility AS
SELECT v.device_id,
       d.name AS device,
       v.run_id,
       v.interface,
       v.hour,
       v.link_frames,
       v.received,
       v.estimated,
       v.link_frames - least(v.received, v.link_frames) AS unseen,
       round((v.link_frames - least(v.received, v.link_frames))::numeric / nullif(v.link_frames, 0), 4) AS unseen_share,
       v.row_count,
       v.sample_rate,
       v.sample_by,
       v.capture_mode,
       v.user_filter,
       v.filter,
       v.snap_length,
       v.freezes,
       v.merged_frames,
       v.partial_checksums,
       v.link_received,
       v.link_sent,
       v.link_dropped,
       v.first_ts,
       v.last_ts
FROM (
    SELECT device_id,
           run_id,
           interface,
           date_trunc('hour', from_ts, 'UTC')                                 AS hour,
           sum(link_received + link_sent)::bigint                             AS link_frames,
           sum(received)::bigint                                              AS received,
           sum(received * coalesce(sample_rate, 1))::bigint                   AS estimated,
           sum(row_count)::bigint                                             AS row_count,
           coalesce(max(sample_rate), 1)                                      AS sample_rate,
           string_agg(DISTINCT sample_by, ',' ORDER BY sample_by)             AS sample_by,
           string_agg(DISTINCT capture_mode, ',' ORDER BY capture_mode)       AS capture_mode,
           bool_or(user_filter)                                               AS user_filter,
           string_agg(DISTINCT nullif(filter, ''), ' | ' ORDER BY nullif(filter, '')) AS filter,
           min(snap_length)                                                   AS snap_length,
           sum(freezes)::bigint                                               AS freezes,
           sum(merged_frames)::bigint                                         AS merged_frames,
           sum(partial_checksums)::bigint                                     AS partial_checksums,
           sum(link_received)::bigint                                         AS link_received,
           sum(link_sent)::bigint                                             AS link_sent,
           sum(link_dropped)::bigint                                          AS link_dropped,
           min(from_ts)                                                       AS first_ts,
           max(to_ts)                                                         AS last_ts
    FROM sniffer.coverage
    GROUP BY device_id, run_id, interface, date_trunc('hour', from_ts, 'UTC')
) AS v
LEFT JOIN sniffer.devices d ON d.device_id = v.device_id;

COMMENT ON VIEW   sniffer.visibility                   IS 'How much of the traffic could be seen? One row per device, run, interface and hour: what the interface counted, what came so far as to be received, and what kept the rest away. Between received and rows: sniffer.books and sniffer.losses.';
COMMENT ON COLUMN sniffer.visibility.device_id         IS 'The device.';
COMMENT ON COLUMN sniffer.visibility.device            IS 'Name of the device; NULL when sniffer.devices does not know it.';
COMMENT ON COLUMN sniffer.visibility.run_id            IS 'The start of the daemon.';
COMMENT ON COLUMN sniffer.visibility.interface         IS 'The interface.';
COMMENT ON COLUMN sniffer.visibility.hour              IS 'Begin of the hour, of UTC, in which the intervals began.';
COMMENT ON COLUMN sniffer.visibility.link_frames       IS 'Frames that the interface received and sent by its own counters; NULL when they are not known. Hardware that forwards by itself may not count them either.';
COMMENT ON COLUMN sniffer.visibility.received          IS 'Frames that passed the filter and were not sampled away, by the kernel''s count: rows, losses and what waits.';
COMMENT ON COLUMN sniffer.visibility.estimated         IS 'received times the sample_rate of each interval: about how many frames passed the filter; rough when flows are sampled and a few of them have most of the frames.';
COMMENT ON COLUMN sniffer.visibility.unseen            IS 'link_frames less received: filtered, sampled away, merged by the host into others, or never shown. The two counters are not read at the same moment, which short or quiet hours show; never negative.';
COMMENT ON COLUMN sniffer.visibility.unseen_share      IS 'unseen as a share of link_frames, 0 to 1; NULL when the interface counted nothing or is not known.';
COMMENT ON COLUMN sniffer.visibility.row_count         IS 'Frames that became rows.';
COMMENT ON COLUMN sniffer.visibility.sample_rate       IS 'The highest sampling rate of the hour: one of so many frames was let through; 1 for all.';
COMMENT ON COLUMN sniffer.visibility.sample_by         IS 'What was chosen at random: flow or packet; NULL when nothing was sampled away.';
COMMENT ON COLUMN sniffer.visibility.capture_mode      IS 'How the frames came: ring, read or file; several with commas; NULL when it is not told.';
COMMENT ON COLUMN sniffer.visibility.user_filter       IS 'The filter ran in the daemon for a part of the hour at least; NULL when it is not told.';
COMMENT ON COLUMN sniffer.visibility.filter            IS 'The filters that were in force, pcap-filter(7) expressions with | between; NULL when there was none.';
COMMENT ON COLUMN sniffer.visibility.snap_length       IS 'Bytes kept of each frame for decoding at most, the lowest of the hour; NULL for all of them.';
COMMENT ON COLUMN sniffer.visibility.freezes           IS 'How often the ring was full; NULL when it is not told.';
COMMENT ON COLUMN sniffer.visibility.merged_frames     IS 'Frames in which the host had merged several wire segments; NULL when it is not told.';
COMMENT ON COLUMN sniffer.visibility.partial_checksums IS 'Frames seen before the network card wrote their checksum; NULL when it is not told.';
COMMENT ON COLUMN sniffer.visibility.link_received     IS 'Frames received by the interface''s own counter; NULL when not known.';
COMMENT ON COLUMN sniffer.visibility.link_sent         IS 'Frames sent by the interface''s own counter; NULL when not known.';
COMMENT ON COLUMN sniffer.visibility.link_dropped      IS 'Frames that the interface itself dropped on their way in; NULL when not known.';
COMMENT ON COLUMN sniffer.visibility.first_ts          IS 'Begin of the hour''s first interval.';
COMMENT ON COLUMN sniffer.visibility.last_ts           IS 'End of the hour''s last interval.';

-- Whoever was allowed to read books may read the new view too: "ALL TABLES" in the grants of version 1 meant those of that day.
DO $$
DECLARE
    reader record;
BEGIN
    FOR reader IN
        SELECT DISTINCT a.grantee AS id
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'sniffer.books'::regclass AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
    LOOP
        EXECUTE 'GRANT SELECT ON sniffer.visibility TO ' || CASE reader.id WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(reader.id)) END;
    END LOOP;
END
$$;
