-- The tables of the API server that the gateway reads. Idempotent, so that several publishers may share a database.
-- `recorded_at` is the time of insertion, in UTC without a zone, as the API server's migrations have it.

CREATE TABLE IF NOT EXISTS device_state_records (
  device_uuid        UUID NOT NULL,
  recorded_at        TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'utc'),
  os_version         TEXT,
  architecture       TEXT,
  uptime             BIGINT,  -- seconds
  hostname           TEXT,
  ip_address         TEXT,
  mac_address        TEXT,
  top_processes      JSONB,
  network_interfaces JSONB
) PARTITION BY RANGE (recorded_at);

CREATE INDEX IF NOT EXISTS device_state_records_device_time
  ON device_state_records (device_uuid, recorded_at DESC);

CREATE TABLE IF NOT EXISTS device_metrics (
  device_uuid   UUID NOT NULL,
  recorded_at   TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'utc'),
  cpu_usage     NUMERIC,  -- percent
  cpu_temp      NUMERIC,  -- degrees Celsius
  memory_usage  BIGINT,   -- bytes, as all that follow
  memory_total  BIGINT,
  storage_usage BIGINT,
  storage_total BIGINT,
  network_rx    BIGINT,
  network_tx    BIGINT,
  top_processes JSONB
) PARTITION BY RANGE (recorded_at);

CREATE INDEX IF NOT EXISTS device_metrics_device_time ON device_metrics (device_uuid, recorded_at DESC);

-- One partition a day, from `days_back` days ago to tomorrow, so that midnight finds its partition waiting.
CREATE OR REPLACE FUNCTION demo_create_partitions(days_back INTEGER) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  today  DATE := (clock_timestamp() AT TIME ZONE 'utc')::DATE;
  day    DATE;
  parent TEXT;
BEGIN
  FOREACH parent IN ARRAY ARRAY['device_state_records', 'device_metrics'] LOOP
    FOR day IN SELECT generate_series(today - days_back, today + 1, '1 day')::DATE LOOP
      EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                     parent || '_' || to_char(day, 'YYYY_MM_DD'), parent, day, day + 1);
    END LOOP;
  END LOOP;
END;
$$;
