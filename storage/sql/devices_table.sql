-- For installations that keep the latest state of a device as columns of the table `devices` and have no
-- device_state_records: `--sql-profile devices-table`. It is laid over guide.sql, which has the other statements.

-- name: latest_state
-- `devices` does not say when these columns were written, and has neither architecture nor uptime.
SELECT CAST(NULL AS bigint) AS recorded_at_us,
       CAST(to_json(os_version) AS text) AS os,
       CAST(NULL AS text) AS architecture,
       CAST(NULL AS text) AS uptime,
       CAST(to_json(device_name) AS text) AS hostname,
       CAST(to_json(ip_address) AS text) AS ip_address,
       CAST(to_json(mac_address) AS text) AS mac_address,
       CAST(top_processes AS text) AS top_processes,
       CAST(network_interfaces AS text) AS network_interfaces
FROM devices
WHERE uuid = :device
LIMIT 1
