-- Statements for the tables of the guide: device_metrics and device_state_records. What each must return stands in
-- storage/README.md. A file for --sql-file looks like this one and replaces the statements that it names.
-- Write CAST(x AS t), never x::t; the only parameters are :device and :points.

-- name: clock
SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) AS now_us

-- name: metrics_window
-- The innermost SELECT takes the newest rows in the order of the index (device_uuid, recorded_at DESC): nothing is sorted,
-- and of a partitioned table only the newest partitions are read. Rows of one batch have one stamp, and the index returns
-- them in the order of their insertion: the newest is the last of the first batch, so all of that come as newest_json.
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
       CASE WHEN w.recorded_at = first_value(w.recorded_at) OVER () THEN CAST(row_to_json(w) AS text) END AS newest_json
FROM (SELECT *
      FROM device_metrics
      WHERE device_uuid = :device AND isfinite(recorded_at)
      ORDER BY recorded_at DESC
      LIMIT :points) AS w
CROSS JOIN (SELECT NULL AS cpu_temp, NULL AS storage_usage, NULL AS storage_total) AS known
CROSS JOIN LATERAL (SELECT CAST(cpu_temp AS text) AS cpu_temp,
                           CAST(storage_usage AS text) AS storage_usage,
                           CAST(storage_total AS text) AS storage_total
                    FROM (SELECT w.*) AS columns_of_w) AS present

-- name: latest_state
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
FROM device_state_records
WHERE device_uuid = :device AND isfinite(recorded_at)
ORDER BY recorded_at DESC
LIMIT 1
