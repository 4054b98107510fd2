"""The manifests fit Kubernetes' published schemas, one another, and the code that they start."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

import frontend.cli
from frontend.app import create_app
from frontend.safety import refuse_insecure
from frontend.settings import PROJECT_ROOT, SECRETS, Settings
from tests.kubernetes.conftest import KUBERNETES, Manifest, base, of_kind

VERSIONS = ("1.30", "1.32", "1.34")
WITHOUT_SCHEMA = {"ServiceMonitor"}
"""A resource of Prometheus' operator, not of Kubernetes."""


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_fits_the_published_schema(version: str) -> None:
    validated = [m for m in base() if m["kind"] not in WITHOUT_SCHEMA]
    for manifest in validated:
        kubernetes_validate.validate(manifest, version, strict=True)
    assert len(validated) > 15


def test_every_overlay_fits_the_published_schema(built: list[Manifest]) -> None:
    for manifest in built:
        if manifest["kind"] not in WITHOUT_SCHEMA:
            kubernetes_validate.validate(manifest, VERSIONS[1], strict=True)
            assert manifest["kind"] == "Namespace" or manifest["metadata"]["namespace"] == "liveness"


def test_a_misspelt_field_is_found() -> None:
    (frontend,) = (m for m in base() if (m["kind"], m["metadata"]["name"]) == ("Deployment", "frontend"))
    frontend["spec"]["template"]["spec"]["automountServiceAccountTokn"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(frontend, VERSIONS[1], strict=True)


def pod_of(deployment: Manifest) -> dict[str, Any]:
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


def container_of(name: str, manifests: list[Manifest]) -> dict[str, Any]:
    (found,) = pod_of(of_kind(manifests, "Deployment")[name])["containers"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", ["frontend", "triton"])
def test_every_pod_is_sealed(name: str) -> None:
    deployment = of_kind(base(), "Deployment")[name]
    pod, container = pod_of(deployment), container_of(name, base())
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert of_kind(base(), "ServiceAccount")[pod["serviceAccountName"]]["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert not [v for v in pod["volumes"] if "hostPath" in v]
    assert {"cpu", "memory"} == container["resources"]["requests"].keys() == container["resources"]["limits"].keys()


def dockerfile(name: str) -> str:
    return (PROJECT_ROOT / "compose" / f"{name}.Dockerfile").read_text()


def test_users_ports_and_images_are_those_of_the_dockerfiles() -> None:
    for name, image in ("frontend", "frontend"), ("triton", "triton-model"):
        text = dockerfile(image)
        pod, container = pod_of(of_kind(base(), "Deployment")[name]), container_of(name, base())
        user, group = map(int, re.findall(r"^USER (\d+):(\d+)$", text, re.MULTILINE)[-1])
        assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsGroup"]) == (user, group)
        exposed = {int(port) for line in re.findall(r"^EXPOSE (.*)$", text, re.MULTILINE) for port in line.split()}
        assert {port["containerPort"] for port in container["ports"]} == exposed
        assert container["image"] == f"liveness-{image}:0.1.0"
    version = re.search(r'^version = "(.*)"$', (PROJECT_ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert version[1] == "0.1.0"


def test_frontends_command_and_probe_paths_exist() -> None:
    container = container_of("frontend", base())
    program, command = container["args"]
    assert program == "liveness"
    assert callable(getattr(frontend.cli, command))
    served = create_app(Settings()).openapi()["paths"]
    ports = {port["name"] for port in container["ports"]}
    for probe in "startupProbe", "readinessProbe", "livenessProbe":
        assert container[probe]["httpGet"]["path"] in served
        assert container[probe]["httpGet"]["port"] in ports
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_tritons_probe_is_the_file_that_its_image_carries() -> None:
    container = container_of("triton", base())
    (command,) = (container["livenessProbe"]["exec"]["command"],)
    assert "COPY compose/triton /liveness" in dockerfile("triton-model")
    assert (PROJECT_ROOT / "compose/triton" / Path(command[-1]).name).is_file()
    assert container["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"


def test_triton_has_the_model_and_the_collector_that_the_settings_name(built: list[Manifest]) -> None:
    ((settings, generated),) = of_kind(built, "ConfigMap").items()
    from_settings = {e["name"]: e["valueFrom"]["configMapKeyRef"] for e in container_of("triton", built)["env"]}
    assert from_settings == {
        "LIVENESS_TRITON_MODEL": {"name": settings, "key": "LIVENESS_TRITON_MODEL"},
        "LIVENESS_OTLP_ENDPOINT": {"name": settings, "key": "LIVENESS_OTLP_ENDPOINT", "optional": True},
    }
    model = generated["data"]["LIVENESS_TRITON_MODEL"]
    assert (PROJECT_ROOT / "model_repository" / model / "config.pbtxt").is_file()


def test_settings_are_settings_and_can_be_read() -> None:
    (generator,) = yaml.safe_load((KUBERNETES / "base/kustomization.yaml").read_text())["configMapGenerator"]
    values = dict(literal.split("=", 1) for literal in generator["literals"])
    names = {f"LIVENESS_{name.upper()}" for name in Settings.model_fields}
    assert values.keys() <= names
    read = Settings.model_validate({name.removeprefix("LIVENESS_").lower(): value for name, value in values.items()})
    refuse_insecure(read.model_copy(update={"keys_url": "mongodb://liveness:secret@db.bank.test/liveness?tls=true"}))
    assert (
        read.stop_notice_s + read.stop_timeout_s
        < pod_of(of_kind(base(), "Deployment")["frontend"])["terminationGracePeriodSeconds"]
    )
    container = container_of("frontend", base())
    assert container["envFrom"] == [{"configMapRef": {"name": generator["name"]}}]
    assert read.port == container["ports"][0]["containerPort"]
    triton = of_kind(base(), "Service")["triton"]
    assert read.triton_url == f"triton:{triton['spec']['ports'][0]['port']}"
    assert triton["spec"]["clusterIP"] == "None"
    writable = {m["mountPath"] for m in container["volumeMounts"] if not m.get("readOnly")}
    assert any(read.data_dir.is_relative_to(path) for path in writable)
    (secret,) = (v["secret"] for v in pod_of(of_kind(base(), "Deployment")["frontend"])["volumes"] if "secret" in v)
    assert {item["path"] for item in secret["items"]} <= names
    assert {"name": "keys-url", "mountPath": str(SECRETS), "readOnly": True} in container["volumeMounts"]


def test_selectors_and_ports_find_one_another() -> None:
    pods = {}
    for name, deployment in of_kind(base(), "Deployment").items():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
        pods[name] = labels, {port["name"] for port in container_of(name, base())["ports"]}
    for name, service in of_kind(base(), "Service").items():
        labels, ports = pods[name]
        assert service["spec"]["selector"].items() <= labels.items()
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    for kind in "HorizontalPodAutoscaler", "PodDisruptionBudget":
        assert of_kind(base(), kind).keys() == pods.keys()
    for name, scaler in of_kind(base(), "HorizontalPodAutoscaler").items():
        assert scaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        assert "replicas" not in of_kind(base(), "Deployment")[name]["spec"], "the autoscaler and an apply would fight"
    for name, monitor in of_kind(base(), "ServiceMonitor").items():
        ports = {port["name"] for port in of_kind(base(), "Service")[name]["spec"]["ports"]}
        assert {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]} <= ports


def test_nothing_but_triton_the_database_and_names_can_be_reached() -> None:
    policies = of_kind(base(), "NetworkPolicy")
    assert policies["nothing"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    ways_out = {
        (policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"], port["port"])
        for policy in policies.values()
        for way in policy["spec"].get("egress", [])
        for port in way["ports"]
    }
    assert ways_out == {("frontend", 53), ("frontend", 8000), ("frontend", 27017)}
    for policy in policies.values():
        for way in policy["spec"].get("egress", []):
            assert way["to"], "an empty list is everywhere"
            assert {"cidr": "0.0.0.0/0"} not in [to.get("ipBlock") for to in way["to"]]


def test_every_policy_is_about_pods_that_there_are(built: list[Manifest]) -> None:
    pods = [d["spec"]["template"]["metadata"]["labels"] for d in of_kind(built, "Deployment").values()]
    for policy in of_kind(built, "NetworkPolicy").values():
        wanted = policy["spec"]["podSelector"].get("matchLabels", {})
        assert [labels for labels in pods if wanted.items() <= labels.items()]


def test_overlays_change_what_they_say(built: list[Manifest]) -> None:
    images = {container_of(name, built)["image"] for name in ("frontend", "triton")}
    assert len(images) == 2
    scaler = of_kind(built, "HorizontalPodAutoscaler")["frontend"]["spec"]
    if any("registry.example.com" in image for image in images):
        assert [metric["type"] for metric in scaler["metrics"]] == ["Resource", "Pods"]
        half_of_what_two_processes_take = Settings(workers=2).max_in_flight
        assert scaler["metrics"][1]["pods"]["target"]["averageValue"] == str(half_of_what_two_processes_take)
        (way,) = of_kind(built, "NetworkPolicy")["frontend-to-database"]["spec"]["egress"]
        assert all(to["ipBlock"]["cidr"].endswith("/32") for to in way["to"])
    else:
        assert scaler["maxReplicas"] == 4
    ((settings, generated),) = of_kind(built, "ConfigMap").items()
    assert {name.removeprefix("LIVENESS_").lower() for name in generated["data"]} <= Settings.model_fields.keys()
    assert container_of("frontend", built)["envFrom"] == [{"configMapRef": {"name": settings}}]
