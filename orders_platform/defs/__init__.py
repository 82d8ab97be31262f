"""Everything that Dagster loads: assets, checks, jobs, schedules, sensors, alerts, resources, partitions, retention."""
