"""Instances and what runs beside them."""

import base64
import json

from .place import Place, code, document, spec, tag_map, tags


def instances(p: Place) -> None:
    ec2 = p.client("ec2")
    for i in range(3):  # equal names in every region
        ec2.create_key_pair(KeyName=f"key-{i}", TagSpecifications=spec("key-pair", f"key-{i}"))
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    p.keep("image", image)
    for i in p.many(6):
        subnet = p.nth("subnet", i)
        made = ec2.run_instances(
            ImageId=image,
            MinCount=1,
            MaxCount=1,
            InstanceType=["t3.micro", "m5.large", "c5.xlarge"][i % 3],
            KeyName=f"key-{i % 3}",
            SubnetId=subnet,
            SecurityGroupIds=[p.nth("sg", 2 * (i // 2))],
            TagSpecifications=spec("instance", f"instance-{i}"),
            IamInstanceProfile={"Name": f"profile-{i % 2}"} if i % 2 else {},
        )["Instances"][0]
        p.keep("instance", made["InstanceId"])
        volume = ec2.create_volume(
            AvailabilityZone=made["Placement"]["AvailabilityZone"],
            Size=10 + i,
            VolumeType=["gp3", "gp2", "io1"][i % 3],
            Encrypted=i % 2 == 0,
            TagSpecifications=spec("volume", f"volume-{i}"),
            **({"Iops": 300} if i % 3 == 2 else {}),
        )
        p.keep("volume", volume["VolumeId"])
        if i % 2 == 0:
            ec2.attach_volume(VolumeId=volume["VolumeId"], InstanceId=made["InstanceId"], Device="/dev/sdf")
        snapshot = ec2.create_snapshot(
            VolumeId=volume["VolumeId"],
            Description=f"snapshot {i}",
            TagSpecifications=spec("snapshot", f"snapshot-{i}"),
        )
        p.keep("snapshot", snapshot["SnapshotId"])
    ec2.stop_instances(InstanceIds=[p.nth("instance", 1)])
    ec2.terminate_instances(InstanceIds=[p.nth("instance", 5)])
    ec2.associate_address(
        AllocationId=ec2.allocate_address(Domain="vpc")["AllocationId"], InstanceId=p.nth("instance", 0)
    )


def images(p: Place) -> None:
    p.client("ec2").create_image(
        InstanceId=p.nth("instance", 0),
        Name="image-0",
        Description="an image",
        TagSpecifications=spec("image", "image-0"),
    )


def hosts(p: Place) -> None:
    p.client("ec2").allocate_hosts(
        AvailabilityZone=p.region + "a", InstanceType="m5.large", Quantity=1, AutoPlacement="on"
    )


def scaling(p: Place) -> None:
    ec2, autoscaling = p.client("ec2"), p.client("autoscaling")
    for i in p.many(2):
        data = {
            "ImageId": p.nth("image", 0),
            "InstanceType": "t3.micro",
            "KeyName": "key-0",
            "UserData": base64.b64encode(b"#!/bin/sh\n").decode(),
        }
        template = ec2.create_launch_template(
            LaunchTemplateName=f"template-{i}",
            LaunchTemplateData=data,
            TagSpecifications=spec("launch-template", f"template-{i}"),
        )
        template_id = template["LaunchTemplate"]["LaunchTemplateId"]
        autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=f"asg-{i}",
            MinSize=0,
            MaxSize=2,
            DesiredCapacity=1,
            VPCZoneIdentifier=p.nth("subnet", i),
            LaunchTemplate={"LaunchTemplateId": template_id, "Version": "$Latest"},
            Tags=[t | {"PropagateAtLaunch": True} for t in tags(f"asg-{i}")],
        )


def load_balancers(p: Place) -> None:
    v2 = p.client("elbv2")
    for i in p.many(2):
        vpc = p.nth("vpc", i)
        lb = v2.create_load_balancer(
            Name=f"lb-{i}",
            Subnets=[p.nth("subnet", 2 * i), p.nth("subnet", 2 * i + 1)],
            SecurityGroups=[p.nth("sg", 2 * i)],
            Tags=tags(f"lb-{i}"),
        )
        lb_arn = p.keep("alb", lb["LoadBalancers"][0]["LoadBalancerArn"])
        group = v2.create_target_group(
            Name=f"targets-{i}",
            Protocol="HTTP",
            Port=80,
            VpcId=vpc,
            HealthCheckPath="/health",
            Tags=tags(f"targets-{i}"),
        )
        group_arn = group["TargetGroups"][0]["TargetGroupArn"]
        v2.register_targets(
            TargetGroupArn=group_arn,
            Targets=[{"Id": p.nth("instance", 0), "Port": 80}, {"Id": p.nth("instance", 2), "Port": 81}],
        )
        listener = v2.create_listener(
            LoadBalancerArn=lb_arn,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group_arn}],
        )
        v2.create_rule(
            ListenerArn=listener["Listeners"][0]["ListenerArn"],
            Priority=10,
            Conditions=[{"Field": "path-pattern", "Values": ["/api/*"]}],
            Actions=[{"Type": "forward", "TargetGroupArn": group_arn}],
        )


def classic_load_balancers(p: Place) -> None:
    elb = p.client("elb")
    listener = {"Protocol": "http", "LoadBalancerPort": 80, "InstanceProtocol": "http", "InstancePort": 8080}
    elb.create_load_balancer(
        LoadBalancerName="classic-0",
        Listeners=[listener],
        Subnets=[p.nth("subnet", 0)],
        SecurityGroups=[p.nth("sg", 0)],
        Tags=tags("classic-0"),
    )
    elb.register_instances_with_load_balancer(
        LoadBalancerName="classic-0", Instances=[{"InstanceId": p.nth("instance", 0)}]
    )


def functions(p: Place) -> None:
    client = p.client("lambda")
    layer = p.attempt(
        "lambda.layer",
        lambda: client.publish_layer_version(
            LayerName="layer", Content={"ZipFile": code()}, CompatibleRuntimes=["python3.12"]
        ),
    )
    for i in p.many(3):
        made = client.create_function(
            FunctionName=f"function-{i}",
            Runtime="python3.12",
            Role=f"arn:aws:iam::{p.account}:role/role-0",
            Handler="main.handler",
            Code={"ZipFile": code()},
            Description=f"function {i}",
            Timeout=10 + i,
            MemorySize=256,
            Environment={"Variables": {"STAGE": "test"}},
            Tags=tag_map(f"function-{i}"),
            VpcConfig={"SubnetIds": [p.nth("subnet", 0)], "SecurityGroupIds": [p.nth("sg", 0)]} if i == 0 else {},
            Layers=[layer["LayerVersionArn"]] if layer and i == 1 else [],
            TracingConfig={"Mode": "Active"},
            Architectures=["arm64"],
        )
        p.keep("function", made["FunctionArn"])
    client.add_permission(
        FunctionName="function-0", StatementId="invoke", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    p.attempt(
        "lambda.url",
        lambda: client.create_function_url_config(
            FunctionName="function-0", AuthType="NONE", Cors={"AllowOrigins": ["*"]}
        ),
    )
    p.attempt(
        "lambda.source",
        lambda: client.create_event_source_mapping(
            FunctionName="function-1", EventSourceArn=p.nth("queue-arn", 0), BatchSize=5
        ),
    )


def containers(p: Place) -> None:
    ecs, ecr = p.client("ecs"), p.client("ecr")
    for i in p.many(2):
        ecr.create_repository(
            repositoryName=f"repository-{i}",
            imageScanningConfiguration={"scanOnPush": True},
            tags=tags(f"repository-{i}"),
        )
    ecr.set_repository_policy(
        repositoryName="repository-0",
        policyText=document("ecr:BatchGetImage", principal="*").replace('"Resource": "*", ', ""),
    )
    provider = ecs.create_capacity_provider(
        name="provider",
        autoScalingGroupProvider={
            "autoScalingGroupArn": p.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"][0][
                "AutoScalingGroupARN"
            ]
        },
    )
    p.keep("provider", provider["capacityProvider"]["name"])
    ecs.create_cluster(
        clusterName="cluster-0",
        capacityProviders=["provider"],
        settings=[{"name": "containerInsights", "value": "enabled"}],
        tags=lower("cluster-0"),
    )
    container = {
        "name": "web",
        "image": "nginx:1",
        "memory": 128,
        "cpu": 10,
        "essential": True,
        "portMappings": [{"containerPort": 80, "hostPort": 80}],
        "environment": [{"name": "A", "value": "b"}],
    }
    for family in ("web", "worker"):
        ecs.register_task_definition(
            family=family,
            containerDefinitions=[container],
            taskRoleArn=f"arn:aws:iam::{p.account}:role/role-0",
            tags=lower(family),
        )
    identity = {
        "instanceId": p.nth("instance", 0),
        "accountId": p.account,
        "region": p.region,
        "availabilityZone": p.region + "a",
        "imageId": p.nth("image", 0),
        "instanceType": "t3.micro",
        "version": "2017-09-30",
    }
    ecs.register_container_instance(cluster="cluster-0", instanceIdentityDocument=json.dumps(identity))
    ecs.create_service(
        cluster="cluster-0",
        serviceName="service-0",
        taskDefinition="web:1",
        desiredCount=1,
        launchType="EC2",
        tags=lower("service-0"),
    )
    ecs.run_task(cluster="cluster-0", taskDefinition="worker:1", count=1)


def lower(name: str) -> list[dict[str, str]]:
    return [{"key": t["Key"], "value": t["Value"]} for t in tags(name)]


def kubernetes(p: Place) -> None:
    eks = p.client("eks")
    role = f"arn:aws:iam::{p.account}:role/role-0"
    for i in range(2):  # equal names in every region
        eks.create_cluster(
            name=f"eks-{i}",
            roleArn=role,
            resourcesVpcConfig={
                "subnetIds": [p.nth("subnet", 0), p.nth("subnet", 1)],
                "securityGroupIds": [p.nth("sg", 0)],
            },
            version="1.29",
            tags=tag_map(f"eks-{i}"),
        )
        eks.create_nodegroup(
            clusterName=f"eks-{i}",
            nodegroupName="nodes",
            subnets=[p.nth("subnet", 0)],
            nodeRole=role,
            scalingConfig={"minSize": 1, "maxSize": 3, "desiredSize": 2},
            tags=tag_map("nodes"),
        )


def beanstalk(p: Place) -> None:
    client = p.client("elasticbeanstalk")
    client.create_application(ApplicationName="beans", Description="an application", Tags=tags("beans"))
    client.create_environment(
        ApplicationName="beans",
        EnvironmentName="beans-test",
        SolutionStackName="64bit Amazon Linux 2 v5.6.4 running Node.js 18",
        Tags=tags("beans-test"),
    )


PARTS = [
    instances,
    images,
    hosts,
    scaling,
    load_balancers,
    classic_load_balancers,
    functions,
    containers,
    kubernetes,
    beanstalk,
]
