"""What AWS refuses to delete because something is in the way, and moto deletes at once."""

from collections.abc import Iterator
from typing import Any

from mock.requests import Asked
from moto.cloudfront.models import cloudfront_backends
from moto.cognitoidp.models import cognitoidp_backends
from moto.ec2.models import ec2_backends
from moto.ecs.models import ecs_backends
from moto.iam.models import iam_backends

Refusal = tuple[int, str, str]


def refusal(asked: Asked) -> Refusal | None:
    """Status, code and message of the answer, if AWS would refuse this."""
    check = CHECKS.get(asked.name)
    reason = check(asked.params) if check else None
    if reason is None:
        return None
    status, code = CODES.get(asked.name, CODES[asked.service.name])
    return status, code, reason


CODES = {
    "iam": (409, "DeleteConflict"),
    "ec2": (400, "DependencyViolation"),
    "ec2.ReleaseAddress": (400, "InvalidIPAddress.InUse"),
    "ec2.DeleteNetworkInterface": (400, "InvalidParameterValue"),
    "cloudfront": (409, "DistributionNotDisabled"),
    "ecs": (400, "ClientException"),
    "cognito-idp": (400, "InvalidParameterException"),
}


def backends(of: Any) -> Iterator[Any]:
    for account in list(of.values()):
        yield from list(account.values())


def user(params: dict[str, Any]) -> str | None:
    for backend in backends(iam_backends):
        found = backend.users.get(params["UserName"])
        if not found:
            continue
        has = {
            "access keys": found.access_keys,
            "MFA devices": found.mfa_devices,
            "login profile": found.password,
            "SSH keys": found.ssh_public_keys,
            "signing certificates": found.signing_certificates,
            "policies": found.policies or found.managed_policies,
            "groups": [group for group in backend.groups.values() if found in group.users],
        }
        for what, there in has.items():
            if there:
                return f"Cannot delete entity, must remove {what} first."
    return None


def group(params: dict[str, Any]) -> str | None:
    for backend in backends(iam_backends):
        found = backend.groups.get(params["GroupName"])
        if found and (found.users or found.policies or found.managed_policies):
            return "Cannot delete entity, must remove users and policies from group first."
    return None


def policy(params: dict[str, Any]) -> str | None:
    for backend in backends(iam_backends):
        found = backend.managed_policies.get(params["PolicyArn"])
        if found and found.attachment_count:
            return "Cannot delete a policy attached to entities."
        if found and len(found.versions) > 1:
            return "This policy has more than one version. Before you delete a policy, you must delete the others."
    return None


def security_group(params: dict[str, Any]) -> str | None:
    own = params["GroupId"]
    for backend in backends(ec2_backends):
        interfaces = [eni for eni in backend.enis.values() if any(group.id == own for group in eni.group_set)]
        others = [group for groups in backend.groups.values() for group in groups.values() if group.id != own]
        named = [group for group in others for rule in rules(group) if rule.source_group.get("GroupId") == own]
        if interfaces or named:
            return f"resource {own} has a dependent object"
    return None


def rules(group: Any) -> list[Any]:
    return [*group.ingress_rules, *group.egress_rules]


def address(params: dict[str, Any]) -> str | None:
    for backend in backends(ec2_backends):
        for found in backend.addresses:
            if found.allocation_id == params.get("AllocationId") and found.association_id:
                return f"Address {found.public_ip} is in use."
    return None


def interface(params: dict[str, Any]) -> str | None:
    own = params["NetworkInterfaceId"]
    for backend in backends(ec2_backends):
        found = backend.enis.get(own)
        if found and found.instance and found.instance._state.name == "running":
            return f"Network interface '{own}' is currently in use."
    return None


def capacity_provider(params: dict[str, Any]) -> str | None:
    name = params["capacityProvider"].rpartition("/")[2]
    for backend in backends(ecs_backends):
        for cluster in backend.clusters.values():
            if name in (cluster.capacity_providers or []):
                return f"The capacity provider cannot be deleted because it is associated with cluster: {cluster.name}."
    return None


def user_pool(params: dict[str, Any]) -> str | None:
    for backend in backends(cognitoidp_backends):
        if any(domain.user_pool_id == params["UserPoolId"] for domain in backend.user_pool_domains.values()):
            return "User pool cannot be deleted. It has a domain configured that should be deleted first."
    return None


def distribution(params: dict[str, Any]) -> str | None:
    for backend in backends(cloudfront_backends):
        found = backend.distributions.get(params["Id"])
        if found and str(getattr(found.distribution_config, "Enabled", False)).lower() == "true":
            return "The distribution you are trying to delete has not been disabled."
    return None


CHECKS = {
    "cloudfront.DeleteDistribution": distribution,
    "iam.DeleteUser": user,
    "iam.DeleteGroup": group,
    "iam.DeletePolicy": policy,
    "ec2.DeleteSecurityGroup": security_group,
    "ec2.ReleaseAddress": address,
    "ec2.DeleteNetworkInterface": interface,
    "ecs.DeleteCapacityProvider": capacity_provider,
    "cognito-idp.DeleteUserPool": user_pool,
}
