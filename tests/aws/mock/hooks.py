"""The few operations whose answer follows from the question in ways a table cannot say."""

import itertools
import json
from typing import Any
from zlib import crc32

from .requests import Asked
from .values import FAR


SESSIONS = itertools.count(1)


def assume_role(value: dict, asked: Asked, _account: str, _regions: list[str]) -> dict:
    role = asked.params["RoleArn"]
    account = role.split(":")[4]
    credentials = {
        "AccessKeyId": f"ASIA{account}MOCK{next(SESSIONS)}",
        "SecretAccessKey": "secret",
        "SessionToken": f"token-{account}",
        "Expiration": FAR,
    }
    session = f"{role.rpartition('/')[2]}/{asked.params.get('RoleSessionName', 'session')}"
    arn = f"arn:aws:sts::{account}:assumed-role/{session}"
    return value | {"Credentials": credentials, "AssumedRoleUser": {"AssumedRoleId": "AROAMOCK:session", "Arn": arn}}


def caller(_value: dict, _asked: Asked, account: str, _regions: list[str]) -> dict:
    return {
        "UserId": "AROAMOCK:session",
        "Account": account,
        "Arn": f"arn:aws:sts::{account}:assumed-role/CollectRole/session",
    }


def regions(_value: dict, _asked: Asked, _account: str, names: list[str]) -> dict:
    return {
        "Regions": [
            {"RegionName": n, "Endpoint": f"ec2.{n}.amazonaws.com", "OptInStatus": "opt-in-not-required"} for n in names
        ]
    }


def metric_data(_value: dict, asked: Asked, _account: str, _regions: list[str]) -> dict:
    """Two points for every query, different for every metric, so that minimum, average and maximum differ."""
    results = []
    for query in asked.params.get("MetricDataQueries", []):
        stat = query.get("MetricStat", {})
        metric = stat.get("Metric", {})
        dimensions = sorted(d["Value"] for d in metric.get("Dimensions", []))
        base = (
            crc32(f"{metric.get('Namespace')} {metric.get('MetricName')} {stat.get('Stat')} {dimensions}".encode())
            % 1000
        )
        points = {
            "Timestamps": [1_704_067_500, 1_704_067_200],
            "Values": [base + 5.5, base + 2.0],
            "StatusCode": "Complete",
        }
        results.append({"Id": query["Id"], "Label": query.get("Label", query["Id"])} | points)
    return {"MetricDataResults": results, "Messages": []}


def credential_report(_value: dict, _asked: Asked, account: str, _regions: list[str]) -> dict:
    parts = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
    key = ",".join(f"access_key_{{0}}_{part}" for part in parts)
    head = (
        "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
        f"mfa_active,{key.format(1)},{key.format(2)},cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
    )
    rows = [head]
    for name, password in (("<root_account>", "not_supported"), ("UserName-0", "true"), ("UserName-1", "false")):
        arn = f"arn:aws:iam::{account}:root" if name[0] == "<" else f"arn:aws:iam::{account}:user/user-{name[-1]}"
        used = "2024-02-03T04:05:06+00:00" if password == "true" else "no_information"
        rows.append(
            f"{name},{arn},2024-01-01T00:00:00+00:00,{password},{used},2024-01-02T00:00:00+00:00,N/A,true,"
            "true,2024-01-05T00:00:00+00:00,2024-03-01T00:00:00+00:00,us-east-1,s3,"
            "false,2024-01-06T00:00:00+00:00,N/A,N/A,N/A,true,2024-01-07T00:00:00+00:00,false,N/A"
        )
    return {"Content": "\n".join(rows), "ReportFormat": "text/csv", "GeneratedTime": 1_704_067_200}


def products(_value: dict, _asked: Asked, _account: str, _regions: list[str]) -> dict:
    """One product with a price in the form of the price list."""
    dimensions = {
        "dimension": {
            "unit": "GB-Mo",
            "pricePerUnit": {"USD": "0.1250000000"},
            "description": "per month",
            "rateCode": "rate",
            "appliesTo": [],
        }
    }
    term = {
        "sku": "SKU",
        "effectiveDate": "2024-01-01T00:00:00Z",
        "priceDimensions": dimensions,
        "offerTermCode": "CODE",
        "termAttributes": {},
    }
    product = {
        "product": {"productFamily": "Storage", "sku": "SKU", "attributes": {}},
        "serviceCode": "AmazonEC2",
        "terms": {"OnDemand": {"offer": term}},
    }
    return {"FormatVersion": "aws_v1", "PriceList": [json.dumps(product)]}


def child_units(value: dict, asked: Asked, _account: str, _regions: list[str]) -> dict:
    """A root has two units and these have none: the tree has to end."""
    return value if asked.params["ParentId"].startswith("Root") else {"OrganizationalUnits": []}


# Names of quotas by service, two that say something about resources and one that does not.
QUOTAS = {
    "ec2": [
        "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        "Running On-Demand F instances",
        "EC2-VPC Elastic IPs",
    ],
    "ebs": [
        "Storage for General Purpose SSD (gp2) volumes, in TiB",
        "Storage for magnetic (standard) volumes, in TiB",
        "Snapshots per Region",
    ],
    "vpc": ["Internet gateways per Region", "VPCs per Region"],
    "elasticloadbalancing": [
        "Application Load Balancers per Region",
        "Classic Load Balancers per Region",
        "Targets per target group per Region",
    ],
    "iam": ["Server certificates per account", "Roles per account"],
}


def quotas(value: dict, asked: Asked, account: str, _regions: list[str]) -> dict:
    """The quotas of the service that the request names."""
    service = asked.params["ServiceCode"]
    out = []
    for i, name in enumerate(QUOTAS.get(service, [])):
        code = f"L-{service}-{i}"
        arn = f"arn:aws:servicequotas:{asked.region}:{account}:{service}/{code}"
        out.append(
            value["Quotas"][i % 2]
            | {"QuotaName": name, "QuotaCode": code, "QuotaArn": arn, "ServiceCode": service, "Value": 5.0 + i}
        )
    return {"Quotas": out}


def balancer_tags(_value: dict, asked: Asked, _account: str, _regions: list[str]) -> dict:
    """Tags for every one that was asked for, however many."""
    tags = lambda n: [{"Key": "Name", "Value": f"Tag-Tag-{n}"}, {"Key": "stage", "Value": f"stage-{n}"}]
    return {"TagDescriptions": [{"ResourceArn": arn, "Tags": tags(arn[-1])} for arn in asked.params["ResourceArns"]]}


HOOKS: dict[str, Any] = {
    "elbv2.DescribeTags": balancer_tags,
    "sts.AssumeRole": assume_role,
    "sts.GetCallerIdentity": caller,
    "ec2.DescribeRegions": regions,
    "cloudwatch.GetMetricData": metric_data,
    "iam.GetCredentialReport": credential_report,
    "organizations.ListOrganizationalUnitsForParent": child_units,
    "service-quotas.ListServiceQuotas": quotas,
    "pricing.GetProducts": products,
}
