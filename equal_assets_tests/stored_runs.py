"""Dagster runs as an instance keeps them, without executing any."""

import uuid

import dagster as dg


def store_run(
    instance: dg.DagsterInstance,
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.NOT_STARTED,
    **tags: str,
) -> dg.DagsterRun:
    """Store a run with a status and tags."""
    run = dg.DagsterRun(job_name="a_job", run_id=str(uuid.uuid4()), status=status, tags=tags)
    return instance.add_run(run)
