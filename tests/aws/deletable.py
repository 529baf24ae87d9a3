#!/usr/bin/env python3
"""One resource of each kind that can be deleted and that moto can hold, each with what has to be taken away before.

deletable.py make --endpoint http://127.0.0.1:5000    fills moto; says as JSON for each kind the id (or name) of its
                                                      resource, and the calls by which it has to go, in their order
deletable.py left --endpoint ... --made FILE          says as JSON which of those kinds are still there, asked with boto3

What moto cannot hold is in `not-in-moto.toml`, with the reason.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from estate.place import Place, code, document, session, trust

ACCOUNT = "100000000001"
REGION = "eu-west-1"
ENDED = {"terminated", "released", "deleted", "deleting", "DELETED", "DELETE_COMPLETE", "INACTIVE", "STOPPED", "DRAINING"}


@dataclass
class Kind:
    """How a resource of a kind is made, which calls delete it, and whether it is there."""

    make: Callable[[Place], str]
    calls: list[str]
    there: Callable[[Place, str], Any]


KINDS: dict[str, Kind] = {}


def kind(name: str, *calls: str, there: Callable[[Place, str], Any]) -> Callable[[Callable[[Place], str]], Any]:
    """Registers what makes a resource of a kind."""

    def register(make: Callable[[Place], str]) -> Callable[[Place], str]:
        KINDS[name] = Kind(make, list(calls), there)
        return make

    return register


def state(found: list[dict[str, Any]], *path: str) -> bool:
    """Whether there is one that has not ended; the path leads to its state."""
    for item in found:
        value: Any = item
        for name in path:
            value = (value or {}).get(name)
        if value not in ENDED:
            return True
    return False


# --- EC2


def vpc(p: Place) -> str:
    if not p.ids.get("vpc"):
        p.keep("vpc", p.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])
    return p.ids["vpc"][0]


def subnet(p: Place) -> str:
    if not p.ids.get("subnet"):
        made = p.client("ec2").create_subnet(VpcId=vpc(p), CidrBlock="10.0.1.0/24", AvailabilityZone=REGION + "a")
        p.keep("subnet", made["Subnet"]["SubnetId"])
    return p.ids["subnet"][0]


def image(p: Place) -> str:
    return p.client("ec2").describe_images()["Images"][0]["ImageId"]


def ec2(operation: str, member: str, argument: str, *path: str) -> Callable[[Place, str], bool]:
    return lambda p, it: state(getattr(p.client("ec2"), operation)(**{argument: [it]})[member], *path)


@kind("aws_ec2_volume", "DeleteVolume", there=ec2("describe_volumes", "Volumes", "VolumeIds", "State"))
def volume(p: Place) -> str:
    return p.client("ec2").create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"]


@kind("aws_ec2_snapshot", "DeleteSnapshot", there=ec2("describe_snapshots", "Snapshots", "SnapshotIds", "State"))
def snapshot(p: Place) -> str:
    return p.client("ec2").create_snapshot(VolumeId=volume(p))["SnapshotId"]


@kind("aws_ec2_keypair", "DeleteKeyPair", there=ec2("describe_key_pairs", "KeyPairs", "KeyPairIds", "KeyPairId"))
def keypair(p: Place) -> str:
    return p.client("ec2").create_key_pair(KeyName="key")["KeyPairId"]


@kind(
    "aws_ec2_instance",
    "TerminateInstances",
    there=lambda p, it: state(
        p.client("ec2").describe_instances(InstanceIds=[it])["Reservations"][0]["Instances"], "State", "Name"
    ),
)
def instance(p: Place) -> str:
    made = p.client("ec2").run_instances(ImageId=image(p), MinCount=1, MaxCount=1, SubnetId=subnet(p))
    return made["Instances"][0]["InstanceId"]


@kind("aws_ec2_network_acl", "DeleteNetworkAcl", there=ec2("describe_network_acls", "NetworkAcls", "NetworkAclIds"))
def acl(p: Place) -> str:
    return p.client("ec2").create_network_acl(VpcId=vpc(p))["NetworkAcl"]["NetworkAclId"]


@kind(
    "aws_ec2_elastic_ip",
    "ReleaseAddress",
    "DisassociateAddress",
    "ReleaseAddress",
    there=lambda p, it: [a for a in p.client("ec2").describe_addresses()["Addresses"] if a["PublicIp"] == it],
)
def address(p: Place) -> str:
    made = p.client("ec2").allocate_address(Domain="vpc")
    p.client("ec2").associate_address(AllocationId=made["AllocationId"], InstanceId=instance(p))
    return made["PublicIp"]


@kind(
    "aws_ec2_network_interface",
    "DeleteNetworkInterface",
    "DetachNetworkInterface",
    "DeleteNetworkInterface",
    there=ec2("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceIds", "Status"),
)
def interface(p: Place) -> str:
    made = p.client("ec2").create_network_interface(SubnetId=subnet(p))["NetworkInterface"]["NetworkInterfaceId"]
    p.client("ec2").attach_network_interface(DeviceIndex=1, InstanceId=instance(p), NetworkInterfaceId=made)
    return made


@kind("aws_vpc", "DeleteVpc", there=ec2("describe_vpcs", "Vpcs", "VpcIds", "State"))
def empty_vpc(p: Place) -> str:
    return p.client("ec2").create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]


@kind(
    "aws_vpc_peering_connection",
    "DeleteVpcPeeringConnection",
    there=ec2(
        "describe_vpc_peering_connections", "VpcPeeringConnections", "VpcPeeringConnectionIds", "Status", "Code"
    ),
)
def peering(p: Place) -> str:
    other = p.client("ec2").create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    made = p.client("ec2").create_vpc_peering_connection(VpcId=vpc(p), PeerVpcId=other)
    return made["VpcPeeringConnection"]["VpcPeeringConnectionId"]


@kind("aws_vpc_endpoint", "DeleteVpcEndpoints", there=ec2("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointIds", "State"))
def endpoint(p: Place) -> str:
    made = p.client("ec2").create_vpc_endpoint(
        VpcId=vpc(p), ServiceName=f"com.amazonaws.{REGION}.s3", VpcEndpointType="Gateway"
    )
    return made["VpcEndpoint"]["VpcEndpointId"]


@kind("aws_ec2_subnet", "DeleteSubnet", there=ec2("describe_subnets", "Subnets", "SubnetIds", "State"))
def empty_subnet(p: Place) -> str:
    return p.client("ec2").create_subnet(VpcId=vpc(p), CidrBlock="10.0.9.0/24")["Subnet"]["SubnetId"]


@kind("aws_ec2_security_group", "DeleteSecurityGroup", there=ec2("describe_security_groups", "SecurityGroups", "GroupIds"))
def group(p: Place) -> str:
    ec2 = p.client("ec2")
    made = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc(p))["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": made}]}
    ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[rule])
    return made


@kind("aws_ec2_nat_gateway", "DeleteNatGateway", there=ec2("describe_nat_gateways", "NatGateways", "NatGatewayIds", "State"))
def nat(p: Place) -> str:
    made = p.client("ec2").create_nat_gateway(SubnetId=subnet(p), ConnectivityType="private")
    return made["NatGateway"]["NatGatewayId"]


@kind(
    "aws_ec2_internet_gateway",
    "DeleteInternetGateway",
    "DetachInternetGateway",
    "DeleteInternetGateway",
    there=ec2("describe_internet_gateways", "InternetGateways", "InternetGatewayIds"),
)
def gateway(p: Place) -> str:
    made = p.client("ec2").create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    p.client("ec2").attach_internet_gateway(InternetGatewayId=made, VpcId=vpc(p))
    return made


@kind(
    "aws_ec2_route_table",
    "DeleteRouteTable",
    "DisassociateRouteTable",
    "DeleteRouteTable",
    there=ec2("describe_route_tables", "RouteTables", "RouteTableIds"),
)
def route_table(p: Place) -> str:
    made = p.client("ec2").create_route_table(VpcId=vpc(p))["RouteTable"]["RouteTableId"]
    p.client("ec2").associate_route_table(RouteTableId=made, SubnetId=subnet(p))
    return made


@kind("aws_ec2_host", "ReleaseHosts", there=lambda p, it: state(p.client("ec2").describe_hosts(HostIds=[it])["Hosts"], "State"))
def host(p: Place) -> str:
    made = p.client("ec2").allocate_hosts(AvailabilityZone=REGION + "a", InstanceType="m5.large", Quantity=1)
    return made["HostIds"][0]


@kind("aws_ec2_flow_log", "DeleteFlowLogs", there=ec2("describe_flow_logs", "FlowLogs", "FlowLogIds"))
def flow_log(p: Place) -> str:
    made = p.client("ec2").create_flow_logs(
        ResourceIds=[vpc(p)],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination="arn:aws:s3:::" + bucket_of(p),
    )
    return made["FlowLogIds"][0]


@kind("aws_ec2_image", "DeregisterImage", there=ec2("describe_images", "Images", "ImageIds", "State"))
def own_image(p: Place) -> str:
    return p.client("ec2").create_image(InstanceId=instance(p), Name="image")["ImageId"]


@kind(
    "aws_autoscaling_group",
    "DeleteAutoScalingGroup",
    there=lambda p, it: p.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[it])[
        "AutoScalingGroups"
    ],
)
def scaling_group(p: Place) -> str:
    scaling = p.client("autoscaling")
    scaling.create_launch_configuration(LaunchConfigurationName="lc", ImageId=image(p), InstanceType="t3.micro")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="web", LaunchConfigurationName="lc", MinSize=0, MaxSize=1, AvailabilityZones=[REGION + "a"]
    )
    return "web"


# --- IAM


def kept_policy(p: Place) -> str:
    if not p.ids.get("policy"):
        made = p.client("iam").create_policy(PolicyName="kept", PolicyDocument=document("s3:Get*"))
        p.keep("policy", made["Policy"]["Arn"])
    return p.ids["policy"][0]


@kind(
    "aws_iam_user",
    "DeleteUser",
    "RemoveUserFromGroup",
    "DetachUserPolicy",
    "DeleteUserPolicy",
    "DeactivateMFADevice",
    "DeleteVirtualMFADevice",
    "DeleteLoginProfile",
    "DeleteSigningCertificate",
    "DeleteSSHPublicKey",
    "DeleteAccessKey",
    "DeleteUser",
    there=lambda p, it: p.client("iam").get_user(UserName=it)
    or p.client("iam").list_virtual_mfa_devices()["VirtualMFADevices"],
)
def user(p: Place) -> str:
    iam = p.client("iam")
    iam.create_user(UserName="leaver")
    iam.create_group(GroupName="crowd")
    iam.add_user_to_group(GroupName="crowd", UserName="leaver")
    iam.attach_user_policy(UserName="leaver", PolicyArn=kept_policy(p))
    iam.put_user_policy(UserName="leaver", PolicyName="own", PolicyDocument=document("s3:Get*"))
    iam.create_login_profile(UserName="leaver", Password="Not-a-secret-1")
    iam.upload_ssh_public_key(UserName="leaver", SSHPublicKeyBody="ssh-rsa AAAAB3NzaC1yc2E test")
    iam.upload_signing_certificate(UserName="leaver", CertificateBody=certificate())
    iam.create_access_key(UserName="leaver")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    iam.enable_mfa_device(
        UserName="leaver", SerialNumber=device, AuthenticationCode1="123456", AuthenticationCode2="654321"
    )
    return "leaver"


def certificate() -> str:
    """One that moto takes, whose key nobody keeps."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example.com")])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(begin).not_valid_after(begin + timedelta(days=36500))
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@kind(
    "aws_iam_access_key",
    "DeleteAccessKey",
    there=lambda p, it: p.client("iam").list_access_keys(UserName="stays")["AccessKeyMetadata"],
)
def access_key(p: Place) -> str:
    p.client("iam").create_user(UserName="stays")
    return p.client("iam").create_access_key(UserName="stays")["AccessKey"]["AccessKeyId"]


@kind(
    "aws_iam_group",
    "DeleteGroup",
    "RemoveUserFromGroup",
    "DetachGroupPolicy",
    "DeleteGroupPolicy",
    "DeleteGroup",
    there=lambda p, it: p.client("iam").get_group(GroupName=it),
)
def iam_group(p: Place) -> str:
    iam = p.client("iam")
    iam.create_group(GroupName="people")
    iam.create_user(UserName="member")
    iam.add_user_to_group(GroupName="people", UserName="member")
    iam.attach_group_policy(GroupName="people", PolicyArn=kept_policy(p))
    iam.put_group_policy(GroupName="people", PolicyName="own", PolicyDocument=document("s3:Get*"))
    return "people"


@kind(
    "aws_iam_role",
    "DeleteRole",
    "RemoveRoleFromInstanceProfile",
    "DetachRolePolicy",
    "DeleteRolePolicy",
    "DeleteRole",
    there=lambda p, it: p.client("iam").get_role(RoleName=it),
)
def role(p: Place) -> str:
    iam = p.client("iam")
    iam.create_role(RoleName="machine", AssumeRolePolicyDocument=trust("ec2.amazonaws.com"))
    iam.put_role_policy(RoleName="machine", PolicyName="own", PolicyDocument=document("s3:Get*"))
    iam.attach_role_policy(RoleName="machine", PolicyArn=kept_policy(p))
    iam.create_instance_profile(InstanceProfileName="of-machine")
    iam.add_role_to_instance_profile(InstanceProfileName="of-machine", RoleName="machine")
    return "machine"


@kind(
    "aws_iam_policy",
    "DeletePolicy",
    "DetachRolePolicy",
    "DeletePolicyVersion",
    "DeletePolicy",
    there=lambda p, it: [
        policy for policy in p.client("iam").list_policies(Scope="Local")["Policies"] if policy["PolicyName"] == it
    ],
)
def policy(p: Place) -> str:
    iam = p.client("iam")
    made = iam.create_policy(PolicyName="shared", PolicyDocument=document("s3:Get*"))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=made, PolicyDocument=document("s3:List*"), SetAsDefault=True)
    iam.create_role(RoleName="holder", AssumeRolePolicyDocument=trust("ec2.amazonaws.com"))
    iam.attach_role_policy(RoleName="holder", PolicyArn=made)
    return "shared"


@kind(
    "aws_iam_instance_profile",
    "DeleteInstanceProfile",
    "RemoveRoleFromInstanceProfile",
    "DeleteInstanceProfile",
    there=lambda p, it: p.client("iam").get_instance_profile(InstanceProfileName=it),
)
def profile(p: Place) -> str:
    iam = p.client("iam")
    iam.create_role(RoleName="in-profile", AssumeRolePolicyDocument=trust("ec2.amazonaws.com"))
    iam.create_instance_profile(InstanceProfileName="profile")
    iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="in-profile")
    return "profile"


@kind(
    "aws_iam_server_certificate",
    "DeleteServerCertificate",
    there=lambda p, it: p.client("iam").get_server_certificate(ServerCertificateName=it),
)
def server_certificate(p: Place) -> str:
    p.client("iam").upload_server_certificate(
        ServerCertificateName="site", CertificateBody=certificate(), PrivateKey="none"
    )
    return "site"


# --- storage


def bucket_of(p: Place) -> str:
    if not p.ids.get("bucket"):
        p.client("s3").create_bucket(
            Bucket="kept-bucket", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        p.keep("bucket", "kept-bucket")
    return p.ids["bucket"][0]


@kind(
    "aws_s3_bucket",
    "DeleteBucket",
    "DeleteObjects",
    "AbortMultipartUpload",
    "DeleteBucket",
    there=lambda p, it: p.client("s3").head_bucket(Bucket=it),
)
def bucket(p: Place) -> str:
    s3 = p.client("s3")
    s3.create_bucket(Bucket="full-bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="full-bucket", VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        s3.put_object(Bucket="full-bucket", Key="a & b", Body=b"content")
    s3.delete_object(Bucket="full-bucket", Key="a & b")
    s3.create_multipart_upload(Bucket="full-bucket", Key="unfinished")
    return "full-bucket"


@kind(
    "aws_efs_file_system",
    "DeleteFileSystem",
    "DeleteMountTarget",
    "DeleteFileSystem",
    there=lambda p, it: p.client("efs").describe_file_systems(FileSystemId=it)["FileSystems"],
)
def file_system(p: Place) -> str:
    made = p.client("efs").create_file_system(CreationToken="token")["FileSystemId"]
    p.client("efs").create_mount_target(FileSystemId=made, SubnetId=subnet(p))
    return made


@kind("aws_glacier_vault", "DeleteVault", there=lambda p, it: p.client("glacier").describe_vault(vaultName=it))
def vault(p: Place) -> str:
    p.client("glacier").create_vault(vaultName="cold")
    return "cold"


@kind(
    "aws_dynamodb_table",
    "DeleteTable",
    there=lambda p, it: it in p.client("dynamodb").list_tables()["TableNames"],
)
def table(p: Place) -> str:
    p.client("dynamodb").create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return "table"


@kind(
    "aws_rds_instance",
    "DeleteDBInstance",
    there=lambda p, it: p.client("rds").describe_db_instances(DBInstanceIdentifier=it)["DBInstances"],
)
def db_instance(p: Place) -> str:
    p.client("rds").create_db_instance(
        DBInstanceIdentifier="db",
        DBInstanceClass="db.t3.micro",
        Engine="mysql",
        AllocatedStorage=20,
        MasterUsername="u",
        MasterUserPassword="Not-a-secret-1",
    )
    return "db"


@kind(
    "aws_rds_cluster",
    "DeleteDBCluster",
    there=lambda p, it: p.client("rds").describe_db_clusters(DBClusterIdentifier=it)["DBClusters"],
)
def db_cluster(p: Place) -> str:
    p.client("rds").create_db_cluster(
        DBClusterIdentifier="cluster", Engine="aurora-mysql", MasterUsername="u", MasterUserPassword="Not-a-secret-1"
    )
    return "cluster"


@kind(
    "aws_redshift_cluster",
    "DeleteCluster",
    there=lambda p, it: p.client("redshift").describe_clusters(ClusterIdentifier=it)["Clusters"],
)
def redshift(p: Place) -> str:
    p.client("redshift").create_cluster(
        ClusterIdentifier="rs", NodeType="dc2.large", MasterUsername="u", MasterUserPassword="Not-a-secret-1"
    )
    return "rs"


@kind(
    "aws_elasticache_cache_cluster",
    "DeleteCacheCluster",
    there=lambda p, it: state(
        p.client("elasticache").describe_cache_clusters(CacheClusterId=it)["CacheClusters"], "CacheClusterStatus"
    ),
)
def cache(p: Place) -> str:
    p.client("elasticache").create_cache_cluster(
        CacheClusterId="cache", Engine="redis", CacheNodeType="cache.t3.micro", NumCacheNodes=1
    )
    return "cache"


@kind(
    "aws_elasticache_replication_group",
    "DeleteReplicationGroup",
    there=lambda p, it: state(
        p.client("elasticache").describe_replication_groups(ReplicationGroupId=it)["ReplicationGroups"], "Status"
    ),
)
def replication_group(p: Place) -> str:
    p.client("elasticache").create_replication_group(
        ReplicationGroupId="copies", ReplicationGroupDescription="copies", Engine="redis", CacheNodeType="cache.t3.micro"
    )
    return "copies"


@kind(
    "aws_backup_plan",
    "DeleteBackupPlan",
    there=lambda p, it: [x for x in p.client("backup").list_backup_plans()["BackupPlansList"] if x["BackupPlanId"] == it],
)
def backup_plan(p: Place) -> str:
    backup_vault(p)
    plan = {"BackupPlanName": "plan", "Rules": [{"RuleName": "r", "TargetBackupVaultName": "vault"}]}
    return p.client("backup").create_backup_plan(BackupPlan=plan)["BackupPlanId"]


@kind(
    "aws_backup_vault",
    "DeleteBackupVault",
    there=lambda p, it: [
        x for x in p.client("backup").list_backup_vaults()["BackupVaultList"] if x["BackupVaultName"] == it
    ],
)
def backup_vault(p: Place) -> str:
    if not p.ids.get("vault"):
        p.client("backup").create_backup_vault(BackupVaultName="vault")
        p.keep("vault", "vault")
    return "vault"


@kind(
    "aws_backup_report_plan",
    "DeleteReportPlan",
    there=lambda p, it: [x for x in p.client("backup").list_report_plans()["ReportPlans"] if x["ReportPlanName"] == it],
)
def report_plan(p: Place) -> str:
    p.client("backup").create_report_plan(
        ReportPlanName="report",
        ReportDeliveryChannel={"S3BucketName": bucket_of(p)},
        ReportSetting={"ReportTemplate": "BACKUP_JOB_REPORT"},
    )
    return "report"


# --- messages, logs, keys


@kind("aws_sns_topic", "DeleteTopic", there=lambda p, it: it in topics(p))
def topic(p: Place) -> str:
    return p.client("sns").create_topic(Name="topic")["TopicArn"]


def topics(p: Place) -> str:
    return str(p.client("sns").list_topics()["Topics"])


@kind("aws_sns_subscription", "Unsubscribe", there=lambda p, it: it in str(p.client("sns").list_subscriptions()))
def subscription(p: Place) -> str:
    kept = p.client("sns").create_topic(Name="kept")["TopicArn"]
    made = p.client("sns").subscribe(TopicArn=kept, Protocol="email", Endpoint="me@example.com")
    return made["SubscriptionArn"]


@kind(
    "aws_sns_platform_application",
    "DeletePlatformApplication",
    there=lambda p, it: it in str(p.client("sns").list_platform_applications()),
)
def application(p: Place) -> str:
    made = p.client("sns").create_platform_application(Name="app", Platform="GCM", Attributes={})
    return made["PlatformApplicationArn"]


@kind(
    "aws_sns_endpoint",
    "DeleteEndpoint",
    there=lambda p, it: p.client("sns").get_endpoint_attributes(EndpointArn=it),
)
def sns_endpoint(p: Place) -> str:
    kept = p.client("sns").create_platform_application(Name="kept", Platform="GCM", Attributes={})
    made = p.client("sns").create_platform_endpoint(PlatformApplicationArn=kept["PlatformApplicationArn"], Token="t")
    return made["EndpointArn"]


@kind("aws_sqs_queue", "DeleteQueue", there=lambda p, it: p.client("sqs").list_queues(QueueNamePrefix=it).get("QueueUrls"))
def queue(p: Place) -> str:
    p.client("sqs").create_queue(QueueName="queue")
    return "queue"


@kind(
    "aws_kinesis_stream",
    "DeleteStream",
    there=lambda p, it: it in p.client("kinesis").list_streams()["StreamNames"],
)
def stream(p: Place) -> str:
    p.client("kinesis").create_stream(StreamName="stream", ShardCount=1)
    return "stream"


@kind(
    "aws_kms_key",
    "DisableKey",
    "ScheduleKeyDeletion",
    there=lambda p, it: p.client("kms").describe_key(KeyId=it)["KeyMetadata"]["KeyState"] != "PendingDeletion",
)
def key(p: Place) -> str:
    return p.client("kms").create_key()["KeyMetadata"]["KeyId"]


@kind(
    "aws_lambda_function", "DeleteFunction", there=lambda p, it: p.client("lambda").get_function(FunctionName=it)
)
def function(p: Place) -> str:
    iam = p.client("iam")
    made = iam.create_role(RoleName="of-function", AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))["Role"]["Arn"]
    p.client("lambda").create_function(
        FunctionName="function", Runtime="python3.12", Role=made, Handler="a.b", Code={"ZipFile": code()}
    )
    return "function"


@kind(
    "aws_cloudwatch_alarm",
    "DeleteAlarms",
    there=lambda p, it: p.client("cloudwatch").describe_alarms(AlarmNames=[it])["MetricAlarms"],
)
def alarm(p: Place) -> str:
    p.client("cloudwatch").put_metric_alarm(
        AlarmName="alarm",
        MetricName="m",
        Namespace="n",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    return "alarm"


@kind(
    "aws_cloudwatch_log_group",
    "DeleteLogGroup",
    there=lambda p, it: p.client("logs").describe_log_groups(logGroupNamePrefix=it)["logGroups"],
)
def log_group(p: Place) -> str:
    p.client("logs").create_log_group(logGroupName="log-to-go")
    return "log-to-go"


@kind(
    "aws_cloudwatch_metric_filter",
    "DeleteMetricFilter",
    there=lambda p, it: p.client("logs").describe_metric_filters(logGroupName="log-kept")["metricFilters"],
)
def metric_filter(p: Place) -> str:
    logs = p.client("logs")
    logs.create_log_group(logGroupName="log-kept")
    transformation = {"metricName": "m", "metricNamespace": "n", "metricValue": "1"}
    logs.put_metric_filter(
        logGroupName="log-kept", filterName="filter", filterPattern="x", metricTransformations=[transformation]
    )
    return "filter"


@kind("aws_cloud_trail", "DeleteTrail", there=lambda p, it: p.client("cloudtrail").get_trail(Name=it))
def trail(p: Place) -> str:
    p.client("cloudtrail").create_trail(Name="trail", S3BucketName=bucket_of(p))
    return "trail"


@kind(
    "aws_config_recorder",
    "DeleteConfigurationRecorder",
    there=lambda p, it: p.client("config").describe_configuration_recorders()["ConfigurationRecorders"],
)
def recorder(p: Place) -> str:
    role = f"arn:aws:iam::{ACCOUNT}:role/config"
    p.client("config").put_configuration_recorder(ConfigurationRecorder={"name": "recorder", "roleARN": role})
    return "recorder"


# --- compute and the web


@kind(
    "aws_ecs_cluster",
    "DeleteCluster",
    there=lambda p, it: state(p.client("ecs").describe_clusters(clusters=[it])["clusters"], "status"),
)
def empty_ecs(p: Place) -> str:
    return p.client("ecs").create_cluster(clusterName="empty")["cluster"]["clusterArn"]


def ecs_cluster(p: Place) -> str:
    if not p.ids.get("ecs"):
        p.keep("ecs", p.client("ecs").create_cluster(clusterName="kept")["cluster"]["clusterArn"])
    return p.ids["ecs"][0]


@kind(
    "aws_ecs_task_definition",
    "DeregisterTaskDefinition",
    there=lambda p, it: state([p.client("ecs").describe_task_definition(taskDefinition=it)["taskDefinition"]], "status"),
)
def task_definition(p: Place, family: str = "family") -> str:
    containers = [{"name": "c", "image": "i", "memory": 64}]
    made = p.client("ecs").register_task_definition(family=family, containerDefinitions=containers)
    return made["taskDefinition"]["taskDefinitionArn"]


@kind(
    "aws_ecs_service",
    "DeleteService",
    there=lambda p, it: state(
        p.client("ecs").describe_services(cluster=ecs_kept(p), services=[it])["services"], "status"
    ),
)
def service(p: Place) -> str:
    made = p.client("ecs").create_service(
        cluster=ecs_cluster(p), serviceName="service", taskDefinition=task_definition(p, "of-service"), desiredCount=0
    )
    return made["service"]["serviceArn"]


def ecs_kept(p: Place) -> str:
    return "kept"


@kind(
    "aws_ecs_capacity_provider",
    "DeleteCapacityProvider",
    "PutClusterCapacityProviders",
    "DeleteCapacityProvider",
    there=lambda p, it: state(
        p.client("ecs").describe_capacity_providers(capacityProviders=[it])["capacityProviders"], "status"
    ),
)
def capacity_provider(p: Place) -> str:
    ecs = p.client("ecs")
    group = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:0:autoScalingGroupName/none"
    ecs.create_capacity_provider(name="capacity", autoScalingGroupProvider={"autoScalingGroupArn": group})
    ecs.put_cluster_capacity_providers(
        cluster=ecs_cluster(p), capacityProviders=["capacity"], defaultCapacityProviderStrategy=[]
    )
    return "capacity"


@kind("aws_eks_cluster", "DeleteCluster", there=lambda p, it: it in p.client("eks").list_clusters()["clusters"])
def eks(p: Place) -> str:
    eks_named(p, "empty")
    return "empty"


def eks_named(p: Place, name: str) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/eks"
    p.client("eks").create_cluster(name=name, roleArn=role, resourcesVpcConfig={"subnetIds": [subnet(p)]})


@kind(
    "aws_eks_nodegroup",
    "DeleteNodegroup",
    there=lambda p, it: p.client("eks").list_nodegroups(clusterName="kept")["nodegroups"],
)
def nodegroup(p: Place) -> str:
    eks_named(p, "kept")
    role = f"arn:aws:iam::{ACCOUNT}:role/eks"
    p.client("eks").create_nodegroup(clusterName="kept", nodegroupName="nodes", subnets=[subnet(p)], nodeRole=role)
    return "nodes"


@kind(
    "aws_beanstalk_application",
    "DeleteApplication",
    there=lambda p, it: p.client("elasticbeanstalk").describe_applications(ApplicationNames=[it])["Applications"],
)
def beanstalk(p: Place) -> str:
    p.client("elasticbeanstalk").create_application(ApplicationName="app")
    return "app"


@kind(
    "aws_elb",
    "DeleteLoadBalancer",
    there=lambda p, it: p.client("elb").describe_load_balancers(LoadBalancerNames=[it])["LoadBalancerDescriptions"],
)
def elb(p: Place) -> str:
    listener = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}
    p.client("elb").create_load_balancer(LoadBalancerName="old", Listeners=[listener], Subnets=[subnet(p)])
    return "old"


@kind(
    "aws_alb",
    "DeleteLoadBalancer",
    there=lambda p, it: p.client("elbv2").describe_load_balancers(Names=[it])["LoadBalancers"],
)
def alb(p: Place) -> str:
    ec2 = p.client("ec2")
    other = ec2.create_subnet(VpcId=vpc(p), CidrBlock="10.0.2.0/24", AvailabilityZone=REGION + "b")["Subnet"]["SubnetId"]
    p.client("elbv2").create_load_balancer(Name="new", Subnets=[subnet(p), other])
    return "new"


@kind(
    "aws_alb_target_group",
    "DeleteTargetGroup",
    there=lambda p, it: p.client("elbv2").describe_target_groups(Names=[it])["TargetGroups"],
)
def target_group(p: Place) -> str:
    p.client("elbv2").create_target_group(Name="targets", Protocol="HTTP", Port=80, VpcId=vpc(p))
    return "targets"


def api(p: Place) -> str:
    if not p.ids.get("api"):
        p.keep("api", p.client("apigateway").create_rest_api(name="kept")["id"])
    return p.ids["api"][0]


def of_api(p: Place, operation: str) -> str:
    found = [x["id"] for x in p.client("apigateway").get_rest_apis()["items"] if x["name"] == "kept"]
    return str(getattr(p.client("apigateway"), operation)(restApiId=found[0]))


@kind("aws_apigateway_rest_api", "DeleteRestApi", there=lambda p, it: p.client("apigateway").get_rest_api(restApiId=it))
def rest_api(p: Place) -> str:
    return p.client("apigateway").create_rest_api(name="empty")["id"]


@kind("aws_apigateway_resource", "DeleteResource", there=lambda p, it: it in of_api(p, "get_resources"))
def api_resource(p: Place) -> str:
    root = p.client("apigateway").get_resources(restApiId=api(p))["items"][0]["id"]
    return p.client("apigateway").create_resource(restApiId=api(p), parentId=root, pathPart="part")["id"]


@kind("aws_apigateway_authorizer", "DeleteAuthorizer", there=lambda p, it: it in of_api(p, "get_authorizers"))
def authorizer(p: Place) -> str:
    made = p.client("apigateway").create_authorizer(
        restApiId=api(p), name="auth", type="TOKEN", authorizerUri="arn:aws:x", identitySource="method.request.header.A"
    )
    return made["id"]


@kind(
    "aws_apigateway_domain_name",
    "DeleteDomainName",
    there=lambda p, it: p.client("apigateway").get_domain_name(domainName=it),
)
def domain_name(p: Place) -> str:
    p.client("apigateway").create_domain_name(domainName="api.example.com")
    return "api.example.com"


@kind("aws_athena_work_group", "DeleteWorkGroup", there=lambda p, it: p.client("athena").get_work_group(WorkGroup=it).get("WorkGroup"))
def work_group(p: Place) -> str:
    p.client("athena").create_work_group(Name="group")
    return "group"


@kind(
    "aws_cloudformation_stack",
    "DeleteStack",
    there=lambda p, it: state(
        p.client("cloudformation").describe_stacks(StackName=it)["Stacks"], "StackStatus"
    ),
)
def stack(p: Place) -> str:
    p.client("cloudformation").create_stack(StackName="stack", TemplateBody=TEMPLATE)
    return "stack"


@kind(
    "aws_cloudformation_stack_set",
    "DeleteStackSet",
    there=lambda p, it: state(
        [p.client("cloudformation").describe_stack_set(StackSetName=it)["StackSet"]], "Status"
    ),
)
def stack_set(p: Place) -> str:
    p.client("cloudformation").create_stack_set(StackSetName="stacks", TemplateBody=TEMPLATE)
    return "stacks"


@kind(
    "aws_cognito_user_pool",
    "DeleteUserPool",
    "DeleteUserPoolDomain",
    "DeleteUserPool",
    there=lambda p, it: p.client("cognito-idp").describe_user_pool(UserPoolId=it),
)
def pool(p: Place) -> str:
    made = p.client("cognito-idp").create_user_pool(PoolName="pool")["UserPool"]["Id"]
    p.client("cognito-idp").create_user_pool_domain(Domain="sign-in", UserPoolId=made)
    return made


@kind(
    "aws_cognito_group",
    "DeleteGroup",
    there=lambda p, it: [
        group
        for pool in p.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"]
        for group in p.client("cognito-idp").list_groups(UserPoolId=pool["Id"])["Groups"]
    ],
)
def pool_group(p: Place) -> str:
    made = p.client("cognito-idp").create_user_pool(PoolName="kept")["UserPool"]["Id"]
    p.client("cognito-idp").create_group(GroupName="members", UserPoolId=made)
    return "members"


@kind(
    "aws_route53_zone",
    "DeleteHostedZone",
    "ChangeResourceRecordSets",
    "DeleteHostedZone",
    there=lambda p, it: p.client("route53").get_hosted_zone(Id=it),
)
def zone(p: Place) -> str:
    route53 = p.client("route53")
    made = route53.create_hosted_zone(Name="example.com", CallerReference="r")["HostedZone"]["Id"].rpartition("/")[2]
    values = {"Name": "www.example.com", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "10.0.0.1"}]}
    change = {"Action": "CREATE", "ResourceRecordSet": values}
    route53.change_resource_record_sets(HostedZoneId=made, ChangeBatch={"Changes": [change]})
    return made


@kind(
    "aws_sagemaker_notebook",
    "DeleteNotebookInstance",
    "StopNotebookInstance",
    "DeleteNotebookInstance",
    there=lambda p, it: p.client("sagemaker").describe_notebook_instance(NotebookInstanceName=it),
)
def notebook(p: Place) -> str:
    role = f"arn:aws:iam::{ACCOUNT}:role/sagemaker"
    p.client("sagemaker").create_notebook_instance(
        NotebookInstanceName="notes", InstanceType="ml.t3.medium", RoleArn=role
    )
    return "notes"


@kind("aws_sagemaker_model", "DeleteModel", there=lambda p, it: p.client("sagemaker").describe_model(ModelName=it))
def model(p: Place) -> str:
    role = f"arn:aws:iam::{ACCOUNT}:role/sagemaker"
    p.client("sagemaker").create_model(
        ModelName="model", ExecutionRoleArn=role, PrimaryContainer={"Image": "i", "ModelDataUrl": "s3://b/m"}
    )
    return "model"


@kind(
    "aws_sagemaker_pipeline",
    "DeletePipeline",
    there=lambda p, it: [
        x for x in p.client("sagemaker").list_pipelines()["PipelineSummaries"] if x["PipelineName"] == it
    ],
)
def pipeline(p: Place) -> str:
    role = f"arn:aws:iam::{ACCOUNT}:role/sagemaker"
    p.client("sagemaker").create_pipeline(
        PipelineName="pipeline", PipelineDefinition="{}", RoleArn=role, ClientRequestToken="0" * 32
    )
    return "pipeline"

@kind("aws_apigateway_deployment", "DeleteDeployment", there=lambda p, it: it in of_api(p, "get_deployments"))
def deployment(p: Place) -> str:
    method(p)
    return p.client("apigateway").create_deployment(restApiId=api(p))["id"]


def method(p: Place) -> None:
    if p.ids.get("method"):
        return
    gateway = p.client("apigateway")
    it = {"restApiId": api(p), "resourceId": gateway.get_resources(restApiId=api(p))["items"][0]["id"]}
    gateway.put_method(**it, httpMethod="GET", authorizationType="NONE")
    gateway.put_integration(**it, httpMethod="GET", type="MOCK")
    p.keep("method", "GET")


@kind(
    "aws_apigateway_stage",
    "DeleteStage",
    there=lambda p, it: [
        stage
        for x in p.client("apigateway").get_rest_apis()["items"]
        for stage in p.client("apigateway").get_stages(restApiId=x["id"])["item"]
    ],
)
def stage(p: Place) -> str:
    method(p)
    p.client("apigateway").create_deployment(restApiId=api(p), stageName="live")
    return "live"


@kind("aws_sagemaker_endpoint", "DeleteEndpoint", there=lambda p, it: p.client("sagemaker").describe_endpoint(EndpointName=it))
def sagemaker_endpoint(p: Place) -> str:
    sagemaker = p.client("sagemaker")
    sagemaker.create_model(
        ModelName="served",
        ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/sagemaker",
        PrimaryContainer={"Image": "i", "ModelDataUrl": "s3://b/m"},
    )
    variant = {"VariantName": "v", "ModelName": "served", "InitialInstanceCount": 1, "InstanceType": "ml.t2.medium"}
    sagemaker.create_endpoint_config(EndpointConfigName="config", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="endpoint", EndpointConfigName="config")
    return "endpoint"


@kind(
    "aws_sagemaker_experiment",
    "DeleteExperiment",
    there=lambda p, it: [
        x for x in p.client("sagemaker").list_experiments()["ExperimentSummaries"] if x["ExperimentName"] == it
    ],
)
def experiment(p: Place) -> str:
    p.client("sagemaker").create_experiment(ExperimentName="experiment")
    return "experiment"


@kind(
    "aws_sagemaker_trial",
    "DeleteTrial",
    there=lambda p, it: [x for x in p.client("sagemaker").list_trials()["TrialSummaries"] if x["TrialName"] == it],
)
def trial(p: Place) -> str:
    p.client("sagemaker").create_experiment(ExperimentName="kept")
    p.client("sagemaker").create_trial(TrialName="trial", ExperimentName="kept")
    return "trial"


@kind(
    "aws_cloudfront_distribution",
    "DeleteDistribution",
    "UpdateDistribution",
    "DeleteDistribution",
    there=lambda p, it: p.client("cloudfront").get_distribution(Id=it),
)
def distribution(p: Place) -> str:
    origin = {"Id": "o", "DomainName": "o.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
    behavior = {
        "TargetOriginId": "o",
        "ViewerProtocolPolicy": "allow-all",
        "MinTTL": 0,
        "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
    }
    config = {
        "CallerReference": "r",
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": behavior,
    }
    return p.client("cloudfront").create_distribution(DistributionConfig=config)["Distribution"]["Id"]


@kind(
    "aws_cloudfront_origin_access_control",
    "DeleteOriginAccessControl",
    there=lambda p, it: p.client("cloudfront").get_origin_access_control(Id=it),
)
def access_control(p: Place) -> str:
    config = {
        "Name": "access",
        "SigningProtocol": "sigv4",
        "SigningBehavior": "always",
        "OriginAccessControlOriginType": "s3",
    }
    made = p.client("cloudfront").create_origin_access_control(OriginAccessControlConfig=config)
    return made["OriginAccessControl"]["Id"]


@kind(
    "aws_cloudfront_public_key",
    "DeletePublicKey",
    there=lambda p, it: it in str(p.client("cloudfront").list_public_keys()),
)
def public_key(p: Place) -> str:
    config = {"CallerReference": "r", "Name": "key", "EncodedKey": "none"}
    return p.client("cloudfront").create_public_key(PublicKeyConfig=config)["PublicKey"]["Id"]


@kind("aws_bedrock_agent", "DeleteAgent", there=lambda p, it: it in str(p.client("bedrock-agent").list_agents()))
def agent(p: Place) -> str:
    role = f"arn:aws:iam::{ACCOUNT}:role/bedrock"
    return p.client("bedrock-agent").create_agent(agentName="agent", agentResourceRoleArn=role)["agent"]["agentId"]

@kind(
    "aws_cloudfront_function",
    "DeleteFunction",
    there=lambda p, it: it in str(p.client("cloudfront").list_functions()["FunctionList"]),
)
def edge_function(p: Place) -> str:
    config = {"Comment": "", "Runtime": "cloudfront-js-2.0"}
    p.client("cloudfront").create_function(Name="edge", FunctionConfig=config, FunctionCode=b"function handler() {}")
    return "edge"


@kind(
    "aws_bedrock_agent_knowledge_base",
    "DeleteKnowledgeBase",
    there=lambda p, it: it in str(p.client("bedrock-agent").list_knowledge_bases()),
)
def knowledge_base(p: Place) -> str:
    made = p.client("bedrock-agent").create_knowledge_base(
        name="knowledge",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/bedrock",
        storageConfiguration={"type": "OPENSEARCH_SERVERLESS"},
        knowledgeBaseConfiguration={
            "type": "VECTOR",
            "vectorKnowledgeBaseConfiguration": {"embeddingModelArn": "arn:aws:bedrock:eu-west-1::foundation-model/m"},
        },
    )
    return made["knowledgeBase"]["knowledgeBaseId"]


@kind(
    "aws_sagemaker_domain", "DeleteDomain", there=lambda p, it: it in str(p.client("sagemaker").list_domains()["Domains"])
)
def domain(p: Place) -> str:
    made = p.client("sagemaker").create_domain(
        DomainName="domain",
        AuthMode="IAM",
        DefaultUserSettings={"ExecutionRole": f"arn:aws:iam::{ACCOUNT}:role/sagemaker"},
        SubnetIds=[subnet(p)],
        VpcId=vpc(p),
    )
    return made["DomainArn"].rpartition("/")[2]


TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})


def make(p: Place) -> dict[str, Any]:
    made = {}
    for name, kind in KINDS.items():
        try:
            made[name] = {"id": kind.make(p), "calls": kind.calls}
        except Exception as e:
            print(f"{name}: {type(e).__name__}: {e}", file=sys.stderr)
            raise
    return made


def left(p: Place, made: dict[str, Any]) -> list[str]:
    still = []
    for name, it in made.items():
        try:
            if KINDS[name].there(p, it["id"]):
                still.append(name)
        except ClientError as e:
            if "AccessDenied" in str(e) or "InternalError" in str(e):
                raise
        except IndexError:
            pass
    return still


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["make", "left"])
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--made", type=Path)
    args = parser.parse_args()
    place = Place(args.endpoint, ACCOUNT, REGION, 0, 1, session(args.endpoint, ACCOUNT))
    print(json.dumps(make(place) if args.what == "make" else left(place, json.loads(args.made.read_text()))))


if __name__ == "__main__":
    main()
