"""IAM, DNS, the edge and the organisation: what an account has once."""

from datetime import UTC, datetime, timedelta

from .place import Place, document, tag_map, tags, trust


def identities(p: Place) -> None:
    iam = p.client("iam")
    iam.create_account_alias(AccountAlias=f"estate-{p.number}")
    iam.update_account_password_policy(
        MinimumPasswordLength=14,
        RequireSymbols=True,
        RequireNumbers=True,
        RequireUppercaseCharacters=True,
        RequireLowercaseCharacters=True,
        AllowUsersToChangePassword=True,
        MaxPasswordAge=90,
        PasswordReusePrevention=5,
    )
    for i in p.many(2):
        policy = iam.create_policy(
            PolicyName=f"policy-{i}",
            PolicyDocument=document("s3:GetObject", "s3:ListBucket"),
            Description=f"policy {i}",
            Tags=tags(f"policy-{i}"),
        )["Policy"]["Arn"]
        p.keep("policy", policy)
        iam.create_group(GroupName=f"group-{i}")
        iam.attach_group_policy(GroupName=f"group-{i}", PolicyArn=policy)
        iam.put_group_policy(
            GroupName=f"group-{i}", PolicyName="inline", PolicyDocument=document("ec2:DescribeInstances")
        )
        iam.create_role(
            RoleName=f"role-{i}",
            AssumeRolePolicyDocument=trust("ec2.amazonaws.com"),
            Description=f"role {i}",
            MaxSessionDuration=7200,
            Tags=tags(f"role-{i}"),
        )
        iam.attach_role_policy(RoleName=f"role-{i}", PolicyArn=policy)
        iam.put_role_policy(RoleName=f"role-{i}", PolicyName="inline", PolicyDocument=document("sqs:SendMessage"))
        iam.create_instance_profile(InstanceProfileName=f"profile-{i}", Tags=tags(f"profile-{i}"))
        iam.add_role_to_instance_profile(InstanceProfileName=f"profile-{i}", RoleName=f"role-{i}")
    iam.create_policy_version(PolicyArn=p.nth("policy", 0), PolicyDocument=document("s3:*"), SetAsDefault=True)


def users(p: Place) -> None:
    iam = p.client("iam")
    for i in p.many(4):
        user = f"user-{i}"
        iam.create_user(UserName=user, Path="/people/" if i % 2 else "/", Tags=tags(user))
        iam.add_user_to_group(GroupName=f"group-{i % 2}", UserName=user)
        if i % 2 == 0:
            iam.create_access_key(UserName=user)
            iam.create_login_profile(UserName=user, Password="Password1!")
            iam.attach_user_policy(UserName=user, PolicyArn=p.nth("policy", 1))
            iam.put_user_policy(UserName=user, PolicyName="inline", PolicyDocument=document("sns:Publish"))
    key = iam.create_access_key(UserName="user-2")["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName="user-2", AccessKeyId=key, Status="Inactive")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="user-0")["VirtualMFADevice"]["SerialNumber"]
    iam.enable_mfa_device(
        UserName="user-0", SerialNumber=device, AuthenticationCode1="123456", AuthenticationCode2="654321"
    )


def certificates(p: Place) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nTUlJQg==\n-----END CERTIFICATE-----"
    p.client("iam").upload_server_certificate(
        ServerCertificateName="server", CertificateBody=pem, PrivateKey=pem.replace("CERTIFICATE", "PRIVATE KEY")
    )


RECORDS = [
    ("A", "a", ["192.0.2.1", "192.0.2.2"]),
    ("AAAA", "aaaa", ["2001:db8::1"]),
    ("CNAME", "www", ["a.example.com"]),
    ("MX", "mail", ["10 mail-1.example.com.", "20 mail-2.example.com."]),
    ("TXT", "text", ['"v=spf1 -all"', '"more"']),
    ("SRV", "_sip._tcp", ["1 10 5269 sip.example.com."]),
    ("CAA", "caa", ['0 issue "ca.example.com"']),
    ("PTR", "1.2.0.192", ["host.example.com."]),
    ("NS", "sub", ["ns-1.example.com.", "ns-2.example.com."]),
]


def zones(p: Place) -> None:
    route53 = p.client("route53")
    for i in p.many(2):
        name = f"zone-{i}-{p.number}.example.com."
        zone = route53.create_hosted_zone(Name=name, CallerReference=name, HostedZoneConfig={"Comment": f"zone {i}"})[
            "HostedZone"
        ]["Id"]
        changes = [record(f"{label}.{name}", kind, values) for kind, label, values in RECORDS]
        changes += [
            record(f"weighted.{name}", "A", ["192.0.2.3"], SetIdentifier=s, Weight=w)
            for s, w in (("blue", 10), ("green", 20))
        ]
        alias = {"HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": "lb.example.com.", "EvaluateTargetHealth": True}
        changes.append(
            {"Action": "CREATE", "ResourceRecordSet": {"Name": f"alias.{name}", "Type": "A", "AliasTarget": alias}}
        )
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
        route53.change_tags_for_resource(
            ResourceType="hostedzone", ResourceId=zone.rpartition("/")[2], AddTags=tags(f"zone-{i}")
        )


def record(name: str, kind: str, values: list[str], **more: object) -> dict[str, object]:
    return {
        "Action": "CREATE",
        "ResourceRecordSet": {
            "Name": name,
            "Type": kind,
            "TTL": 300,
            "ResourceRecords": [{"Value": v} for v in values],
            **more,
        },
    }


def distributions(p: Place) -> None:
    cloudfront = p.client("cloudfront")
    access = p.attempt(
        "cloudfront.access",
        lambda: cloudfront.create_origin_access_control(
            OriginAccessControlConfig={
                "Name": "access",
                "SigningProtocol": "sigv4",
                "SigningBehavior": "always",
                "OriginAccessControlOriginType": "s3",
            }
        ),
    )
    origin = {
        "Id": f"data-{p.account}-0",
        "DomainName": f"data-{p.account}-0.s3.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    if access:
        origin["OriginAccessControlId"] = access["OriginAccessControl"]["Id"]
    behavior = {
        "TargetOriginId": origin["Id"],
        "ViewerProtocolPolicy": "redirect-to-https",
        "MinTTL": 0,
        "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
    }
    config = {
        "CallerReference": "one",
        "Comment": "a distribution",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": behavior,
    }
    cloudfront.create_distribution_with_tags(
        DistributionConfigWithTags={"DistributionConfig": config, "Tags": {"Items": tags("distribution")}}
    )
    p.attempt(
        "cloudfront.function",
        lambda: cloudfront.create_function(
            Name="rewrite",
            FunctionConfig={"Comment": "rewrite", "Runtime": "cloudfront-js-2.0"},
            FunctionCode=b"function handler(e) { return e.request }",
        ),
    )


def firewalls(p: Place) -> None:
    for scope in ("CLOUDFRONT", "REGIONAL"):
        visibility = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "acl"}
        p.client("wafv2").create_web_acl(
            Name=f"acl-{scope.lower()}",
            Scope=scope,
            DefaultAction={"Allow": {}},
            VisibilityConfig=visibility,
            Rules=[],
            Tags=tags(f"acl-{scope}"),
        )


def organisation(p: Place) -> None:
    """Only the first account has one."""
    if p.number:
        return
    client = p.client("organizations")
    client.create_organization(FeatureSet="ALL")
    root = client.list_roots()["Roots"][0]["Id"]
    unit = client.create_organizational_unit(ParentId=root, Name="unit", Tags=tags("unit"))["OrganizationalUnit"]["Id"]
    inner = client.create_organizational_unit(ParentId=unit, Name="inner")["OrganizationalUnit"]["Id"]
    member = client.create_account(AccountName="member", Email="member@example.com")["CreateAccountStatus"]["AccountId"]
    client.move_account(AccountId=member, SourceParentId=root, DestinationParentId=inner)
    scp = client.create_policy(
        Name="guard", Type="SERVICE_CONTROL_POLICY", Description="a guard", Content=document("s3:*")
    )["Policy"]["PolicySummary"]["Id"]
    client.attach_policy(PolicyId=scp, TargetId=unit)


def metrics(p: Place) -> None:
    now = datetime.now(UTC)
    data = [
        {
            "MetricName": "CPUUtilization",
            "Dimensions": [{"Name": "InstanceId", "Value": i}],
            "Timestamp": now - timedelta(minutes=5),
            "Value": 12.5,
        }
        for i in p.ids.get("instance", [])
    ]
    if data:
        p.client("cloudwatch").put_metric_data(Namespace="AWS/EC2", MetricData=data)


def vault_secrets(p: Place) -> None:
    client = p.client("secretsmanager")
    for i in p.many(2):
        client.create_secret(
            Name=f"secret-{i}",
            SecretString="value",
            Description=f"secret {i}",
            KmsKeyId=p.nth("kms", 0),
            Tags=tags(f"secret-{i}"),
        )
    client.put_resource_policy(
        SecretId="secret-0",
        ResourcePolicy=document("secretsmanager:GetSecretValue", principal={"AWS": f"arn:aws:iam::{p.account}:root"}),
    )


def user_pools(p: Place) -> None:
    client = p.client("cognito-idp")
    pool = client.create_user_pool(
        PoolName="pool",
        UserPoolTags=tag_map("pool"),
        LambdaConfig={"PreSignUp": p.nth("function", 0)} if p.ids.get("function") else {},
    )["UserPool"]["Id"]
    client.create_group(
        GroupName="people",
        UserPoolId=pool,
        Description="people",
        RoleArn=f"arn:aws:iam::{p.account}:role/role-0",
        Precedence=1,
    )
    for i in p.many(2):
        client.admin_create_user(
            UserPoolId=pool,
            Username=f"person-{i}",
            UserAttributes=[{"Name": "email", "Value": f"person-{i}@example.com"}],
        )


def tls(p: Place) -> None:
    for i in p.many(2):
        p.client("acm").request_certificate(
            DomainName=f"site-{i}.example.com",
            SubjectAlternativeNames=[f"www.site-{i}.example.com"],
            ValidationMethod="DNS",
            Tags=tags(f"site-{i}"),
        )


FIRST = [identities]
ONCE = [users, certificates, zones, distributions, firewalls, organisation]
PARTS = [vault_secrets, user_pools, tls, metrics]
