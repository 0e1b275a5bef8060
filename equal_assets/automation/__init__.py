"""Jobs, schedules and sensors: what Dagster starts without being told."""
