#!/usr/bin/env python3
"""Writes tests/vectors.json.gz: what botocore sends for parameters, and what it makes of answers.

A developer's tool, like export_operations.py. Parameters and answers are made up from the shapes, a few are written out
below; whatever is expected is botocore's own doing: its client is run with a transport that does not send.

    python scripts/vectors.py              # writes tests/vectors.json.gz, a sample of operations
    python scripts/vectors.py --all FILE   # all operations, for AWS_SHAPES_VECTORS=FILE cargo test -p aws-shapes vectors
"""
import base64
import datetime
import functools
import gzip
import io
import json
import re
import sys
import uuid
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape, quoteattr

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from export_operations import BOTOCORE, SERVICES, compressed

TIME = datetime.datetime(2023, 11, 14, 22, 13, 20, tzinfo=datetime.timezone.utc)
TOKEN = "00000000-0000-4000-8000-000000000000"
TEXT = "a b/ä&<c>\"d'+%20~"
OUT = Path(__file__).resolve().parent.parent / "tests" / "vectors.json.gz"

# Two or three of each protocol's corners; the shapes of an operation are the more interesting, the more they nest.
SAMPLE = """
    acm:DescribeCertificate acm:ListCertificates apigateway:GetRestApis apigateway:GetStages apigateway:GetUsage
    apigateway:UpdateStage athena:GetWorkGroup athena:ListTagsForResource autoscaling:DescribeAutoScalingGroups
    autoscaling:CreateOrUpdateTags backup:GetBackupPlan backup:UntagResource bedrock:ListFoundationModels
    bedrock-agent:GetAgent cloudformation:DescribeStacks cloudfront:GetDistribution cloudfront:ListDistributions
    cloudfront:ListTagsForResource cloudfront:TagResource cloudfront:DeleteDistribution cloudtrail:DescribeTrails
    cloudtrail:LookupEvents cloudwatch:GetMetricData cloudwatch:DescribeAlarms cloudwatch:PutMetricAlarm
    cognito-idp:DescribeUserPool config:DescribeConfigurationRecorders dynamodb:DescribeTable dynamodb:GetItem
    ec2:DescribeInstances ec2:DescribeSecurityGroups ec2:DescribeRegions ec2:DescribeVpcs ec2:CreateTags ec2:DeleteTags
    ec2:TerminateInstances ec2:DescribeFlowLogs ec2:DescribeInstanceTypes ec2:DescribeReservedInstancesOfferings
    ecr:DescribeRepositories ecr:GetAuthorizationToken ecs:DescribeServices ecs:DescribeClusters
    efs:DescribeFileSystems efs:UntagResource eks:DescribeCluster eks:ListNodegroups elasticache:DescribeCacheClusters
    elasticbeanstalk:DescribeEnvironments elb:DescribeLoadBalancers elbv2:DescribeLoadBalancers elbv2:AddTags
    glacier:ListVaults glacier:ListTagsForVault glacier:AddTagsToVault guardduty:GetFindings iam:GetAccountAuthorizationDetails
    iam:ListUsers iam:DeleteRole inspector2:ListFindings kinesis:DescribeStream kms:DescribeKey kms:Encrypt
    lambda:ListFunctions lambda:GetFunction lambda:Invoke lambda:UntagResource logs:DescribeLogGroups
    opensearch:DescribeDomains organizations:ListAccounts pricing:GetProducts qapps:ListQApps qbusiness:ListApplications
    rds:DescribeDBInstances rds:DescribeDBClusters redshift:DescribeClusters route53:ListHostedZones
    route53:ListResourceRecordSets route53:ChangeTagsForResource route53:ChangeResourceRecordSets s3:ListBuckets
    s3:GetBucketAcl s3:PutBucketAcl s3:GetBucketLifecycleConfiguration s3:PutBucketTagging s3:DeleteBucketTagging
    s3:GetBucketTagging s3:DeleteObjects s3:HeadObject s3:GetObject s3:PutObject s3:ListObjectsV2 s3:GetObjectAttributes
    s3:GetBucketNotificationConfiguration s3:GetBucketReplication s3control:GetPublicAccessBlock s3control:ListJobs
    sagemaker:DescribeNotebookInstance sagemaker:ListTrainingJobs secretsmanager:ListSecrets
    secretsmanager:GetSecretValue service-quotas:ListServiceQuotas sns:GetTopicAttributes sns:ListTopics sns:TagResource
    sqs:GetQueueAttributes sqs:ListQueues sqs:TagQueue ssm:DescribeInstanceInformation sts:AssumeRole
    sts:GetCallerIdentity wafv2:GetWebACL wafv2:ListWebACLs
""".split()


class Captured(Exception):
    def __init__(self, request):
        self.request = request


class Samples:
    """Made-up values for shapes: every member once, shapes within themselves left out."""

    def __init__(self, wire):
        self.stack = []
        self.wire = wire

    def value(self, shape, name="member"):
        if shape.name in self.stack or len(self.stack) > 12:
            return None
        self.stack.append(shape.name)
        try:
            return getattr(self, shape.type_name, self.number)(shape, name)
        finally:
            self.stack.pop()

    def structure(self, shape, _):
        if getattr(shape, "is_document_type", False):
            return {"free": [1, "x", {"y": True}]}
        members = {}
        for name, member in shape.members.items():
            value = self.value(member, name)
            if value is not None:
                members[name] = value
                if shape.is_tagged_union:
                    break
        return members

    def list(self, shape, name):
        value = self.value(shape.member, name)
        return [] if value is None else [value, value]

    def map(self, shape, _):
        if shape.serialization.get("location") == "headers":
            return {"color": "blue", "size": "12"}
        key, value = self.value(shape.key, "key"), self.value(shape.value, "value")
        return {} if value is None else {key: value, **({} if shape.key.enum else {"second": value})}

    def string(self, shape, name):
        if shape.enum:
            return shape.enum[0]
        location = shape.serialization.get("location")
        if name in ("Bucket", "BucketName"):
            return "my-bucket"
        if shape.serialization.get("hostLabel") or name in ("AccountId", "accountId"):
            return "123456789012"
        if name.lower().endswith("arn") and not self.wire:
            return "arn:aws:service:us-east-1:123456789012:thing/x"
        text = f"{name}-x" if location in ("header", "headers") or name == "ContentMD5" else f"{name} {TEXT}"
        text = text.ljust(shape.metadata.get("min", 0), "x")
        return text[: shape.metadata["max"]] if shape.metadata.get("max", 1e9) < len(text) else text

    def number(self, shape, name):
        if name.startswith("ContentLength"):
            return 8  # The length of the bytes below: the client counts them.
        low = shape.metadata.get("min", 7)
        return {"integer": int(low), "long": 1234567890123, "float": 1.5, "double": 2.25, "boolean": True,
                "timestamp": TIME, "blob": "bytes ä".encode()}[shape.type_name]


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, bytes):
        return value.decode()
    if hasattr(value, "read"):
        return value.read().decode()
    return value


class Wire:
    """The service's side: values of an output shape as an HTTP answer."""

    def __init__(self, model, operation, protocol):
        self.operation, self.protocol, self.shape = operation, protocol, operation.output_shape
        self.namespace = model.metadata.get("xmlNamespace")

    def answer(self, values):
        headers, status = {"x-amzn-RequestId": "request-1"}, 200
        body = dict(values)
        if self.protocol.startswith("rest"):
            for name, member in self.shape.members.items():
                location = member.serialization.get("location")
                wire = member.serialization.get("name", name)
                if location and name in body:
                    value = body.pop(name)
                    if location == "header":
                        headers[wire] = self.header(member, value)
                    elif location == "headers":
                        headers.update({wire + k: v for k, v in value.items()})
        payload = self.shape.serialization.get("payload")
        if payload:
            member = self.shape.members[payload]
            if member.type_name in ("blob", "string"):
                value = body.get(payload, b"")
                return status, headers, value if isinstance(value, bytes) else value.encode()
            if payload not in body:
                return status, headers, b""
            if self.protocol == "rest-xml":
                name = member.serialization.get("name", payload)
                return status, headers, self.xml(member, body[payload], name).encode()
            return status, headers, json.dumps(self.json(member, body[payload])).encode()
        if self.protocol in ("json", "rest-json"):
            # Where nothing is answered, what is answered is foreign.
            unknown = {"unknown": {"a": [1]}} if body else {}
            return status, headers, json.dumps({**unknown, **self.json(self.shape, body)}).encode()
        inner = self.members(self.shape, body) + "<unknown><a/></unknown>"
        wrapper = self.shape.serialization.get("resultWrapper")
        if wrapper:
            inner = f"<{wrapper}>{inner}</{wrapper}><ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata>"
        name = self.operation.name + ("Result" if self.protocol == "rest-xml" else "Response")
        if self.operation.service_model.service_name == "s3":
            name = s3_roots().get(self.operation.name, name)
        namespace = f' xmlns="{self.namespace}"' if self.namespace else ""
        return status, headers, f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}{namespace}>{inner}</{name}>'.encode()

    def header(self, shape, value):
        if shape.type_name == "list":
            return ",".join(self.header(shape.member, v) for v in value)
        if shape.type_name == "timestamp":
            return self.time(shape, value, "rfc822")
        if shape.type_name == "boolean":
            return "true"
        return str(value)

    def time(self, shape, value, default):
        form = shape.serialization.get("timestampFormat", default).lower()
        return {"iso8601": "2023-11-14T22:13:20.000Z", "rfc822": format_datetime(value, usegmt=True)}.get(form, 1700000000.25)

    def json(self, shape, value):
        if shape.type_name == "structure" and not shape.is_document_type:
            out = {}
            for name, member in shape.members.items():
                if name in value:
                    out[member.serialization.get("name", name)] = self.json(member, value[name])
                elif not shape.is_tagged_union:
                    out[member.serialization.get("name", name)] = None
            return out
        if shape.type_name == "list":
            return [self.json(shape.member, v) for v in value]
        if shape.type_name == "map":
            return {k: self.json(shape.value, v) for k, v in value.items()}
        if shape.type_name == "timestamp":
            return self.time(shape, value, "unixtimestamp")
        if shape.type_name == "blob":
            return base64.b64encode(value).decode()
        return value

    def members(self, shape, value):
        out = ""
        for name, member in shape.members.items():
            if name not in value or member.serialization.get("xmlAttribute"):
                continue
            wire = member.serialization.get("name", name)
            if member.type_name == "list" and member.serialization.get("flattened"):
                wire = member.member.serialization.get("name", wire)
                out += "".join(self.xml(member.member, v, wire) for v in value[name])
            elif member.type_name == "map" and member.serialization.get("flattened"):
                out += "".join(f"<{wire}>{self.entry(member, k, v)}</{wire}>" for k, v in value[name].items())
            else:
                out += self.xml(member, value[name], wire)
        return out

    def entry(self, shape, key, value):
        names = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
        return self.xml(shape.key, key, names[0]) + self.xml(shape.value, value, names[1])

    def xml(self, shape, value, name):
        attributes = ""
        if shape.type_name == "structure":
            for own, member in shape.members.items():
                if member.serialization.get("xmlAttribute") and own in value:
                    attributes += ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
                    attributes += f" {member.serialization['name']}={quoteattr(value[own])}"
            inner = self.members(shape, value)
        elif shape.type_name == "list":
            element = shape.member.serialization.get("name", "member")
            inner = "".join(self.xml(shape.member, v, element) for v in value)
        elif shape.type_name == "map":
            inner = "".join(f"<entry>{self.entry(shape, k, v)}</entry>" for k, v in value.items())
        elif shape.type_name == "timestamp":
            inner = str(self.time(shape, value, "iso8601"))
        elif shape.type_name == "boolean":
            inner = "true" if value else "false"
        elif shape.type_name == "blob":
            inner = base64.b64encode(value).decode()
        else:
            inner = escape(str(value))
        return f"<{name}{attributes}>{inner}</{name}>"


class Service:
    def __init__(self, session, name):
        config = Config(
            region_name="us-east-1",
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            disable_request_compression=True,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        )
        self.name = name
        self.client = session.create_client(
            name, "us-east-1", endpoint_url="http://endpoint.test", config=config,
            aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="secret",
        )
        self.model = self.client.meta.service_model
        self.methods = {v: k for k, v in self.client.meta.method_to_api_mapping.items()}
        self.client.meta.events.register("before-send", self.send)
        self.fake = None

    def send(self, request, **_):
        if self.fake is None:
            raise Captured(request)
        status, headers, body = self.fake
        raw = io.BytesIO(body)
        raw.stream = lambda *_, **__: iter([body])
        return AWSResponse("http://endpoint.test", status, Headers(headers), raw)

    def call(self, operation, params):
        return getattr(self.client, self.methods[operation])(**params)

    def request(self, operation, params):
        self.fake = None
        try:
            self.call(operation, params)
        except Captured as captured:
            return self.sent(captured.request)
        raise AssertionError(f"{operation} sent nothing")

    def sent(self, request):
        url = urlsplit(request.url)
        host = url.netloc[: -len("endpoint.test")]
        body = request.body
        if hasattr(body, "read"):
            body = body.read()
        body = (body or b"").decode() if isinstance(body, (bytes, bytearray, type(None))) else body
        skip = ("authorization", "x-amz-date", "user-agent", "amz-sdk", "x-amz-content-sha256", "content-length",
                "x-amz-sdk-checksum", "x-amz-checksum-crc32", "expect", "x-amz-security-token", "content-md5")
        headers = {k.lower(): v.decode() if isinstance(v, bytes) else v for k, v in request.headers.items()}
        headers = {k: v for k, v in headers.items() if not k.startswith(skip)}
        out = {
            "method": request.method,
            "path": url.path,
            "query": sorted(parse_qsl(url.query, keep_blank_values=True)),
            "headers": headers,
            "host_prefix": host or None,
        }
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            out["form"] = parse_qsl(body, keep_blank_values=True)
        else:
            out["body"] = re.sub(r"^<\?xml[^>]*\?>\n?", "", body)
        return out

    def answer(self, operation, status, headers, body):
        self.fake = (status, headers, body)
        params = self.minimal(self.model.operation_model(operation).input_shape)
        vector = {"service": self.name, "operation": operation, "status": status, "headers": sorted(headers.items()),
                  "body": body.decode()}
        try:
            answer = self.call(operation, params)
            answer.pop("ResponseMetadata", None)
            return {**vector, "value": plain(answer)}
        except ClientError as error:
            told = error.response["Error"]
            return {**vector, "error": {"code": told.get("Code"), "message": told.get("Message") or ""}}

    @staticmethod
    def minimal(shape):
        if shape is None:
            return {}
        samples = Samples(wire=False)
        return {name: samples.value(shape.members[name], name) for name in shape.required_members}


@functools.cache
def s3_roots():
    """The names of roots that no model tells, as the crate has them."""
    own = (Path(__file__).resolve().parents[4] / "shapes/src/parse/own.rs").read_text()
    return dict(re.findall(r'\("(\w+)", "(\w+)"\)', own.partition("ROOTS_OF_S3")[2].partition("];")[0]))


class Headers(dict):
    def __init__(self, values):
        super().__init__({k.lower(): v for k, v in values.items()})

    def get(self, key, default=None):
        return super().get(key.lower(), default)

    def __getitem__(self, key):
        return super().__getitem__(key.lower())

    def __contains__(self, key):
        return super().__contains__(key.lower())


def handmade(services):
    """Answers whose form no shape tells."""
    policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D"
    iam = lambda op, inner: f"<{op}Response><{op}Result>{inner}</{op}Result></{op}Response>".encode()
    s3_error = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchTagSet</Code><Message>no tags</Message>' \
               b'<BucketName>b</BucketName><RequestId>R</RequestId><HostId>H</HostId></Error>'
    query_error = b'<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>' \
                  b'<Code>NoSuchEntity</Code><Message>gone &amp; away</Message></Error><RequestId>R</RequestId></ErrorResponse>'
    ec2_error = b'<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>UnauthorizedOperation</Code>' \
                b'<Message>no</Message></Error></Errors><RequestID>R</RequestID></Response>'
    cases = [
        ("s3", "GetBucketLocation", 200, {}, b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">eu-west-1</LocationConstraint>'),
        ("s3", "GetBucketLocation", 200, {}, b'<?xml version="1.0"?><LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>'),
        ("s3", "HeadBucket", 200, {"x-amz-bucket-region": "eu-west-1", "x-amz-access-point-alias": "false"}, b""),
        ("s3", "HeadBucket", 404, {}, b""),
        ("s3", "HeadBucket", 403, {}, b""),
        ("s3", "GetBucketPolicy", 200, {}, b'{"Version":"2012-10-17","Statement":[]}'),
        ("s3", "GetBucketTagging", 404, {}, s3_error),
        ("s3", "ListBuckets", 200, {}, b"<ListAllMyBucketsResult><Owner><ID>o</ID></Owner><Buckets/></ListAllMyBucketsResult>"),
        ("s3", "ListBuckets", 403, {}, b"<Error><Code>InvalidAccessKeyId</Code><Message>m</Message><Endpoint>e</Endpoint></Error>"),
        ("s3", "ListBuckets", 503, {}, b""),
        ("s3", "HeadObject", 200, {"x-amz-meta-color": "blue", "x-amz-meta-a": "", "ETag": '"e"', "Content-Length": "12",
                                  "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT", "x-amz-delete-marker": "true",
                                  "Expires": "Tue, 14 Nov 2023 22:13:20 GMT"}, b""),
        ("s3", "ListObjectsV2", 200, {}, b"<ListBucketResult><EncodingType>url</EncodingType><Prefix>a%2F+b</Prefix><Contents><Key>a%2Bb+c</Key>"
                                         b"<Size>5</Size></Contents><Contents><Key>%C3%A4</Key></Contents><CommonPrefixes><Prefix>x%20y%2F</Prefix>"
                                         b"</CommonPrefixes><IsTruncated>false</IsTruncated></ListBucketResult>"),
        ("s3", "ListObjectVersions", 200, {}, b"<ListVersionsResult><EncodingType>url</EncodingType><KeyMarker>%20</KeyMarker><Version><Key>a%2Bb+c</Key>"
                                              b"<IsLatest>true</IsLatest></Version><DeleteMarker><Key>d%21</Key></DeleteMarker></ListVersionsResult>"),
        ("s3", "GetBucketVersioning", 200, {}, b'<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>'),
        ("iam", "GetPolicyVersion", 200, {}, iam("GetPolicyVersion", f"<PolicyVersion><Document>{policy}</Document><IsDefaultVersion>true</IsDefaultVersion></PolicyVersion>")),
        ("iam", "GetRolePolicy", 200, {}, iam("GetRolePolicy", "<RoleName>r</RoleName><PolicyName>p</PolicyName><PolicyDocument>no json%21</PolicyDocument>")),
        ("iam", "GetCredentialReport", 200, {}, iam("GetCredentialReport", "<Content>dXNlcixhcm4KcixhCg==</Content><ReportFormat>text/csv</ReportFormat><GeneratedTime>2023-11-14T22:13:20Z</GeneratedTime>")),
        ("iam", "ListUsers", 200, {}, iam("ListUsers", "<IsTruncated>false</IsTruncated><Users/>")),
        ("iam", "DeleteRole", 200, {}, b"<DeleteRoleResponse><ResponseMetadata><RequestId>R</RequestId></ResponseMetadata></DeleteRoleResponse>"),
        ("iam", "GetUser", 404, {}, query_error),
        ("iam", "GetUser", 500, {}, b""),
        ("sns", "GetTopicAttributes", 403, {}, query_error),
        ("sts", "GetCallerIdentity", 403, {}, query_error),
        ("ec2", "DescribeInstances", 403, {}, ec2_error),
        ("ec2", "DescribeInstances", 200, {}, b"<DescribeInstancesResponse><requestId>r</requestId><reservationSet/></DescribeInstancesResponse>"),
        ("ec2", "GetConsoleOutput", 200, {}, b"<GetConsoleOutputResponse><instanceId>i-1</instanceId><output>Ym9vdGVkCg==</output></GetConsoleOutputResponse>"),
        ("cloudformation", "GetTemplate", 200, {}, iam("GetTemplate", '<TemplateBody>{"Resources": {"a": {"b": 1}}}</TemplateBody>')),
        ("cloudformation", "GetTemplate", 200, {}, iam("GetTemplate", "<TemplateBody>Resources:\n  a: 1</TemplateBody>")),
        ("route53", "GetHostedZone", 404, {}, query_error.replace(b"NoSuchEntity", b"NoSuchHostedZone")),
        ("dynamodb", "DescribeTable", 400, {"x-amzn-RequestId": "R"}, b'{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"gone"}'),
        ("sqs", "GetQueueAttributes", 400, {"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"},
         b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no queue"}'),
        ("kms", "DescribeKey", 400, {}, b'{"__type":"AccessDeniedException","Message":"no"}'),
        ("kms", "DescribeKey", 500, {}, b""),
        ("lambda", "GetPolicy", 404, {"x-amzn-ErrorType": "ResourceNotFoundException:http://internal/"}, b'{"Type":"User","Message":"gone"}'),
        ("lambda", "GetFunction", 429, {"x-amzn-ErrorType": "TooManyRequestsException"}, b'{"message":"Rate exceeded"}'),
        ("eks", "DescribeCluster", 403, {}, b'{"code":"aws.eks#AccessDenied:x","message":"no"}'),
        ("apigateway", "GetRestApis", 200, {}, b'{"item":[{"id":"a","createdDate":1700000000,"binaryMediaTypes":null}]}'),
        ("apigateway", "GetRestApis", 200, {}, b'{"item":[{"id":"a","createdDate":"2023-11-14T22:13:20Z"}],"position":null}'),
        ("glacier", "ListVaults", 200, {}, b'{"Marker":null,"VaultList":[{"CreationDate":"2023-11-14T22:13:20.000Z","NumberOfArchives":3}]}'),
        ("sqs", "ListQueues", 200, {}, b"{}"),
        ("cloudwatch", "DescribeAlarms", 200, {}, iam("DescribeAlarms", "<MetricAlarms><member><AlarmName>a</AlarmName><Threshold>1.0</Threshold></member></MetricAlarms>")),
    ]
    return [services[name].answer(*case) for name, *case in cases]


def requests_by_hand(services):
    cases = [
        ("ec2", "DescribeInstances", {"Filters": [{"Name": "tag:a b", "Values": ["x", "ä&y"]}, {"Name": "vpc-id", "Values": ["v"]}], "MaxResults": 5}),
        ("ec2", "RunInstances", {"MinCount": 1, "MaxCount": 1, "UserData": "#!/bin/sh ä"}),
        ("autoscaling", "DescribeAutoScalingGroups", {"AutoScalingGroupNames": []}),
        ("iam", "ListUsers", {}),
        ("glacier", "ListVaults", {}),
        ("s3", "ListBuckets", {}),
        ("s3", "GetBucketVersioning", {"Bucket": "my-bucket"}),
        ("s3", "GetObject", {"Bucket": "my-bucket", "Key": "/a b//ä+%/~x", "Range": "bytes=0-1"}),
        ("s3", "HeadObject", {"Bucket": "my-bucket", "Key": "k", "IfModifiedSince": TIME}),
        ("s3", "DeleteObjects", {"Bucket": "my-bucket", "Delete": {"Objects": [{"Key": "a&\r\nb"}], "Quiet": True}}),
        ("s3", "ListObjectVersions", {"Bucket": "my-bucket", "Prefix": ""}),
        ("route53", "ListResourceRecordSets", {"HostedZoneId": "/hostedzone/Z1"}),
        ("route53", "GetChange", {"Id": "/change/C1"}),
        ("kms", "ListKeys", {}),
        ("lambda", "ListFunctions", {"MaxItems": 50}),
        ("lambda", "UntagResource", {"Resource": "arn:aws:lambda:us-east-1:1:function:f", "TagKeys": ["a b", "c"]}),
        ("cloudwatch", "GetMetricData", {"StartTime": TIME, "EndTime": TIME + datetime.timedelta(microseconds=250000), "MetricDataQueries": [
            {"Id": "q", "MetricStat": {"Metric": {"Namespace": "n", "MetricName": "m", "Dimensions": [{"Name": "a", "Value": "b"}]}, "Period": 60, "Stat": "Sum"}}]}),
        ("logs", "FilterLogEvents", {"logGroupName": "g", "startTime": 1700000000000}),
        ("cloudtrail", "LookupEvents", {"StartTime": TIME, "EndTime": TIME + datetime.timedelta(microseconds=250000)}),
        ("s3control", "GetPublicAccessBlock", {"AccountId": "123456789012"}),
        ("sts", "AssumeRole", {"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "session", "Tags": [{"Key": "k", "Value": "v"}]}),
        ("sqs", "ListQueues", {}),
        ("apigateway", "GetRestApis", {"limit": 500}),
        ("apigateway", "UntagResource", {"resourceArn": "arn:aws:apigateway:us-east-1::/restapis/a", "tagKeys": ["x", "y"]}),
        ("eks", "UpdateNodegroupConfig", {"clusterName": "c d", "nodegroupName": "n"}),
    ]
    return [one_request(services[name], operation, params) for name, operation, params in cases]


def one_request(service, operation, params):
    given = micros(params)
    return {"service": service.name, "operation": operation, "params": given, "request": service.request(operation, params)}


def micros(value):
    if isinstance(value, datetime.datetime) and value.microsecond:
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {k: micros(v) for k, v in value.items()}
    if isinstance(value, list):
        return [micros(v) for v in value]
    return plain(value)


def made_up(service, operation):
    model = service.model.operation_model(operation)
    if model.has_event_stream_input or model.has_event_stream_output:
        return [], []
    shape = model.input_shape
    params = {} if shape is None else Samples(wire=False).value(shape)
    requests = [one_request(service, operation, params)]
    answers = []
    if model.output_shape is not None:
        values = Samples(wire=True).value(model.output_shape)
        wire = Wire(service.model, model, service.model.resolved_protocol)
        answers.append(service.answer(operation, *wire.answer(values)))
    return requests, answers


def main():
    uuid.uuid4 = lambda: TOKEN
    session = botocore.session.get_session()
    loader = session.get_component("data_loader")
    load = loader.load_service_model

    def without_cbor(name, kind, api_version=None):
        model = load(name, kind, api_version)
        if kind == "service-2" and model["metadata"]["protocol"] == "smithy-rpc-v2-cbor":
            model["metadata"]["protocols"] = ["query"]
        return model

    loader.load_service_model = without_cbor
    services = {name: Service(session, name) for name in SERVICES}
    requests, answers, refused = requests_by_hand(services), handmade(services), []
    everything = len(sys.argv) > 2 and sys.argv[1] == "--all"
    names = [f"{n}:{o}" for n, s in services.items() for o in s.model.operation_names] if everything else SAMPLE
    # With an outpost it goes to another service's host, which is the client's to know.
    names = [name for name in names if name != "s3control:ListRegionalBuckets"]
    for name in names:
        service, operation = name.split(":")
        try:
            more = made_up(services[service], operation)
            json.dumps(more)
        except (BotoCoreError, ValueError, KeyError, TypeError) as error:
            if not everything:
                raise
            refused.append(f"{name}: {type(error).__name__} {error}")
            continue
        requests += more[0]
        answers += more[1]
    text = json.dumps({"botocore": BOTOCORE, "requests": requests, "answers": answers}, ensure_ascii=False, indent=0)
    out = Path(sys.argv[2]) if everything else OUT
    out.write_bytes(compressed(text))
    print(f"{len(requests)} requests, {len(answers)} answers, {out.stat().st_size} bytes; botocore refused {len(refused)}")
    for line in refused:
        print("  " + line[:160])


if __name__ == "__main__":
    main()
