"""What watches, builds and serves: alarms, logs, stacks, trails, rules, APIs, models."""

import json

from .place import Place, tag_map, tags

TEMPLATE = json.dumps(
    {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "a stack",
        "Parameters": {"Size": {"Type": "String", "Default": "small"}},
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "stack-queue"}}},
        "Outputs": {"Url": {"Value": {"Ref": "Queue"}, "Description": "the queue"}},
    }
)


def alarms(p: Place) -> None:
    cloudwatch = p.client("cloudwatch")
    for i in p.many(2):
        cloudwatch.put_metric_alarm(
            AlarmName=f"alarm-{i}",
            AlarmDescription=f"alarm {i}",
            Namespace="AWS/EC2",
            MetricName="CPUUtilization",
            Statistic="Average",
            Period=300,
            EvaluationPeriods=2,
            Threshold=80.0,
            ComparisonOperator="GreaterThanThreshold",
            Dimensions=[{"Name": "InstanceId", "Value": p.nth("instance", i)}],
            AlarmActions=[p.nth("topic", 0)],
            Tags=tags(f"alarm-{i}"),
        )


def logs(p: Place) -> None:
    client = p.client("logs")
    for i in p.many(2):  # equal names in every region
        client.create_log_group(
            logGroupName=f"/app/{i}", tags=tag_map(f"log-{i}"), **({"kmsKeyId": p.nth("kms-arn", 0)} if i == 0 else {})
        )
        client.put_retention_policy(logGroupName=f"/app/{i}", retentionInDays=14)
        transformation = {"metricName": "Errors", "metricNamespace": "App", "metricValue": "1"}
        client.put_metric_filter(
            logGroupName=f"/app/{i}",
            filterName=f"errors-{i}",
            filterPattern="ERROR",
            metricTransformations=[transformation],
        )


def stacks(p: Place) -> None:
    client = p.client("cloudformation")
    client.create_stack(
        StackName="stack",
        TemplateBody=TEMPLATE,
        Parameters=[{"ParameterKey": "Size", "ParameterValue": "large"}],
        Tags=tags("stack"),
    )
    client.create_stack_set(
        StackSetName="stack-set",
        TemplateBody=TEMPLATE.replace("stack-queue", "set-queue"),
        Description="a set",
        Tags=tags("stack-set"),
    )
    p.attempt(
        "cloudformation.instances",
        lambda: client.create_stack_instances(StackSetName="stack-set", Accounts=[p.account], Regions=[p.region]),
    )


def trails(p: Place) -> None:
    client = p.client("cloudtrail")
    everywhere = p.region == "us-east-1"
    arn = client.create_trail(
        Name=f"trail-{p.region}",
        S3BucketName=f"data-{p.account}-0",
        IsMultiRegionTrail=everywhere,
        IncludeGlobalServiceEvents=everywhere,
        EnableLogFileValidation=True,
        TagsList=tags("trail"),
    )["TrailARN"]
    client.start_logging(Name=arn)
    client.put_event_selectors(
        TrailName=arn, EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True}]
    )


def recorders(p: Place) -> None:
    config = p.client("config")
    config.put_configuration_recorder(
        ConfigurationRecorder={
            "name": "default",
            "roleARN": f"arn:aws:iam::{p.account}:role/role-0",
            "recordingGroup": {"allSupported": True, "includeGlobalResourceTypes": True},
        }
    )
    config.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": f"data-{p.account}-0"})
    config.start_configuration_recorder(ConfigurationRecorderName="default")


def apis(p: Place) -> None:
    client = p.client("apigateway")
    for i in p.many(2):
        api = client.create_rest_api(
            name=f"api-{i}",
            description=f"api {i}",
            endpointConfiguration={"types": ["REGIONAL"]},
            tags=tag_map(f"api-{i}"),
        )["id"]
        root = client.get_resources(restApiId=api)["items"][0]["id"]
        resource = client.create_resource(restApiId=api, parentId=root, pathPart="things")["id"]
        target = f"arn:aws:apigateway:{p.region}:lambda:path/2015-03-31/functions/{p.nth('function', 0)}/invocations"
        authorizer = client.create_authorizer(
            restApiId=api,
            name="auth",
            type="TOKEN",
            identitySource="method.request.header.Authorization",
            authorizerUri=target,
        )["id"]
        client.put_method(
            restApiId=api, resourceId=resource, httpMethod="GET", authorizationType="CUSTOM", authorizerId=authorizer
        )
        client.put_integration(
            restApiId=api,
            resourceId=resource,
            httpMethod="GET",
            type="MOCK",
            requestTemplates={"application/json": '{"statusCode": 200}'},
        )
        client.put_method_response(restApiId=api, resourceId=resource, httpMethod="GET", statusCode="200")
        deployment = client.create_deployment(restApiId=api, description="first")["id"]
        client.create_stage(
            restApiId=api, stageName="prod", deploymentId=deployment, variables={"stage": "prod"}, tags=tag_map("prod")
        )
    client.create_domain_name(
        domainName=f"api-{p.number}.{p.region}.example.com",
        regionalCertificateName="name",
        endpointConfiguration={"types": ["REGIONAL"]},
        securityPolicy="TLS_1_2",
        tags=tag_map("domain"),
    )


def queries(p: Place) -> None:
    athena = p.client("athena")
    athena.create_work_group(
        Name="group",
        Description="a group",
        Configuration={
            "ResultConfiguration": {"OutputLocation": f"s3://data-{p.account}-0/results"},
            "EnforceWorkGroupConfiguration": True,
        },
        Tags=tags("group"),
    )
    athena.create_data_catalog(
        Name="catalog", Type="GLUE", Description="a catalog", Parameters={"catalog-id": p.account}, Tags=tags("catalog")
    )


def systems(p: Place) -> None:
    ssm = p.client("ssm")
    content = {
        "schemaVersion": "2.2",
        "description": "a document",
        "mainSteps": [{"action": "aws:runShellScript", "name": "step", "inputs": {"runCommand": ["true"]}}],
    }
    ssm.create_document(
        Name="document",
        Content=json.dumps(content),
        DocumentType="Command",
        DocumentFormat="JSON",
        Tags=tags("document"),
    )


def learning(p: Place) -> None:
    sagemaker = p.client("sagemaker")
    role, bucket = f"arn:aws:iam::{p.account}:role/role-0", f"s3://data-{p.account}-0"
    made = {
        "notebook": lambda: sagemaker.create_notebook_instance(
            NotebookInstanceName="notebook",
            InstanceType="ml.t3.medium",
            RoleArn=role,
            SubnetId=p.nth("subnet", 0),
            SecurityGroupIds=[p.nth("sg", 0)],
            KmsKeyId=p.nth("kms", 0),
            Tags=tags("notebook"),
        ),
        "model": lambda: sagemaker.create_model(
            ModelName="model",
            ExecutionRoleArn=role,
            PrimaryContainer={"Image": "image:1", "ModelDataUrl": f"{bucket}/model"},
            Tags=tags("model"),
        ),
        "endpoint": lambda: endpoint(sagemaker),
        "training": lambda: sagemaker.create_training_job(
            TrainingJobName="training",
            RoleArn=role,
            AlgorithmSpecification={"TrainingImage": "image:1", "TrainingInputMode": "File"},
            OutputDataConfig={"S3OutputPath": f"{bucket}/out"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
            Tags=tags("training"),
        ),
        "processing": lambda: sagemaker.create_processing_job(
            ProcessingJobName="processing",
            RoleArn=role,
            AppSpecification={"ImageUri": "image:1"},
            ProcessingResources={
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
            },
            Tags=tags("processing"),
        ),
        "transform": lambda: sagemaker.create_transform_job(
            TransformJobName="transform",
            ModelName="model",
            TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{bucket}/in"}}},
            TransformOutput={"S3OutputPath": f"{bucket}/out"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
            Tags=tags("transform"),
        ),
        "tuning": lambda: sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName="tuning",
            HyperParameterTuningJobConfig={
                "Strategy": "Bayesian",
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
            },
            Tags=tags("tuning"),
        ),
        "compilation": lambda: sagemaker.create_compilation_job(
            CompilationJobName="compilation",
            RoleArn=role,
            InputConfig={"S3Uri": f"{bucket}/model", "DataInputConfig": "{}", "Framework": "PYTORCH"},
            OutputConfig={"S3OutputLocation": f"{bucket}/out", "TargetDevice": "ml_m5"},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
            Tags=tags("compilation"),
        ),
        "pipeline": lambda: sagemaker.create_pipeline(
            PipelineName="pipeline",
            PipelineDefinition='{"Version": "2020-12-01", "Steps": []}',
            ClientRequestToken="x" * 32,
            RoleArn=role,
            Tags=tags("pipeline"),
        ),
        "experiment": lambda: sagemaker.create_experiment(
            ExperimentName="experiment", Description="an experiment", Tags=tags("experiment")
        ),
        "trial": lambda: sagemaker.create_trial(TrialName="trial", ExperimentName="experiment", Tags=tags("trial")),
        "domain": lambda: sagemaker.create_domain(
            DomainName="domain",
            AuthMode="IAM",
            DefaultUserSettings={"ExecutionRole": role},
            SubnetIds=[p.nth("subnet", 0)],
            VpcId=p.nth("vpc", 0),
            Tags=tags("domain"),
        ),
    }
    for name, make in made.items():
        p.attempt(f"sagemaker.{name}", make)


def endpoint(sagemaker: object) -> None:
    variant = {"VariantName": "all", "ModelName": "model", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName="config", ProductionVariants=[variant])  # type: ignore[attr-defined]
    sagemaker.create_endpoint(EndpointName="endpoint", EndpointConfigName="config", Tags=tags("endpoint"))  # type: ignore[attr-defined]


def models(p: Place) -> None:
    role, bucket = f"arn:aws:iam::{p.account}:role/role-0", f"s3://data-{p.account}-0"
    bedrock, agents = p.client("bedrock"), p.client("bedrock-agent")
    p.attempt(
        "bedrock.customization",
        lambda: bedrock.create_model_customization_job(
            jobName="tune",
            customModelName="custom",
            roleArn=role,
            baseModelIdentifier="amazon.titan-text-express-v1",
            trainingDataConfig={"s3Uri": f"{bucket}/train"},
            outputDataConfig={"s3Uri": f"{bucket}/out"},
            hyperParameters={"epochCount": "1"},
            jobTags=[{"key": "Name", "value": "tune"}],
        ),
    )
    p.attempt(
        "bedrock.agent",
        lambda: agents.create_agent(
            agentName="agent",
            agentResourceRoleArn=role,
            foundationModel="amazon.titan-text-express-v1",
            tags=tag_map("agent"),
        ),
    )
    p.attempt(
        "bedrock.knowledge",
        lambda: agents.create_knowledge_base(
            name="knowledge",
            roleArn=role,
            knowledgeBaseConfiguration={
                "type": "VECTOR",
                "vectorKnowledgeBaseConfiguration": {
                    "embeddingModelArn": "arn:aws:bedrock:us-east-1::foundation-model/titan"
                },
            },
            storageConfiguration={
                "type": "RDS",
                "rdsConfiguration": {
                    "resourceArn": "arn:aws:rds:us-east-1:100000000001:cluster:aurora",
                    "credentialsSecretArn": "arn:aws:secretsmanager:us-east-1:100000000001:secret:s",
                    "databaseName": "aurora",
                    "tableName": "t",
                    "fieldMapping": {
                        "primaryKeyField": "a",
                        "vectorField": "b",
                        "textField": "c",
                        "metadataField": "d",
                    },
                },
            },
            tags=tag_map("knowledge"),
        ),
    )


def detectors(p: Place) -> None:
    p.client("guardduty").create_detector(Enable=True, Tags=tag_map("detector"))


PARTS = [alarms, logs, stacks, trails, recorders, queries, systems, learning, models, detectors, apis]
