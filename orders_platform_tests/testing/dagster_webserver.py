"""What the Dagster UI asks and tells its webserver, over GraphQL, as the page in the browser does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import httpx

SIX = ("order_headers", "order_sizes", "order_lines", "monday_groups", "monday_items", "monday_subitems")
REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "orders_platform"}
_ADD = """mutation($repository: RepositorySelector!, $key: String!) {
  addDynamicPartition(repositorySelector: $repository, partitionsDefName: "customers", partitionKey: $key) {
    __typename ... on PythonError { message } } }"""
_LAUNCH = """mutation($execution: ExecutionParams!) { launchPipelineExecution(executionParams: $execution) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_BACKFILL = """mutation($backfill: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $backfill) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_RUNS = """query($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs { results {
    runId status startTime endTime tags { key value } stepStats { stepKey status startTime endTime } } } } }"""
_CHECKS = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { assetChecksOrError {
    ... on AssetChecks { checks { name executionForLatestMaterialization {
      runId status evaluation { success severity description } } } } } } } }"""
_VERDICTS = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { assetChecksOrError {
    ... on AssetChecks { checks { name partitionStatuses { ... on AssetCheckDefaultPartitionStatuses {
      succeededPartitions failedPartitions executionFailedPartitions } } } } } } } }"""
_HEALTH = "{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"
_LOCATION = """{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus locationOrLoadError {
    __typename ... on PythonError { message } } } } } }"""


def wait_for(what: str, true: Callable[[], object], seconds: float = 300) -> None:
    """Until it is so; a busy machine is no failure, hence much patience."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"after {seconds} s still not so: {what}"
        time.sleep(0.5)


@dataclass(frozen=True)
class Webserver:
    """A Dagster webserver at `url`."""

    url: str

    def ask(self, query: str, **variables: object) -> dict[str, object]:
        answer = httpx.post(
            f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60, verify=False
        ).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/server_info", timeout=5, verify=False).status_code == 200
        except httpx.TransportError:
            return False

    def loaded(self) -> bool:
        entries = self.ask(_LOCATION)["workspaceOrError"]["locationEntries"]
        assert all(entry["locationOrLoadError"]["__typename"] != "PythonError" for entry in entries), entries
        return bool(entries) and all(entry["loadStatus"] == "LOADED" for entry in entries)

    def daemons_are_well(self) -> bool:
        statuses = self.ask(_HEALTH)["instance"]["daemonHealth"]["allDaemonStatuses"]
        return all(status["healthy"] for status in statuses if status["required"])

    def add_customer(self, key: str) -> None:
        added = self.ask(_ADD, repository=REPOSITORY, key=key)["addDynamicPartition"]
        assert added["__typename"] in {"AddDynamicPartitionSuccess", "DuplicateDynamicPartitionError"}, added

    def launch(self, job: str, *, partition: str | None = None, **options: object) -> str:
        """The id of the run, which waits in the queue; with these options of the launchpad."""
        return self._launch({"pipelineName": job}, partition, options)

    def materialise(self, partition: str, assets: Iterable[str] = SIX) -> str:
        """What the button does: the id of the run."""
        return self._launch(
            {"pipelineName": "__ASSET_JOB", "assetSelection": [{"path": [asset]} for asset in assets]}, partition
        )

    def _launch(
        self, selector: Mapping[str, object], partition: str | None, options: Mapping[str, object] | None = None
    ) -> str:
        tags = [{"key": "dagster/partition", "value": partition}] if partition else []
        execution = {"selector": {**REPOSITORY, **selector}, "executionMetadata": {"tags": tags}, "mode": "default"}
        if options:
            execution["runConfigData"] = {"resources": {"run_options": {"config": options}}}
        launched = self.ask(_LAUNCH, execution=execution)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def backfill(self, *partitions: str, assets: Iterable[str] = SIX) -> str:
        """The id of the backfill; its daemon looks every 30 seconds."""
        wanted = {"assetSelection": [{"path": [asset]} for asset in assets], "partitionNames": list(partitions)}
        launched = self.ask(_BACKFILL, backfill=wanted)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["backfillId"])

    def runs(self, *run_ids: str, **tags: str) -> list[Mapping[str, object]]:
        """These runs, or those that carry all of the tags (`__` stands for `/`)."""
        chosen = {"runIds": list(run_ids)} if run_ids else {}
        wanted = [{"key": name.replace("__", "/"), "value": value} for name, value in tags.items()]
        return self.ask(_RUNS, filter={**chosen, "tags": wanted})["runsOrError"]["results"]

    def statuses(self, *run_ids: str) -> set[str]:
        return {str(run["status"]) for run in self.runs(*run_ids)}

    def finish(self, *run_ids: str, seconds: float = 300) -> set[str]:
        """How these runs ended, once all have."""
        ended = {"SUCCESS", "FAILURE", "CANCELED"}
        wait_for(f"runs {run_ids} have ended", lambda: self.statuses(*run_ids) <= ended, seconds)
        return self.statuses(*run_ids)

    def checks(self, asset: str) -> dict[str, Mapping[str, object] | None]:
        """By name, what the last evaluation said; None where there is none."""
        node = self.ask(_CHECKS, key={"path": [asset]})["assetNodeOrError"]
        return {check["name"]: check["executionForLatestMaterialization"] for check in node["assetChecksOrError"]["checks"]}

    def verdicts(self, asset: str, check: str) -> dict[str, str]:
        """What a check says of each customer: succeeded, failed, or executionFailed."""
        node = self.ask(_VERDICTS, key={"path": [asset]})["assetNodeOrError"]
        (found,) = (each["partitionStatuses"] for each in node["assetChecksOrError"]["checks"] if each["name"] == check)
        return {key: status.removesuffix("Partitions") for status, keys in found.items() for key in keys}
