"""What is in the fake cluster: every kind that is collected, with every member that the graph shows, and what is odd about it."""

import uuid
from typing import Any

Object = dict[str, Any]

CLUSTER = "arn:aws:eks:us-east-1:123456789012:cluster/demo"


def kubeconfig(url: str) -> Object:
    """Of a cluster of EKS, by the name of its host, which is reached by a fake as its proxy."""
    cluster = {"server": "http://DEMO.gr7.us-east-1.eks.amazonaws.com", "proxy-url": url}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CLUSTER,
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "k8s-token"}}],
        "contexts": [{"name": CLUSTER, "context": {"cluster": "c", "user": "u"}}],
    }


CREATED = "2024-03-01T10:15:30Z"
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
SECRET = "czNjcmV0LXZhbHVl"

# Group and version, name in paths, kind, whether it is in a namespace.
RESOURCES = [
    ("v1", "configmaps", "ConfigMap", True),
    ("v1", "endpoints", "Endpoints", True),
    ("v1", "limitranges", "LimitRange", True),
    ("v1", "namespaces", "Namespace", False),
    ("v1", "nodes", "Node", False),
    ("v1", "persistentvolumeclaims", "PersistentVolumeClaim", True),
    ("v1", "persistentvolumes", "PersistentVolume", False),
    ("v1", "pods", "Pod", True),
    ("v1", "podtemplates", "PodTemplate", True),
    ("v1", "replicationcontrollers", "ReplicationController", True),
    ("v1", "resourcequotas", "ResourceQuota", True),
    ("v1", "secrets", "Secret", True),
    ("v1", "serviceaccounts", "ServiceAccount", True),
    ("v1", "services", "Service", True),
    ("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", False),
    ("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", False),
    ("apps/v1", "controllerrevisions", "ControllerRevision", True),
    ("apps/v1", "daemonsets", "DaemonSet", True),
    ("apps/v1", "deployments", "Deployment", True),
    ("apps/v1", "replicasets", "ReplicaSet", True),
    ("apps/v1", "statefulsets", "StatefulSet", True),
    ("autoscaling/v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler", True),
    ("batch/v1", "cronjobs", "CronJob", True),
    ("batch/v1", "jobs", "Job", True),
    ("discovery.k8s.io/v1", "endpointslices", "EndpointSlice", True),
    ("flowcontrol.apiserver.k8s.io/v1", "flowschemas", "FlowSchema", False),
    ("flowcontrol.apiserver.k8s.io/v1", "prioritylevelconfigurations", "PriorityLevelConfiguration", False),
    ("networking.k8s.io/v1", "ingressclasses", "IngressClass", False),
    ("networking.k8s.io/v1", "ingresses", "Ingress", True),
    ("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", True),
    ("node.k8s.io/v1", "runtimeclasses", "RuntimeClass", False),
    ("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", True),
    ("rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding", False),
    ("rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", False),
    ("rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding", True),
    ("rbac.authorization.k8s.io/v1", "roles", "Role", True),
    ("scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", False),
    ("storage.k8s.io/v1", "csidrivers", "CSIDriver", False),
    ("storage.k8s.io/v1", "csinodes", "CSINode", False),
    ("storage.k8s.io/v1", "csistoragecapacities", "CSIStorageCapacity", True),
    ("storage.k8s.io/v1", "storageclasses", "StorageClass", False),
    ("storage.k8s.io/v1", "volumeattachments", "VolumeAttachment", False),
]


def uid(kind: str, name: str, namespace: str | None = None) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{namespace}/{name}"))


def owner(kind: str, name: str, namespace: str | None = None, block: bool | None = True) -> Object:
    reference = {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid(kind, name, namespace), "controller": True}
    return reference if block is None else {**reference, "blockOwnerDeletion": block}


def thing(kind: str, name: str, namespace: str | None = None, *, labels: Object | None = None, annotations: Object | None = None, owners: list[Object] = (), **members: Any) -> Object:
    meta: Object = {"name": name, "uid": uid(kind, name, namespace), "resourceVersion": str(1000 + len(name)), "creationTimestamp": CREATED, "generation": 2}
    meta["managedFields"] = [{"manager": "kubectl", "operation": "Update", "apiVersion": "v1", "time": CREATED, "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {}}}]
    if namespace:
        meta["namespace"] = namespace
    if labels is not None:
        meta["labels"] = labels
    if annotations is not None:
        meta["annotations"] = annotations
    if owners:
        meta["ownerReferences"] = list(owners)
    return {"kind": kind, "metadata": meta, **members}


def condition(of: str, time: str | None, status: str = "True", **more: Any) -> Object:
    return {"type": of, "status": status, "lastTransitionTime": time, "reason": f"{of}Reason", "message": f"{of} is {status}", **more}


# Not in their order.
CONDITIONS = [condition("Available", "2024-03-03T00:00:00Z", lastUpdateTime="2024-03-04T00:00:00Z"), condition("Progressing", "2024-03-02T00:00:00Z", lastUpdateTime="2024-03-02T00:00:00Z")]
OBSERVED = [condition("Ready", "2024-03-05T00:00:00Z", observedGeneration=3)]
PROBED = [condition("Complete", "2024-03-06T00:00:00Z", lastProbeTime="2024-03-06T01:00:00Z")]
SELECTOR = {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "In", "values": ["front", "back"]}]}


def container(name: str, **more: Any) -> Object:
    return {
        "name": name, "image": f"registry.example.com/{name}:1.2", "imagePullPolicy": "IfNotPresent", "command": ["/bin/run"], "args": ["--port", "8080"], "workingDir": "/srv",
        "ports": [{"containerPort": 8080, "hostPort": 80, "hostIP": "10.0.0.1", "name": "http", "protocol": "TCP"}],
        "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"cpu": "0.1", "memory": "128Mi", "ephemeral-storage": "1e3"}},
        "securityContext": {"allowPrivilegeEscalation": False, "privileged": True, "procMount": "Default", "readOnlyRootFilesystem": True, "runAsGroup": 1000, "runAsNonRoot": True, "runAsUser": 1001, "seLinuxOptions": {"level": "s0"}, "seccompProfile": {"type": "RuntimeDefault"}, "windowsOptions": {"runAsUserName": "x"}, "capabilities": {"drop": ["ALL"]}},
        "stdin": True, "stdinOnce": False, "tty": True, "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        "volumeDevices": [{"devicePath": "/dev/xvda", "name": "block"}],
        "volumeMounts": [{"mountPath": "/data", "mountPropagation": "None", "name": "data", "readOnly": True, "subPath": "sub", "subPathExpr": "$(POD)"}],
        "livenessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 10}, **more,
    }


ENV = [
    {"name": "PLAIN", "value": "x"},
    {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "web-secret", "key": "password"}}},
    {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "web-config", "key": "mode"}}},
    {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
]
VOLUMES = [
    {"name": "data", "persistentVolumeClaim": {"claimName": "web-data"}},
    {"name": "config", "configMap": {"name": "web-config", "defaultMode": 420}},
    {"name": "secret", "secret": {"secretName": "web-secret"}},
    {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}, {"configMap": {"name": "root-ca"}}, {"secret": {"name": "projected-secret"}}, {"downwardAPI": {"items": []}}]}},
    {"name": "tmp", "emptyDir": {}},
    {"name": "host", "hostPath": {"path": "/var/log", "type": ""}},
    {"name": "pod", "downwardAPI": {"items": [{"path": "labels"}]}},
    {"name": "many", "awsElasticBlockStore": {"volumeID": "vol-1"}, "azureDisk": {"diskName": "d"}, "azureFile": {"shareName": "s"}, "cephfs": {"monitors": ["m"]}, "cinder": {"volumeID": "c"}, "csi": {"driver": "d"}, "ephemeral": {"volumeClaimTemplate": {}}, "fc": {"lun": 1}, "flexVolume": {"driver": "f"}, "flocker": {"datasetName": "f"}, "gcePersistentDisk": {"pdName": "p"}, "gitRepo": {"repository": "r"}, "glusterfs": {"path": "g"}, "iscsi": {"iqn": "i"}, "nfs": {"server": "n"}, "photonPersistentDisk": {"pdID": "p"}, "portworxVolume": {"volumeID": "p"}, "quobyte": {"volume": "q"}, "rbd": {"image": "r"}, "scaleIO": {"system": "s"}, "storageos": {"volumeName": "s"}, "vsphereVolume": {"volumePath": "v"}},
]


def pod_spec(**more: Any) -> Object:
    return {
        "activeDeadlineSeconds": 600, "automountServiceAccountToken": True, "containers": [container("web", env=ENV)], "initContainers": [container("init")],
        "ephemeralContainers": [container("debug", targetContainerName="web")], "dnsPolicy": "ClusterFirst", "enableServiceLinks": True, "hostIPC": False, "hostNetwork": True, "hostPID": False,
        "hostname": "web", "nodeName": "node-1", "overhead": {"cpu": "1m"}, "preemptionPolicy": "PreemptLowerPriority", "priority": 100, "priorityClassName": "high", "restartPolicy": "Always",
        "runtimeClassName": "gvisor", "schedulerName": "default-scheduler", "serviceAccount": "web", "serviceAccountName": "web", "setHostnameAsFQDN": True, "shareProcessNamespace": False, "subdomain": "sub",
        "securityContext": {"fsGroup": 2000, "fsGroupChangePolicy": "OnRootMismatch", "runAsGroup": 3000, "runAsNonRoot": True, "runAsUser": 1000, "seLinuxOptions": {"level": "s0:c1"}, "seccompProfile": {"type": "Unconfined"}, "supplementalGroups": [4000, 5000], "windowsOptions": {"hostProcess": False}},
        "terminationGracePeriodSeconds": 30, "tolerations": [{"effect": "NoExecute", "key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 300, "value": "v"}], "volumes": VOLUMES, **more,
    }


def template(labels: Object, **more: Any) -> Object:
    return {"metadata": {"labels": labels}, "spec": {"containers": [container("web")], "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "securityContext": {}, "schedulerName": "default-scheduler", **more}}


def status_of_pod(phase: str = "Running") -> Object:
    running = {"running": {"startedAt": "2024-03-01T10:16:00Z"}}
    ended = {"terminated": {"containerID": "containerd://1", "exitCode": 137, "finishedAt": "2024-03-01T10:15:59Z", "message": "m", "reason": "OOMKilled", "signal": 9, "startedAt": "2024-03-01T10:15:40Z"}}
    status = {"name": "web", "containerID": "containerd://2", "image": "registry.example.com/web:1.2", "imageID": "sha256:1", "ready": True, "restartCount": 1, "started": True, "state": running, "lastState": ended}
    return {
        "phase": phase, "conditions": [condition("Ready", "2024-03-01T10:17:00Z", lastProbeTime=None), condition("Initialized", "2024-03-01T10:16:00Z", lastProbeTime="2024-03-01T10:16:30Z"), condition("Odd", None)],
        "containerStatuses": [status], "initContainerStatuses": [{**status, "name": "init", "state": {"waiting": {"message": "w", "reason": "PodInitializing"}}, "lastState": {}}], "ephemeralContainerStatuses": [{**status, "name": "debug"}],
        "hostIP": "10.0.0.11", "podIP": "10.1.0.5", "podIPs": [{"ip": "10.1.0.5"}, {"ip": "fd00::5"}], "message": "fine", "reason": "none", "nominatedNodeName": "node-2", "qosClass": "Burstable", "startTime": "2024-03-01T10:15:31Z",
    }


def nodes() -> list[Object]:
    info = {"architecture": "amd64", "bootID": "b1", "containerRuntimeVersion": "containerd://1.7", "kernelVersion": "6.1", "kubeProxyVersion": "v1.29.1", "kubeletVersion": "v1.29.1", "machineID": "m1", "operatingSystem": "linux", "osImage": "Bottlerocket", "systemUUID": "s1"}
    source = {"configMap": {"kubeletConfigKey": "kubelet", "name": "n", "namespace": "kube-system", "resourceVersion": "1", "uid": "u"}}
    status = {
        "addresses": [{"type": "InternalIP", "address": "10.0.0.11"}, {"type": "Hostname", "address": "node-1"}], "capacity": {"cpu": "4", "memory": "16393236Ki", "pods": "110", "ephemeral-storage": "80Gi"},
        "conditions": [condition("Ready", "2024-03-02T01:00:00Z", lastHeartbeatTime="2024-03-09T00:00:00Z"), condition("DiskPressure", "2024-03-01T01:00:00Z", "False", lastHeartbeatTime="2024-03-09T00:00:00Z")],
        "config": {"active": source, "assigned": source, "error": "e"}, "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}, "images": [{"names": ["a@sha256:1", "a:1"], "sizeBytes": 123456789}], "nodeInfo": info, "phase": "Running",
        "volumesAttached": [{"devicePath": "/dev/xvdb", "name": "kubernetes.io/csi/vol-1"}], "volumesInUse": ["kubernetes.io/csi/vol-1"],
    }
    spec = {"externalID": "i-0123", "podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"], "providerID": "aws:///us-east-1a/i-0123456789abcdef0", "taints": [{"effect": "NoSchedule", "key": "dedicated", "timeAdded": CREATED, "value": "web"}], "unschedulable": True}
    small = {"capacity": {"cpu": "1930m", "memory": "3976200Ki"}, "nodeInfo": {"architecture": "arm64"}, "conditions": []}
    return [
        thing("Node", "node-1", labels={"eks.amazonaws.com/nodegroup": "workers", "kubernetes.io/hostname": "node-1"}, annotations={"node.alpha.kubernetes.io/ttl": "0"}, status=status, spec=spec),
        thing("Node", "node-2", labels={}, status=small, spec={"providerID": "kind://docker/x/node-2"}),
    ]


def workloads() -> dict[str, list[Object]]:
    web, hashed = {"app": "web"}, {"app": "web", "pod-template-hash": "6b7f"}
    counts = {"observedGeneration": 2, "replicas": 2, "readyReplicas": 1, "availableReplicas": 1, "updatedReplicas": 2, "unavailableReplicas": 1, "collisionCount": 0, "conditions": CONDITIONS}
    of_set = {"replicas": 2, "readyReplicas": 1, "availableReplicas": 1, "fullyLabeledReplicas": 2, "observedGeneration": 2, "conditions": [condition("ReplicaFailure", "2024-03-07T00:00:00Z")]}
    job_spec = {"activeDeadlineSeconds": 100, "backoffLimit": 6, "completionMode": "NonIndexed", "completions": 1, "manualSelector": True, "parallelism": 1, "selector": {"matchLabels": {"job": "x"}}, "suspend": False, "template": template({"job": "x"}, restartPolicy="Never"), "ttlSecondsAfterFinished": 60}
    active = {"apiVersion": "batch/v1", "kind": "Job", "fieldPath": "f", "name": "nightly-1", "namespace": "shop", "resourceVersion": "1", "uid": uid("Job", "nightly-1", "shop")}
    labels = {"app": "db", "controller-revision-hash": "db-1"}
    return {
        "Deployment": [
            thing("Deployment", "web", "shop", labels=web, annotations={"deployment.kubernetes.io/revision": "3", APPLIED: '{"secret": "in plain text"}'}, status=counts, spec={"minReadySeconds": 5, "paused": True, "progressDeadlineSeconds": 600, "replicas": 2, "revisionHistoryLimit": 10, "selector": SELECTOR, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}}, "template": {"metadata": {"labels": web}, "spec": pod_spec()}}),
            thing("Deployment", "bare", "other", spec={"replicas": 0, "selector": {"matchLabels": {"app": "bare"}}, "template": template({"app": "bare"})}),
        ],
        "ReplicaSet": [thing("ReplicaSet", "web-6b7f", "shop", labels=hashed, owners=[owner("Deployment", "web", "shop")], status=of_set, spec={"minReadySeconds": 5, "replicas": 2, "selector": {"matchLabels": hashed}, "template": template(hashed)})],
        "ReplicationController": [thing("ReplicationController", "old", "shop", labels=web, status=of_set, spec={"replicas": 1, "selector": web})],
        "StatefulSet": [thing("StatefulSet", "db", "shop", labels={"app": "db"}, status={**counts, "currentReplicas": 1, "currentRevision": "db-1", "updateRevision": "db-2", "conditions": CONDITIONS[:1]}, spec={"minReadySeconds": 1, "podManagementPolicy": "OrderedReady", "replicas": 1, "revisionHistoryLimit": 10, "selector": {"matchLabels": {"app": "db"}}, "serviceName": "db", "template": template(labels)})],
        "DaemonSet": [thing("DaemonSet", "agent", "kube-system", status={"collisionCount": 0, "conditions": CONDITIONS[:1], "currentNumberScheduled": 2, "desiredNumberScheduled": 2, "numberAvailable": 1, "numberMisscheduled": 0, "numberReady": 1, "numberUnavailable": 1, "observedGeneration": 1, "updatedNumberScheduled": 2}, spec={"minReadySeconds": 0, "revisionHistoryLimit": 10, "selector": {"matchLabels": {"app": "agent"}}, "template": template({"app": "agent"})})],
        "ControllerRevision": [thing("ControllerRevision", "db-1", "shop", labels={"app": "db"}, owners=[owner("StatefulSet", "db", "shop")], revision=1, data={"spec": {}}), thing("ControllerRevision", "agent-1", "kube-system", owners=[owner("DaemonSet", "agent", "kube-system")], revision=1)],
        "CronJob": [thing("CronJob", "nightly", "shop", status={"active": [active], "lastScheduleTime": "2024-03-08T00:00:00Z", "lastSuccessfulTime": "2024-03-08T00:01:00Z"}, spec={"concurrencyPolicy": "Forbid", "failedJobsHistoryLimit": 1, "jobTemplate": {"spec": job_spec}, "schedule": "0 0 * * *", "startingDeadlineSeconds": 10, "successfulJobsHistoryLimit": 3, "suspend": False, "timeZone": "Etc/UTC"})],
        "Job": [thing("Job", "nightly-1", "shop", labels={"job": "x"}, owners=[owner("CronJob", "nightly", "shop")], status={"active": 1, "completedIndexes": "0-1", "completionTime": "2024-03-08T00:01:00Z", "conditions": PROBED, "failed": 1, "ready": 0, "startTime": "2024-03-08T00:00:00Z", "succeeded": 1}, spec=job_spec)],
        "Pod": [
            thing("Pod", "web-6b7f-a", "shop", labels={**hashed, "tier": "front"}, annotations={"prometheus.io/scrape": "true", "empty": ""}, owners=[owner("ReplicaSet", "web-6b7f", "shop")], status=status_of_pod(), spec=pod_spec()),
            thing("Pod", "web-6b7f-b", "shop", labels=hashed, owners=[owner("ReplicaSet", "web-6b7f", "shop")], status={"phase": "Pending"}, spec={"containers": [{"name": "web", "image": "web", "resources": {}}]}),
            thing("Pod", "db-0", "shop", labels={**labels, "tier": "front"}, owners=[owner("StatefulSet", "db", "shop")], status=status_of_pod("Succeeded"), spec={**template(labels)["spec"], "nodeName": "node-2"}),
            thing("Pod", "agent-x", "kube-system", labels={"app": "agent"}, owners=[owner("DaemonSet", "agent", "kube-system", False)], status={"phase": "Failed"}, spec={"containers": [], "nodeName": "node-1"}),
            thing("Pod", "job-y", "shop", labels={"job": "x"}, owners=[owner("Job", "nightly-1", "shop", None)], status={"phase": "Unknown"}, spec={"containers": [{"name": "j"}]}),
            # Static pods belong to their node.
            thing("Pod", "proxy-node-1", "kube-system", owners=[owner("Node", "node-1", None, None)], status={"phase": "Running"}, spec={"containers": [{"name": "p"}], "nodeName": "node-1"}),
        ],
        "PodTemplate": [thing("PodTemplate", "template", "shop", template=template(web))],
        "HorizontalPodAutoscaler": [thing("HorizontalPodAutoscaler", "web", "shop", status={"currentCPUUtilizationPercentage": 40, "currentReplicas": 2, "desiredReplicas": 2, "lastScaleTime": CREATED, "observedGeneration": 1}, spec={"maxReplicas": 5, "minReplicas": 1, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "targetCPUUtilizationPercentage": 80})],
        "PodDisruptionBudget": [thing("PodDisruptionBudget", "web", "shop", status={"conditions": OBSERVED, "currentHealthy": 1, "desiredHealthy": 1, "disruptedPods": {"a": CREATED}, "disruptionsAllowed": 0, "expectedPods": 2, "observedGeneration": 1}, spec={"maxUnavailable": "50%", "minAvailable": 1, "selector": SELECTOR})],
        "PriorityClass": [thing("PriorityClass", "high", value=1000, globalDefault=False)],
    }


def network() -> dict[str, list[Object]]:
    port = {"appProtocol": "http", "name": "http", "nodePort": 30080, "port": 80, "protocol": "TCP", "targetPort": "http"}
    ingress = [{"hostname": "a1-2.us-east-1.elb.amazonaws.com", "ip": "192.0.2.1", "ports": [{"error": "e", "port": 80, "protocol": "TCP"}]}]
    spec = {
        "allocateLoadBalancerNodePorts": True, "clusterIP": "10.2.0.1", "clusterIPs": ["10.2.0.1"], "externalIPs": ["192.0.2.7"], "externalName": "x.example.com", "externalTrafficPolicy": "Local", "healthCheckNodePort": 30081, "internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack", "loadBalancerClass": "c", "loadBalancerIP": "192.0.2.8", "loadBalancerSourceRanges": ["10.0.0.0/8"], "ports": [port, {"port": 443, "targetPort": 8443}], "publishNotReadyAddresses": True, "sessionAffinity": "None", "type": "LoadBalancer", "selector": {"app": "web"},
    }
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}
    of_pod = {"apiVersion": "v1", "kind": "Pod", "name": "web-6b7f-a", "namespace": "shop", "uid": uid("Pod", "web-6b7f-a", "shop")}
    addresses = [{"ip": "10.1.0.9", "nodeName": "node-1"}, {"ip": "10.1.0.5", "nodeName": "node-1", "targetRef": of_pod}]
    return {
        "Service": [
            thing("Service", "web", "shop", labels={"app": "web"}, annotations={"kubernetes.digitalocean.com/load-balancer-id": "lb-1"}, status={"conditions": OBSERVED, "loadBalancer": {"ingress": ingress}}, spec=spec),
            thing("Service", "db", "shop", status={"loadBalancer": {}}, spec={"clusterIP": "None", "type": "ClusterIP", "selector": {"app": "db"}, "ports": [{"port": 5432}]}),
            thing("Service", "kubernetes", "default", status={"loadBalancer": {}}, spec={"clusterIP": "10.2.0.2", "type": "ClusterIP"}),
        ],
        "Endpoints": [thing("Endpoints", "web", "shop", subsets=[{"addresses": addresses, "notReadyAddresses": [{"ip": "10.1.0.6"}], "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]}]), thing("Endpoints", "none", "shop")],
        "EndpointSlice": [thing("EndpointSlice", "web-abc", "shop", labels={"kubernetes.io/service-name": "web"}, owners=[owner("Service", "web", "shop")], addressType="IPv4", endpoints=[], ports=[])],
        "Ingress": [
            thing("Ingress", "web", "shop", status={"loadBalancer": {"ingress": ingress}}, spec={"ingressClassName": "alb", "defaultBackend": {"service": {"name": "db", "port": {"number": 5432}}}, "rules": [{"host": "shop.example.com", "http": {"paths": [path]}}, {"host": "no.example.com"}], "tls": [{"hosts": ["shop.example.com"], "secretName": "tls"}]}),
            thing("Ingress", "resource", "shop", status={}, spec={"defaultBackend": {"resource": {"kind": "Bucket", "name": "b"}}}),
        ],
        "IngressClass": [thing("IngressClass", "alb", spec={"controller": "ingress.k8s.aws/alb"})],
        "NetworkPolicy": [thing("NetworkPolicy", "deny", "shop", status={"conditions": OBSERVED}, spec={"podSelector": {}})],
    }


def storage() -> dict[str, list[Object]]:
    claim = {"kind": "PersistentVolumeClaim", "namespace": "shop", "name": "web-data", "uid": uid("PersistentVolumeClaim", "web-data", "shop")}
    error = {"message": "m", "time": CREATED}
    return {
        "PersistentVolume": [
            thing("PersistentVolume", "pv-1", status={"phase": "Bound", "message": "m", "reason": "r"}, spec={"accessModes": ["ReadWriteOnce"], "awsElasticBlockStore": {"volumeID": "vol-0aa", "fsType": "ext4"}, "capacity": {"storage": "10Gi"}, "claimRef": claim, "mountOptions": ["ro"], "persistentVolumeReclaimPolicy": "Delete", "storageClassName": "gp3", "volumeMode": "Filesystem"}),
            thing("PersistentVolume", "pv-2", status={"phase": "Available"}, spec={"capacity": {"storage": "500Mi"}, "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-0bb"}, "storageClassName": "gp3"}),
            thing("PersistentVolume", "pv-3", status={"phase": "Released"}, spec={"capacity": {"storage": "1Ti"}, "hostPath": {"path": "/mnt"}, "local": {"path": "/l"}, "nfs": {"server": "n", "readOnly": True}, "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": []}]}}, "azureDisk": {"diskName": "d"}, "azureFile": {"shareName": "s"}, "cephfs": {"monitors": ["m"]}, "cinder": {"volumeID": "c"}, "fc": {"lun": 1}, "flexVolume": {"driver": "f"}, "flocker": {"datasetName": "f"}, "gcePersistentDisk": {"pdName": "p"}, "glusterfs": {"path": "g"}, "iscsi": {"iqn": "i"}, "photonPersistentDisk": {"pdID": "p"}, "portworxVolume": {"volumeID": "p"}, "quobyte": {"volume": "q"}, "rbd": {"image": "r"}, "scaleIO": {"system": "s"}, "storageos": {"volumeName": "s"}, "vsphereVolume": {"volumePath": "v"}}),
            thing("PersistentVolume", "pv-4", status={"phase": "Failed"}, spec={"capacity": {"storage": "1500Mi"}}),
            thing("PersistentVolume", "pv-5", status={"phase": "Pending"}, spec={"capacity": {"storage": "25Gi"}}),
        ],
        "PersistentVolumeClaim": [
            thing("PersistentVolumeClaim", "web-data", "shop", annotations={"pv.kubernetes.io/bind-completed": "yes"}, status={"accessModes": ["ReadWriteOnce"], "allocatedResources": {"storage": "10Gi"}, "conditions": PROBED, "phase": "Bound", "resizeStatus": "none"}, spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}, "selector": SELECTOR, "storageClassName": "gp3", "volumeMode": "Filesystem", "volumeName": "pv-1"}),
        ],
        "StorageClass": [thing("StorageClass", "gp3", provisioner="ebs.csi.aws.com")],
        "CSIDriver": [thing("CSIDriver", "ebs.csi.aws.com", spec={})],
        "CSINode": [thing("CSINode", "node-1", owners=[owner("Node", "node-1", None, None)], spec={"drivers": []})],
        "CSIStorageCapacity": [thing("CSIStorageCapacity", "csisc-1", "kube-system", storageClassName="gp3", capacity="100Gi")],
        "VolumeAttachment": [thing("VolumeAttachment", "csi-1", status={"attached": True, "attachError": error, "detachError": error, "attachmentMetadata": {"devicePath": "/dev/xvdaa"}}, spec={"attacher": "ebs.csi.aws.com", "nodeName": "node-1", "source": {"persistentVolumeName": "pv-1"}})],
        "ConfigMap": [thing("ConfigMap", "web-config", "shop", labels={"app": "web"}, data={"mode": "fast", "file": "a\nb"}), thing("ConfigMap", "root-ca", "shop", data={}), thing("ConfigMap", "binary", "kube-system", binaryData={"a": "AA=="})],
        "Secret": [thing("Secret", name, "shop", type="Opaque", data={"password": SECRET}, annotations={APPLIED: f'{{"data": "{SECRET}"}}'}) for name in ("web-secret", "projected-secret", "web-token")],
        "ServiceAccount": [thing("ServiceAccount", "web", "shop", secrets=[{"name": "web-token"}, {}], imagePullSecrets=[{"name": "pull"}]), thing("ServiceAccount", "default", "default")],
    }


def rules() -> dict[str, list[Object]]:
    return {
        "Role": [thing("Role", "reader", "shop", rules=[])],
        "RoleBinding": [thing("RoleBinding", "reader", "shop", roleRef={}, subjects=None)],
        "ClusterRole": [thing("ClusterRole", "admin", labels={"rbac": "x"}, rules=[])],
        "ClusterRoleBinding": [thing("ClusterRoleBinding", "admin", roleRef={})],
        "MutatingWebhookConfiguration": [thing("MutatingWebhookConfiguration", "mutate", webhooks=[])],
        "ValidatingWebhookConfiguration": [thing("ValidatingWebhookConfiguration", "validate", webhooks=[])],
        "FlowSchema": [thing("FlowSchema", "exempt", status={"conditions": [condition("Dangling", "2024-03-01T00:00:00Z", "False")]}, spec={})],
        "PriorityLevelConfiguration": [thing("PriorityLevelConfiguration", "exempt", status={"conditions": [condition("Odd", "2024-03-01T00:00:00Z")]}, spec={})],
        "LimitRange": [thing("LimitRange", "limits", "shop", spec={"limits": []})],
        "ResourceQuota": [thing("ResourceQuota", "quota", "shop", status={"hard": {"pods": "10"}, "used": {"pods": "3"}}, spec={"hard": {"pods": "10"}, "scopeSelector": {"matchExpressions": []}, "scopes": ["NotTerminating"]})],
        "RuntimeClass": [thing("RuntimeClass", "gvisor", handler="runsc")],
    }


def estate() -> dict[str, list[Object]]:
    namespaces = [thing("Namespace", name, labels={"kubernetes.io/metadata.name": name}, status={"phase": "Active"}, spec={"finalizers": ["kubernetes"]}) for name in ("default", "kube-system", "other", "shop")]
    namespaces[3]["status"]["conditions"] = [condition("NamespaceDeletionDiscoveryFailure", "2024-03-01T00:00:00Z", "False")]
    return {"Namespace": namespaces, "Node": nodes(), **workloads(), **network(), **storage(), **rules()}
