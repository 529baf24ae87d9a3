"""The shape mock against botocore: what it writes, botocore has to read as what was meant."""

import unittest
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser

from mock.answers import answer, error
from mock.faults import Fault
from mock.overrides import put, steps
from mock.requests import Asked, understand
from mock.services import service
from mock.values import Maker, Names
from shape_mock import Cloud, paging_members

# One of each protocol, and those with peculiarities of their own.
SERVICES = [
    "ec2",
    "iam",
    "sns",
    "s3",
    "route53",
    "cloudfront",
    "lambda",
    "glacier",
    "dynamodb",
    "cloudwatch",
    "wafv2",
    "sagemaker",
]


def cloud(*faults: str) -> Cloud:
    from shape_mock import HERE

    path = HERE / "mock" / "overrides.toml"
    return Cloud(
        SimpleNamespace(account="100000000001", regions="us-east-1,eu-west-1", overrides=path, fault=faults, log=None)
    )


def headers(service: str, region: str = "us-east-1", key: str = "AKIA", **more: str) -> dict[str, str]:
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={key}/20240101/{region}/{service}/aws4_request"} | more


def ask(to: Cloud, name: str, operation: str, body: str = "{}", **more: str) -> tuple[int, dict]:
    """A JSON call and botocore's reading of the answer."""
    model = service(name).model
    target = f"{model.metadata['targetPrefix']}.{operation}"
    status, got, content = to.serve(
        "POST", "/", headers(model.signing_name, **more) | {"X-Amz-Target": target}, body.encode()
    )
    return status, read(model.operation_model(operation), "json", (status, got, content))


def read(operation: object, protocol: str, result: tuple) -> dict:
    status, got, body = result
    return create_parser(protocol).parse(
        {"status_code": status, "headers": HeadersDict(got), "body": body}, operation.output_shape
    )


def plain(value: Any) -> Any:
    """Without what the wire cannot tell: times as seconds, bytes as text, nothing that is empty."""
    if isinstance(value, dict):
        return {k: p for k, v in value.items() if (p := plain(v)) not in ({}, "")}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, datetime):
        return int(value.timestamp())
    return value.decode() if isinstance(value, bytes) else value


class Answers(unittest.TestCase):
    def test_every_read_is_read_as_it_was_meant(self) -> None:
        for name in SERVICES:
            known = service(name)
            for operation in known.operations.values():
                if (
                    not operation.name.startswith(("Describe", "List", "Get"))
                    or operation.deprecated
                    or operation.has_event_stream_output
                ):
                    continue
                with self.subTest(f"{name}.{operation.name}"):
                    protocol = "json" if name == "cloudwatch" else known.model.metadata["protocol"]
                    asked = Asked(known, operation, protocol, "us-east-1", "AKIA")
                    maker = Maker(name, operation.name, "us-east-1", "1", {}, Names({}), {}, paging_members(asked))
                    value = maker.output(operation.output_shape)
                    got = read(operation, protocol, answer(operation, protocol, value))
                    got.pop("ResponseMetadata", None)
                    if operation.get_streaming_output() or operation.name == "GetBucketLocation":
                        continue  # no parsed body; boto3 itself reads the location, outside of the parser
                    self.assertEqual(plain(got), plain(value))

    def test_the_same_thing_has_the_same_value_everywhere(self) -> None:
        value = Maker("ec2", "DescribeSubnets", "eu-west-1", "1", {}, Names({})).output(
            service("ec2").operations["DescribeSubnets"].output_shape
        )
        vpcs = Maker("ec2", "DescribeVpcs", "eu-west-1", "1", {}, Names({})).output(
            service("ec2").operations["DescribeVpcs"].output_shape
        )
        self.assertEqual(value["Subnets"][1]["VpcId"], "VpcId-eu-west-1-1")
        self.assertEqual(vpcs["Vpcs"][1]["VpcId"], "VpcId-eu-west-1-1")

    def test_an_answer_is_about_what_was_asked(self) -> None:
        status, got = ask(cloud(), "ecs", "DescribeClusters", '{"clusters": ["arn:x:cluster/cluster-1"]}')
        self.assertEqual(status, 200)
        self.assertEqual([c["clusterName"] for c in got["clusters"]], ["ClusterName-1"])

    def test_no_answer_asks_for_a_next_page(self) -> None:
        _, got = ask(cloud(), "dynamodb", "ListTables")
        self.assertNotIn("LastEvaluatedTableName", got)

    def test_assumed_credentials_are_of_the_account(self) -> None:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        role = "Action=AssumeRole&Version=2011-06-15&RoleSessionName=s&RoleArn=arn:aws:iam::123456789012:role/R"
        status, got, body = cloud().serve("POST", "/", headers("sts") | form, role.encode())
        parsed = read(service("sts").operations["AssumeRole"], "query", (status, got, body))
        key = parsed["Credentials"]["AccessKeyId"]
        _, keys = ask(cloud(), "kms", "ListKeys", key=key)
        self.assertIn(":123456789012:", keys["Keys"][0]["KeyArn"])

    def test_header_inputs_are_part_of_the_question(self) -> None:
        same = cloud()
        answers = [
            same.serve("GET", "/apps.list", headers("qapps") | {"instance-id": f"app-{i}"}, b"")[2] for i in (0, 1)
        ]
        self.assertNotEqual(*answers)


class Requests(unittest.TestCase):
    def test_query_parameters_come_back_in_their_structure(self) -> None:
        body = b"Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-1"
        body += b"&Filter.1.Name=a&Filter.1.Value.1=b&Filter.1.Value.2=c"
        asked = understand(
            "POST", "/", headers("ec2") | {"Content-Type": "application/x-www-form-urlencoded"}, body, "us-east-1"
        )
        self.assertEqual(asked.params, {"Filters": [{"Name": "a", "Values": ["b", "c"]}], "InstanceIds": ["i-1"]})

    def test_the_most_fixed_path_wins(self) -> None:
        find = lambda target: understand("GET", target, headers("s3"), b"", "us-east-1").name  # noqa: E731
        self.assertEqual(find("/bucket?location"), "s3.GetBucketLocation")
        self.assertEqual(find("/bucket/key/of/it"), "s3.GetObject")
        self.assertEqual(find("/v20180820/configuration/publicAccessBlock"), "s3control.GetPublicAccessBlock")


class Faults(unittest.TestCase):
    def test_a_fault_strikes_where_and_as_often_as_said(self) -> None:
        to = cloud("kms.List*@eu-west-1=Throttling:2")
        statuses = [
            ask(to, "kms", "ListKeys", region=r)[0] for r in ("us-east-1", "eu-west-1", "eu-west-1", "eu-west-1")
        ]
        self.assertEqual(statuses, [200, 400, 400, 200])

    def test_pages_without_end_have_a_new_token_each_and_repeated_ones_the_same(self) -> None:
        tokens = lambda kind: [
            ask(cloud(f"logs.*={kind}"), "logs", "DescribeLogGroups", b)[1]["nextToken"]
            for b in ("{}", '{"nextToken": "page-1"}')
        ]  # noqa: E731
        self.assertEqual(tokens("endless"), ["page-1", "page-2"])
        self.assertEqual(tokens("repeated"), ["page-again", "page-again"])

    def test_errors_have_the_form_of_the_protocol(self) -> None:
        for name, operation in (
            ("ec2", "DescribeVpcs"),
            ("iam", "ListUsers"),
            ("s3", "ListBuckets"),
            ("cloudfront", "ListDistributions"),
            ("kms", "ListKeys"),
            ("lambda", "ListFunctions"),
        ):
            known = service(name)
            protocol = known.model.metadata["protocol"]
            got = read(known.operations[operation], protocol, error(name, protocol, 403, "Denied", "no"))
            self.assertEqual(got["Error"]["Code"], "Denied", name)

    def test_what_is_no_fault_is_refused(self) -> None:
        with self.assertRaises(SystemExit):
            Fault.parse("ec2.DescribeVpcs=Nonsense")


class Overrides(unittest.TestCase):
    def test_paths_reach_elements_and_remove(self) -> None:
        value = {"A": [{"B": 1, "C": 1}, {"B": 2, "C": 2}]}
        put(value, steps("A[].B"), "x-{i}", {"n": "0"}, [])
        put(value, steps("A[1].C"), None, {"n": "0"}, [])
        self.assertEqual(value, {"A": [{"B": "x-0", "C": 1}, {"B": "x-1"}]})


if __name__ == "__main__":
    unittest.main()
