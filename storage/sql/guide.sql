-- Statements for the tables of the guide: device_metrics and device_state_records. What each must return stands in
-- storage/README.md. A file for --sql-file looks like this one and replaces the statements that it names.
-- Write CAST(x AS t), never x::t; which parameters a statement has stands there too.

-- name: clock
SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) AS now_us

-- name: metrics_window
-- The innermost SELECT takes the newest rows in the order of the index (device_uuid, recorded_at DESC): nothing is sorted,
-- and of a partitioned table only the newest partitions are read. Rows of one batch have one stamp, and the index returns
-- them in the order of their insertion: LIMIT would keep the oldest of the batch that it cuts, so WITH TIES reads that
-- whole, and the gateway cuts. LIMIT bounds what a batch of any size may cost. The newest row is the last of the first batch.
-- Not every installation has cpu_temp and the two storage columns. `known` offers those names outside, so that inside
-- `present` they mean the table's columns where it has them, and NULL where not: the planner resolves all of that.
SELECT CAST(extract(epoch FROM w.recorded_at) * 1000000 AS bigint) AS recorded_at_us,
       CAST(w.cpu_usage AS text) AS cpu_usage,
       present.cpu_temp,
       CAST(w.memory_usage AS text) AS memory_usage,
       CAST(w.memory_total AS text) AS memory_total,
       present.storage_usage,
       present.storage_total,
       CAST(w.network_rx AS text) AS network_rx,
       CAST(w.network_tx AS text) AS network_tx,
       CASE WHEN w.recorded_at = first_value(w.recorded_at) OVER ()
             AND w.recorded_at IS DISTINCT FROM lead(w.recorded_at) OVER ()
            THEN CAST(row_to_json(w) AS text) END AS newest_json
FROM (SELECT *
      FROM (SELECT *
            FROM device_metrics
            WHERE device_uuid = :device AND isfinite(recorded_at)
            ORDER BY recorded_at DESC
            FETCH FIRST :points ROWS WITH TIES) AS newest
      LIMIT 4000) AS w
CROSS JOIN (SELECT NULL AS cpu_temp, NULL AS storage_usage, NULL AS storage_total) AS known
CROSS JOIN LATERAL (SELECT CAST(cpu_temp AS text) AS cpu_temp,
                           CAST(storage_usage AS text) AS storage_usage,
                           CAST(storage_total AS text) AS storage_total
                    FROM (SELECT w.*) AS columns_of_w) AS present

-- name: range_count
-- How many rows a range has, but no more than :points: an index alone answers that.
SELECT count(*)
FROM (SELECT
      FROM device_metrics
      WHERE device_uuid = :device AND recorded_at >= :from AND recorded_at < :to
      LIMIT :points) AS found

-- name: range_rows
-- A range whole, newest first: only its partitions are read, in the order of the index.
SELECT CAST(extract(epoch FROM recorded_at) * 1000000 AS bigint) AS recorded_at_us,
       CAST(cpu_usage AS text) AS cpu_usage,
       CAST(memory_usage AS text) AS memory_usage,
       CAST(memory_total AS text) AS memory_total,
       CAST(network_rx AS text) AS network_rx,
       CAST(network_tx AS text) AS network_tx
FROM device_metrics
WHERE device_uuid = :device AND recorded_at >= :from AND recorded_at < :to
ORDER BY recorded_at DESC
LIMIT :points

-- name: range_extremes
-- A range in :buckets pieces, each read by the index for itself, so that whatever the range nothing large is sorted, hashed
-- or kept. Of each piece the rows stay that hold the least and the greatest of a charted series; of equals the newest.
-- `asked` gives the parameters the type of the column: TIMESTAMP or TIMESTAMPTZ.
-- A text column counts by the number that it begins with; NaN and infinities are no extremes.
SELECT CAST(extract(epoch FROM extremes.recorded_at) * 1000000 AS bigint) AS recorded_at_us,
       CAST(extremes.cpu_usage AS text) AS cpu_usage,
       CAST(extremes.memory_usage AS text) AS memory_usage,
       CAST(extremes.memory_total AS text) AS memory_total,
       CAST(extremes.network_rx AS text) AS network_rx,
       CAST(extremes.network_tx AS text) AS network_tx
FROM (SELECT COALESCE((SELECT recorded_at FROM device_metrics WHERE false), :from) AS low,
             COALESCE((SELECT recorded_at FROM device_metrics WHERE false), :to) AS high,
             CAST(:buckets AS double precision) AS buckets) AS asked
CROSS JOIN generate_series(CAST(:buckets AS integer), 1, -1) AS bucket(i)
CROSS JOIN LATERAL (
  WITH piece AS MATERIALIZED (
    SELECT m.recorded_at, m.cpu_usage, m.memory_usage, m.memory_total, m.network_rx, m.network_tx,
           row_number() OVER (ORDER BY m.recorded_at DESC) AS n,
           CASE WHEN pg_typeof(m.cpu_usage) IN ('text', 'character varying')
                THEN CAST(substring(CAST(m.cpu_usage AS text) FROM '^\s*([-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)') AS double precision)
                ELSE CAST(m.cpu_usage AS double precision) END AS cpu,
           CASE WHEN pg_typeof(m.memory_usage) IN ('text', 'character varying')
                THEN CAST(substring(CAST(m.memory_usage AS text) FROM '^\s*([-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)') AS double precision)
                ELSE CAST(m.memory_usage AS double precision) END AS memory,
           CASE WHEN pg_typeof(m.network_rx) IN ('text', 'character varying')
                THEN CAST(substring(CAST(m.network_rx AS text) FROM '^\s*([-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)') AS double precision)
                ELSE CAST(m.network_rx AS double precision) END AS rx,
           CASE WHEN pg_typeof(m.network_tx) IN ('text', 'character varying')
                THEN CAST(substring(CAST(m.network_tx AS text) FROM '^\s*([-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)') AS double precision)
                ELSE CAST(m.network_tx AS double precision) END AS tx
    FROM device_metrics AS m
    WHERE m.device_uuid = :device
      AND m.recorded_at >= asked.low + (asked.high - asked.low) * ((bucket.i - 1) / asked.buckets)
      AND m.recorded_at < asked.low + (asked.high - asked.low) * (bucket.i / asked.buckets)),
  extreme AS MATERIALIZED (
    SELECT min(cpu) AS cpu_min, max(cpu) FILTER (WHERE cpu < 'Infinity') AS cpu_max,
           min(memory) AS memory_min, max(memory) FILTER (WHERE memory < 'Infinity') AS memory_max,
           min(rx) AS rx_min, max(rx) FILTER (WHERE rx < 'Infinity') AS rx_max,
           min(tx) AS tx_min, max(tx) FILTER (WHERE tx < 'Infinity') AS tx_max
    FROM piece)
  SELECT *
  FROM piece
  WHERE n = ANY (CAST((SELECT ARRAY[min(n) FILTER (WHERE cpu = cpu_min), min(n) FILTER (WHERE cpu = cpu_max),
                               min(n) FILTER (WHERE memory = memory_min), min(n) FILTER (WHERE memory = memory_max),
                               min(n) FILTER (WHERE rx = rx_min), min(n) FILTER (WHERE rx = rx_max),
                               min(n) FILTER (WHERE tx = tx_min), min(n) FILTER (WHERE tx = tx_max)]
                  FROM piece CROSS JOIN extreme) AS bigint[]))
) AS extremes

-- name: range_mean
-- The same pieces, and of each that has rows the means.
SELECT CAST(mean.epoch * 1000000 AS bigint) AS recorded_at_us,
       CAST(mean.cpu AS text) AS cpu_usage,
       CAST(mean.memory AS text) AS memory_usage,
       CAST(mean.total AS text) AS memory_total,
       CAST(mean.rx AS text) AS network_rx,
       CAST(mean.tx AS text) AS network_tx
FROM (SELECT COALESCE((SELECT recorded_at FROM device_metrics WHERE false), :from) AS low,
             COALESCE((SELECT recorded_at FROM device_metrics WHERE false), :to) AS high,
             CAST(:buckets AS double precision) AS buckets) AS asked
CROSS JOIN generate_series(CAST(:buckets AS integer), 1, -1) AS bucket(i)
CROSS JOIN LATERAL (
  SELECT avg(extract(epoch FROM piece.recorded_at)) AS epoch,
         avg(cpu) FILTER (WHERE abs(cpu) < 'Infinity') AS cpu,
         avg(memory) FILTER (WHERE abs(memory) < 'Infinity') AS memory,
         avg(total) FILTER (WHERE abs(total) < 'Infinity') AS total,
         avg(rx) FILTER (WHERE abs(rx) < 'Infinity') AS rx,
         avg(tx) FILTER (WHERE abs(tx) < 'Infinity') AS tx
  FROM (SELECT m.recorded_at,
               CASE WHEN pg_typeof(m.cpu_usage) IN ('text', 'character varying')
                THEN CAST(substring(CAST(m.cpu_usage AS text) FROM '^\s*([-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)') AS double precision)
                ELSE CAST(m.cpu_usage AS double precision) END AS cpu,
               CASE WHEN pg_typeof(m.memory_usage) IN ('text', 'character varying')
                THEN CAST(substring(CAST(m.memory_usage AS text) FROM '^\s*([-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)') AS double precision)
                ELSE CAST(m.memory_usage AS double precision) END AS memory,
               CASE WHEN pg_typeof(m.memory_total) IN ('text', 'character varying')
                THEN CAST(substring(CAST(m.memory_total AS text) FROM '^\s*([-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)') AS double precision)
                ELSE CAST(m.memory_total AS double precision) END AS total,
               CASE WHEN pg_typeof(m.network_rx) IN ('text', 'character varying')
                THEN CAST(substring(CAST(m.network_rx AS text) FROM '^\s*([-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)') AS double precision)
                ELSE CAST(m.network_rx AS double precision) END AS rx,
               CASE WHEN pg_typeof(m.network_tx) IN ('text', 'character varying')
                THEN CAST(substring(CAST(m.network_tx AS text) FROM '^\s*([-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)') AS double precision)
                ELSE CAST(m.network_tx AS double precision) END AS tx
        FROM device_metrics AS m
        WHERE m.device_uuid = :device
          AND m.recorded_at >= asked.low + (asked.high - asked.low) * ((bucket.i - 1) / asked.buckets)
          AND m.recorded_at < asked.low + (asked.high - asked.low) * (bucket.i / asked.buckets)) AS piece
  HAVING count(*) > 0
) AS mean

-- name: rows_after
-- The oldest rows after a time, newest first. The index backwards says how far they reach; they are then read forwards,
-- since of rows with one stamp only a forward scan keeps the order of their insertion: backwards it is the opposite, or
-- the same where the index has merged duplicates. So the last batch comes whole. As in metrics_window `known` offers the
-- names of columns that not every installation has; where they mean that, the value is the word absent.
SELECT CAST(extract(epoch FROM w.recorded_at) * 1000000 AS bigint) AS recorded_at_us,
       CAST(w.cpu_usage AS text) AS cpu_usage,
       present.cpu_temp,
       CAST(w.memory_usage AS text) AS memory_usage,
       CAST(w.memory_total AS text) AS memory_total,
       present.storage_usage,
       present.storage_total,
       CAST(w.network_rx AS text) AS network_rx,
       CAST(w.network_tx AS text) AS network_tx
FROM (SELECT *
      FROM device_metrics
      WHERE device_uuid = :device AND recorded_at > :after AND isfinite(recorded_at)
        AND recorded_at <= (SELECT max(recorded_at)
                            FROM (SELECT recorded_at
                                  FROM device_metrics
                                  WHERE device_uuid = :device AND recorded_at > :after AND isfinite(recorded_at)
                                  ORDER BY recorded_at
                                  LIMIT :points) AS oldest)
      ORDER BY recorded_at DESC
      LIMIT 4000) AS w
CROSS JOIN (SELECT 'absent' AS cpu_temp, 'absent' AS storage_usage, 'absent' AS storage_total) AS known
CROSS JOIN LATERAL (SELECT CAST(cpu_temp AS text) AS cpu_temp,
                           CAST(storage_usage AS text) AS storage_usage,
                           CAST(storage_total AS text) AS storage_total
                    FROM (SELECT w.*) AS columns_of_w) AS present

-- name: latest_state
-- Of rows with the newest stamp the last: it was inserted last. LIMIT bounds what a batch of any size may cost.
-- to_json gives a number for a numeric column and a string for any other, whatever type the installation chose.
SELECT CAST(extract(epoch FROM recorded_at) * 1000000 AS bigint) AS recorded_at_us,
       CAST(to_json(os_version) AS text) AS os,
       CAST(to_json(architecture) AS text) AS architecture,
       CAST(to_json(uptime) AS text) AS uptime,
       CAST(to_json(hostname) AS text) AS hostname,
       CAST(to_json(ip_address) AS text) AS ip_address,
       CAST(to_json(mac_address) AS text) AS mac_address,
       CAST(top_processes AS text) AS top_processes,
       CAST(network_interfaces AS text) AS network_interfaces
FROM (SELECT *, lead(recorded_at) OVER () AS recorded_with_it
      FROM (SELECT *
            FROM (SELECT *
                  FROM device_state_records
                  WHERE device_uuid = :device AND isfinite(recorded_at)
                  ORDER BY recorded_at DESC
                  FETCH FIRST 1 ROW WITH TIES) AS newest
            LIMIT 1000) AS batch) AS latest
WHERE recorded_with_it IS NULL
