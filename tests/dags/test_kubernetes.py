"""What Kubernetes is given holds the rules of the compose file; it was not run on a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from customer_health_airflow.dag_names import DEFAULT_QUEUE, WAREHOUSE_QUEUE

HELM = Path(__file__).parents[2] / "deploy" / "helm"


def _read(name: str) -> Any:
    return yaml.safe_load((HELM / name).read_text(encoding="utf-8"))


def test_one_pod_has_the_volume_and_serves_the_warehouse_and_any_number_serves_the_rest() -> None:
    sets = {one["queue"]: one for one in _read("values.yaml")["workers"]["celery"]["sets"]}
    assert set(sets) == {WAREHOUSE_QUEUE, DEFAULT_QUEUE}
    assert sets[WAREHOUSE_QUEUE]["replicas"] == 1
    claims = {
        queue: [volume for volume in one["extraVolumes"] if "persistentVolumeClaim" in volume]
        for queue, one in sets.items()
    }
    assert claims[WAREHOUSE_QUEUE]
    assert not claims[DEFAULT_QUEUE]


def test_a_pod_of_a_task_has_the_volume_no_rights_and_the_tested_airflow() -> None:
    pod, values = _read("pod_template.yaml")["spec"], _read("values.yaml")
    (container,) = pod["containers"]
    assert container["name"] == "base"
    assert container["securityContext"] == values["securityContexts"]["containers"]
    assert pod["securityContext"] == values["securityContexts"]["pod"]
    mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    held = {volume["name"]: volume for volume in pod["volumes"]}
    assert "persistentVolumeClaim" in held[mounted["/data"]]
    assert set(mounted.values()) == set(held)
    images = values["images"]["airflow"]
    assert container["image"] == f"{images['repository']}:{images['tag']}"


def test_both_files_say_that_nobody_ran_them() -> None:
    for name in ("values.yaml", "pod_template.yaml"):
        assert "NOT RUN" in (HELM / name).read_text(encoding="utf-8")
