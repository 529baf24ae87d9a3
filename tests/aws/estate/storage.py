"""Buckets, databases, caches, streams and queues."""

import json

from .place import Place, document, tag_map, tags


def keys(p: Place) -> None:
    kms = p.client("kms")
    for i in p.many(2):
        key = kms.create_key(
            Description=f"key {i}", Tags=[{"TagKey": k, "TagValue": v} for k, v in tag_map(f"kms-{i}").items()]
        )["KeyMetadata"]
        p.keep("kms", key["KeyId"])
        p.keep("kms-arn", key["Arn"])
        kms.create_alias(AliasName=f"alias/key-{i}", TargetKeyId=key["KeyId"])
    kms.enable_key_rotation(KeyId=p.nth("kms", 0))
    kms.disable_key(KeyId=p.nth("kms", 1))


def file_systems(p: Place) -> None:
    efs = p.client("efs")
    for i in p.many(2):
        made = efs.create_file_system(CreationToken=f"token-{i}", Encrypted=i % 2 == 0, Tags=tags(f"efs-{i}"))[
            "FileSystemId"
        ]
        efs.create_mount_target(FileSystemId=made, SubnetId=p.nth("subnet", i), SecurityGroups=[p.nth("sg", 0)])
        efs.create_access_point(
            ClientToken=f"point-{i}", FileSystemId=made, PosixUser={"Uid": 1000, "Gid": 1000}, Tags=tags(f"point-{i}")
        )


def relational(p: Place) -> None:
    rds = p.client("rds")
    rds.create_db_subnet_group(
        DBSubnetGroupName="subnets",
        DBSubnetGroupDescription="subnets",
        SubnetIds=[p.nth("subnet", 0), p.nth("subnet", 1)],
    )
    p.attempt(
        "rds.parameters",
        lambda: rds.create_db_parameter_group(
            DBParameterGroupName="parameters", DBParameterGroupFamily="mysql8.0", Description="parameters"
        ),
    )
    p.attempt(
        "rds.options",
        lambda: rds.create_option_group(
            OptionGroupName="options", EngineName="mysql", MajorEngineVersion="8.0", OptionGroupDescription="options"
        ),
    )
    for i in p.many(2):
        rds.create_db_instance(
            DBInstanceIdentifier=f"db-{i}",
            DBInstanceClass="db.t3.micro",
            Engine="mysql",
            AllocatedStorage=20,
            MasterUsername="admin",
            MasterUserPassword="password",
            DBSubnetGroupName="subnets",
            VpcSecurityGroupIds=[p.nth("sg", 0)],
            StorageEncrypted=True,
            KmsKeyId=p.nth("kms-arn", 0),
            Tags=tags(f"db-{i}"),
        )
        rds.create_db_snapshot(
            DBInstanceIdentifier=f"db-{i}", DBSnapshotIdentifier=f"db-snapshot-{i}", Tags=tags(f"db-snapshot-{i}")
        )
    rds.create_db_cluster(
        DBClusterIdentifier="aurora",
        Engine="aurora-mysql",
        MasterUsername="admin",
        MasterUserPassword="password",
        DBSubnetGroupName="subnets",
        Tags=tags("aurora"),
    )
    rds.create_db_cluster_snapshot(
        DBClusterIdentifier="aurora", DBClusterSnapshotIdentifier="aurora-snapshot", Tags=tags("aurora-snapshot")
    )


def tables(p: Place) -> None:
    dynamodb = p.client("dynamodb")
    for i in p.many(2):
        dynamodb.create_table(
            TableName=f"table-{i}",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "group", "AttributeType": "S"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-group",
                    "KeySchema": [{"AttributeName": "group", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                    "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
                }
            ],
            ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
            Tags=tags(f"table-{i}"),
        )


def caches(p: Place) -> None:
    client = p.client("elasticache")
    p.attempt(
        "elasticache.subnets",
        lambda: client.create_cache_subnet_group(
            CacheSubnetGroupName="cache-subnets", CacheSubnetGroupDescription="subnets", SubnetIds=[p.nth("subnet", 0)]
        ),
    )
    for i in p.many(2):
        client.create_cache_cluster(
            CacheClusterId=f"cache-{i}",
            Engine="redis",
            CacheNodeType="cache.t3.micro",
            NumCacheNodes=1,
            SecurityGroupIds=[p.nth("sg", 0)],
            Tags=tags(f"cache-{i}"),
        )
    client.create_replication_group(
        ReplicationGroupId="replicas",
        ReplicationGroupDescription="replicas",
        NumCacheClusters=2,
        CacheNodeType="cache.t3.micro",
        Engine="redis",
        Tags=tags("replicas"),
    )


def warehouses(p: Place) -> None:
    redshift = p.client("redshift")
    redshift.create_cluster_subnet_group(
        ClusterSubnetGroupName="warehouse-subnets", Description="subnets", SubnetIds=[p.nth("subnet", 0)]
    )
    redshift.create_cluster(
        ClusterIdentifier="warehouse",
        NodeType="dc2.large",
        ClusterType="single-node",
        MasterUsername="admin",
        MasterUserPassword="Password1",
        DBName="main",
        VpcSecurityGroupIds=[p.nth("sg", 0)],
        ClusterSubnetGroupName="warehouse-subnets",
        Encrypted=True,
        KmsKeyId=p.nth("kms", 0),
        Tags=tags("warehouse"),
    )


def search(p: Place) -> None:
    options = {"SubnetIds": [p.nth("subnet", 0)], "SecurityGroupIds": [p.nth("sg", 0)]}
    p.client("opensearch").create_domain(
        DomainName="search",
        EngineVersion="OpenSearch_2.11",
        ClusterConfig={"InstanceType": "t3.small.search", "InstanceCount": 1},
        EBSOptions={"EBSEnabled": True, "VolumeSize": 10},
        VPCOptions=options,
        TagList=tags("search"),
    )


def queues(p: Place) -> None:
    sqs = p.client("sqs")
    dead = sqs.create_queue(QueueName="dead", tags=tag_map("dead"))["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for i in p.many(2):
        redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 3})
        url = sqs.create_queue(
            QueueName=f"queue-{i}",
            Attributes={"RedrivePolicy": redrive, "KmsMasterKeyId": p.nth("kms", 0)},
            tags=tag_map(f"queue-{i}"),
        )["QueueUrl"]
        p.keep(
            "queue-arn", sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        )
    sqs.create_queue(QueueName="ordered.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})


def topics(p: Place) -> None:
    sns = p.client("sns")
    for i in p.many(2):
        topic = p.keep(
            "topic",
            sns.create_topic(
                Name=f"topic-{i}",
                Attributes={"DisplayName": f"Topic {i}", "KmsMasterKeyId": p.nth("kms", 0)},
                Tags=tags(f"topic-{i}"),
            )["TopicArn"],
        )
        sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=p.nth("queue-arn", i), Attributes={"RawMessageDelivery": "true"}
        )
    application = sns.create_platform_application(
        Name="application",
        Platform="GCM",
        Attributes={"PlatformCredential": "c", "EventEndpointCreated": p.nth("topic", 0)},
    )["PlatformApplicationArn"]
    sns.create_platform_endpoint(PlatformApplicationArn=application, Token="token-0", CustomUserData="data")


def streams(p: Place) -> None:
    kinesis = p.client("kinesis")
    for i in p.many(2):
        kinesis.create_stream(StreamName=f"stream-{i}", ShardCount=2)
        kinesis.add_tags_to_stream(StreamName=f"stream-{i}", Tags=tag_map(f"stream-{i}"))
    kinesis.start_stream_encryption(StreamName="stream-0", EncryptionType="KMS", KeyId=p.nth("kms", 0))


def vaults(p: Place) -> None:
    glacier = p.client("glacier")
    glacier.create_vault(vaultName="vault")
    archive = glacier.upload_archive(vaultName="vault", body=b"archive")["archiveId"]
    glacier.initiate_job(vaultName="vault", jobParameters={"Type": "archive-retrieval", "ArchiveId": archive})
    backup = p.client("backup")
    backup.create_backup_vault(BackupVaultName="backups", BackupVaultTags=tag_map("backups"))
    rule = {
        "RuleName": "daily",
        "TargetBackupVaultName": "backups",
        "ScheduleExpression": "cron(0 5 ? * * *)",
        "Lifecycle": {"DeleteAfterDays": 35},
    }
    backup.create_backup_plan(BackupPlan={"BackupPlanName": "plan", "Rules": [rule]}, BackupPlanTags=tag_map("plan"))
    p.attempt(
        "backup.report",
        lambda: backup.create_report_plan(
            ReportPlanName="report",
            ReportDeliveryChannel={"S3BucketName": f"data-{p.account}-0"},
            ReportSetting={"ReportTemplate": "BACKUP_JOB_REPORT"},
        ),
    )


def buckets(p: Place) -> None:
    """Once per account; half of them in the other region."""
    s3 = p.client("s3")
    for i in p.many(4):
        name = f"data-{p.account}-{i}"
        s3.create_bucket(
            Bucket=name, **({"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}} if i % 2 else {})
        )
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags(name)})
        if i % 4 == 3:  # one has nothing more
            continue
        s3.put_bucket_versioning(
            Bucket=name, VersioningConfiguration={"Status": "Enabled" if i % 2 == 0 else "Suspended"}
        )
        rule = {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": p.nth("kms-arn", 0)},
            "BucketKeyEnabled": True,
        }
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
        s3.put_bucket_policy(
            Bucket=name,
            Policy=document(
                "s3:PutObject",
                "s3:GetObject",
                resource=f"arn:aws:s3:::{name}/*",
                principal={"AWS": f"arn:aws:iam::{p.account}:root"},
            ),
        )
        s3.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": i % 2 == 0,
                "RestrictPublicBuckets": True,
            },
        )
        expire = {
            "ID": "old",
            "Status": "Enabled",
            "Filter": {"Prefix": "logs/"},
            "Expiration": {"Days": 30},
            "Transitions": [{"Days": 10, "StorageClass": "GLACIER"}],
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [expire]})
        s3.put_object(Bucket=name, Key="a/object", Body=b"content")
    s3.put_bucket_acl(Bucket=f"data-{p.account}-2", ACL="log-delivery-write")
    s3.put_bucket_logging(
        Bucket=f"data-{p.account}-0",
        BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": f"data-{p.account}-2", "TargetPrefix": "log/"}},
    )


PARTS = [keys, file_systems, relational, tables, caches, warehouses, search, queues, topics, streams, vaults]
ONCE = [buckets]
