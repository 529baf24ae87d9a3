#!/usr/bin/env python3
"""One account to be cleaned up: everything that has to go in an order, or wants something done before it goes.

cleanup_estate.py make --endpoint http://127.0.0.1:5000    fills moto; what is to go has the tag fate=go where it can;
                                                           says the ids of some, and as "kept" all that is to stay
cleanup_estate.py left --endpoint http://127.0.0.1:5000    says as JSON what is there, each resource by its id or name
cleanup_estate.py tags --endpoint http://127.0.0.1:5000    says as JSON the tags of instances, buckets and roles
cleanup_estate.py twins --endpoint http://127.0.0.1:5000   makes the same things in two accounts that trust nobody; says
                                                           the keys of each
cleanup_estate.py twins-left --endpoint http://127.0.0.1:5000   says as JSON what each has, with its tags
"""

import argparse
import json
from typing import Any

from estate.place import Place, document, session, trust

ACCOUNT = "100000000001"
REGION = "eu-west-1"
GO = [{"Key": "fate", "Value": "go"}]
STAY = [{"Key": "fate", "Value": "stay"}]
# moto deletes at once and checks few dependencies, so the order is proved by its request log, and what AWS refuses
# meanwhile by faults (moto_cloud.py --fault).


def spec(resource: str, tags: list[dict[str, str]] = GO) -> list[dict[str, Any]]:
    return [{"ResourceType": resource, "Tags": tags}]


def network(p: Place) -> dict[str, str]:
    """A VPC with everything in it that can be in a VPC."""
    ec2 = p.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=spec("vpc"))["Vpc"]["VpcId"]
    subnets = []
    for n, zone in enumerate("ab"):
        made = ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.9.{n}.0/24", AvailabilityZone=REGION + zone, TagSpecifications=spec("subnet")
        )
        subnets.append(made["Subnet"]["SubnetId"])
    gateway = ec2.create_internet_gateway(TagSpecifications=spec("internet-gateway"))
    gateway = gateway["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=spec("route-table"))["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    for subnet in subnets:
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    ec2.create_network_acl(VpcId=vpc, TagSpecifications=spec("network-acl"))
    first, second = security_groups(p, vpc)
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=spec("elastic-ip"))["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address, TagSpecifications=spec("natgateway"))
    ec2.create_network_interface(SubnetId=subnets[1], Groups=[first], TagSpecifications=spec("network-interface"))
    ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{REGION}.s3",
        VpcEndpointType="Gateway",
        RouteTableIds=[table],
        TagSpecifications=spec("vpc-endpoint"),
    )
    ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{REGION}.ec2",
        VpcEndpointType="Interface",
        SubnetIds=subnets[:1],
        SecurityGroupIds=[second],
        TagSpecifications=spec("vpc-endpoint"),
    )
    instance = machines(p, subnets[0], first)
    return {"vpc": vpc, "nat": nat["NatGateway"]["NatGatewayId"], "instance": instance, "group": first}


def security_groups(p: Place, vpc: str) -> list[str]:
    """Two groups that let each other in, and themselves."""
    ec2 = p.client("ec2")
    groups = []
    for name in ("first", "second"):
        made = ec2.create_security_group(
            GroupName=name, Description=name, VpcId=vpc, TagSpecifications=spec("security-group")
        )
        groups.append(made["GroupId"])
    for group in groups:
        rules = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": other} for other in groups]}]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
        rules = [{"IpProtocol": "tcp", "FromPort": 5, "ToPort": 5, "UserIdGroupPairs": [{"GroupId": groups[0]}]}]
        ec2.authorize_security_group_egress(GroupId=group, IpPermissions=rules)
    return groups


def machines(p: Place, subnet: str, group: str) -> str:
    """An instance with an address and a second volume, and a volume that nobody uses."""
    ec2 = p.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    made = ec2.run_instances(
        ImageId=image,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        SecurityGroupIds=[group],
        TagSpecifications=spec("instance"),
    )
    instance = made["Instances"][0]["InstanceId"]
    for attach in (True, False):
        volume = ec2.create_volume(AvailabilityZone=REGION + "a", Size=8, TagSpecifications=spec("volume"))["VolumeId"]
        if attach:
            ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=spec("elastic-ip"))["AllocationId"]
    ec2.associate_address(AllocationId=address, InstanceId=instance)
    return instance


def identity(p: Place) -> None:
    """A role, a user and a group with whatever they can hold, and the policy that they share."""
    iam = p.client("iam")
    allow = document("s3:Get*")
    policy = iam.create_policy(PolicyName="shared", PolicyDocument=allow, Tags=GO)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=document("s3:List*"), SetAsDefault=True)
    iam.create_role(RoleName="machine", AssumeRolePolicyDocument=trust("ec2.amazonaws.com"), Tags=GO)
    iam.put_role_policy(RoleName="machine", PolicyName="own", PolicyDocument=allow)
    iam.attach_role_policy(RoleName="machine", PolicyArn=policy)
    iam.create_instance_profile(InstanceProfileName="profile", Tags=GO)
    iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="machine")
    iam.create_group(GroupName="people")
    iam.create_user(UserName="leaver", Tags=GO)
    for name in ("leaver", "keeper"):
        iam.add_user_to_group(GroupName="people", UserName=name)
    iam.put_group_policy(GroupName="people", PolicyName="own", PolicyDocument=allow)
    iam.attach_group_policy(GroupName="people", PolicyArn=policy)
    for _ in range(2):
        iam.create_access_key(UserName="leaver")
    iam.create_login_profile(UserName="leaver", Password="Not-a-secret-1")
    iam.put_user_policy(UserName="leaver", PolicyName="own", PolicyDocument=allow)
    iam.attach_user_policy(UserName="leaver", PolicyArn=policy)


def storage(p: Place) -> None:
    """A bucket with versions, a delete marker and an unfinished upload, and a plain one."""
    s3 = p.client("s3")
    for name in ("versions-go", "plain-go"):
        bucket(p, name, GO)
        if name == "versions-go":
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        for n in range(4):
            s3.put_object(Bucket=name, Key=f"folder/{n // 2} & more", Body=b"content")
    s3.delete_object(Bucket="versions-go", Key="folder/0 & more")
    s3.create_multipart_upload(Bucket="versions-go", Key="unfinished")


def bucket(p: Place, name: str, tags: list[dict[str, str]]) -> None:
    s3 = p.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})


def zones(p: Place) -> None:
    """A zone with records of its own, and one with no more than it was made with."""
    route53 = p.client("route53")
    for name in ("go.example.com", "empty-go.example.com"):
        zone = route53.create_hosted_zone(Name=name, CallerReference=name)["HostedZone"]["Id"].rpartition("/")[2]
        route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone, AddTags=GO)
        if name.startswith("empty"):
            continue
        records = [("www", "A", "10.0.0.1"), ("alias", "CNAME", "www.go.example.com"), ("below", "NS", "ns.example.org")]
        for record, kind, value in records:
            values = {"Name": f"{record}.{name}", "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}
            change = {"Action": "CREATE", "ResourceRecordSet": values}
            route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})


def stays(p: Place) -> str:
    """A machine in the VPC that each region has from the start, a bucket and a user."""
    ec2 = p.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=spec("instance", STAY))
    bucket(p, "bucket-stays", STAY)
    p.client("iam").create_user(UserName="keeper", Tags=STAY)
    return made["Instances"][0]["InstanceId"]


def make(p: Place) -> dict[str, Any]:
    staying = stays(p)
    kept = left(p)
    ids = network(p)
    identity(p)
    storage(p)
    zones(p)
    return ids | {"stays": staying, "kept": kept}


# Operation, member of the answer, member that names an element.
LISTED = [
    ("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    ("ec2", "describe_subnets", "Subnets", "SubnetId"),
    ("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    ("ec2", "describe_network_acls", "NetworkAcls", "NetworkAclId"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("ec2", "describe_addresses", "Addresses", "AllocationId"),
    ("ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    ("ec2", "describe_volumes", "Volumes", "VolumeId"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
    ("iam", "list_users", "Users", "UserName"),
    ("iam", "list_groups", "Groups", "GroupName"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("route53", "list_hosted_zones", "HostedZones", "Name"),
]
ENDED = ("terminated", "deleted", "deleting")


def left(p: Place) -> list[str]:
    found = []
    for service, operation, member, name in LISTED:
        found += [item[name] for item in getattr(p.client(service), operation)()[member]]
    found += [item["PolicyName"] for item in p.client("iam").list_policies(Scope="Local")["Policies"]]
    ec2 = p.client("ec2")
    instances = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
    found += [i["InstanceId"] for i in instances if i["State"]["Name"] not in ENDED]
    gateways = ec2.describe_nat_gateways()["NatGateways"]
    found += [g["NatGatewayId"] for g in gateways if g["State"] not in ENDED]
    endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    found += [e["VpcEndpointId"] for e in endpoints if e["State"] not in ENDED]
    # moto forgets to delete the first network ACL of a VPC together with it.
    orphans = {acl["NetworkAclId"] for acl in ec2.describe_network_acls()["NetworkAcls"] if acl["VpcId"] not in found}
    return sorted(set(found) - orphans)


def tags(p: Place) -> dict[str, dict[str, str]]:
    found = {}
    for reservation in p.client("ec2").describe_instances()["Reservations"]:
        found |= {i["InstanceId"]: i.get("Tags", []) for i in reservation["Instances"]}
    found["bucket-stays"] = p.client("s3").get_bucket_tagging(Bucket="bucket-stays")["TagSet"]
    found["machine"] = p.client("iam").list_role_tags(RoleName="machine")["Tags"]
    return {name: {tag["Key"]: tag["Value"] for tag in pairs} for name, pairs in found.items()}


TWINS = ["100000000001", "100000000002"]


def twin(place: Place) -> dict[str, str]:
    """A log group, a role and a table, called the same in every account, and some more, so that the region counts."""
    logs, tables = place.client("logs"), place.client("dynamodb")
    for n in range(6):
        logs.create_log_group(logGroupName=f"other-{n}")
    logs.create_log_group(logGroupName="twin")
    for name in ["twin", *(f"other-{n}" for n in range(6))]:
        place.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust("ec2.amazonaws.com"))
    key = [{"AttributeName": "k", "KeyType": "HASH"}]
    attributes = [{"AttributeName": "k", "AttributeType": "S"}]
    tables.create_table(TableName="twin", KeySchema=key, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST")
    keys = place.session.get_credentials()
    return {"id": keys.access_key, "secret": keys.secret_key, "token": keys.token}


def twin_left(place: Place) -> dict[str, Any]:
    logs, tables, iam = place.client("logs"), place.client("dynamodb"), place.client("iam")
    found: dict[str, Any] = {}
    for group in logs.describe_log_groups(logGroupNamePrefix="twin")["logGroups"]:
        found["log group"] = logs.list_tags_log_group(logGroupName=group["logGroupName"])["tags"]
    for name in tables.list_tables()["TableNames"]:
        tagged = tables.list_tags_of_resource(ResourceArn=tables.describe_table(TableName=name)["Table"]["TableArn"])
        found["table"] = {tag["Key"]: tag["Value"] for tag in tagged["Tags"]}
    if any(role["RoleName"] == "twin" for role in iam.list_roles()["Roles"]):
        found["role"] = {tag["Key"]: tag["Value"] for tag in iam.list_role_tags(RoleName="twin")["Tags"]}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["make", "left", "tags", "twins", "twins-left"])
    parser.add_argument("--endpoint", required=True)
    args = parser.parse_args()
    if args.what.startswith("twins"):
        places = {a: Place(args.endpoint, a, REGION, 0, 1, session(args.endpoint, a)) for a in TWINS}
        of_one = twin if args.what == "twins" else twin_left
        print(json.dumps({account: of_one(place) for account, place in places.items()}))
        return
    place = Place(args.endpoint, ACCOUNT, REGION, 0, 1, session(args.endpoint, ACCOUNT))
    print(json.dumps({"make": make, "left": left, "tags": tags}[args.what](place)))


if __name__ == "__main__":
    main()
