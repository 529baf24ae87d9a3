#!/usr/bin/env python3
"""Writes tests/vectors/ here and in the crate `s3`: what botocore makes of endpoints and signatures, for the tests to compare with.

Run it with a Python that has botocore installed, and without arguments. No request is sent.
"""

import json
import os
from datetime import datetime, timezone
from pathlib import Path
from unittest import mock

import botocore
import botocore.auth
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import EndpointResolutionError

HERE = Path(__file__).resolve().parent
CRATES = {"endpoints": HERE.parent, "signatures": HERE.parent.parent.parent.parent / "s3"}
TABLES = HERE.parent.parent / "shapes" / "data"
FLAVORS = {"": {}, "fips": {"use_fips_endpoint": True}, "dual_stack": {"use_dualstack_endpoint": True}}
# With the partitions that can be had by anyone with an account there.
REGIONS = [
    "us-east-1",
    "us-west-2",
    "eu-west-1",
    "ap-southeast-3",
    "cn-north-1",
    "cn-northwest-1",
    "us-gov-west-1",
    "us-gov-east-1",
]
# The host that is like those of all other regions.
S3 = {"us_east_1_regional_endpoint": "regional"}
NOW = datetime(2026, 11, 22, 12, 30, 45, tzinfo=timezone.utc)


def fresh_session():
    session = botocore.session.Session()
    session.set_credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session/token==")
    return session


def endpoints():
    services = sorted(path.name.removesuffix(".gz") for path in TABLES.glob("*.gz") if "endpoints" not in path.name)
    session = fresh_session()
    rows = []
    for service in services:
        for flavor, options in FLAVORS.items():
            for region in REGIONS:
                if service == "cloudfront" and region.startswith("us-gov"):
                    # It is not there, and botocore gives the host of another partition, which knows no key of this one.
                    continue
                client = session.create_client(service, region_name=region, config=Config(s3=dict(S3), **options))
                try:
                    found = endpoint(client)
                except EndpointResolutionError:
                    continue
                schemes = found.properties.get("authSchemes") or [{}]
                rows.append([
                    service,
                    region,
                    flavor,
                    found.url.replace("//123456789012.", "//"),
                    schemes[0].get("signingRegion") or client._client_config.region_name,
                    schemes[0].get("signingName") or client._service_model.signing_name,
                ])
    return rows


def endpoint(client):
    model = client._service_model
    name = {"kinesis": "ListStreams", "s3": "ListBuckets", "s3control": "ListAccessGrants"}.get(model.service_name, model.operation_names[0])
    return client._ruleset_resolver.construct_endpoint(model.operation_model(name), CALL_ARGS.get(model.service_name, {}), {})


# What the rules want to know of a call, where it is required.
CALL_ARGS = {"s3control": {"AccountId": "123456789012"}}


REQUESTS = [
    ("ec2", "POST", "https://ec2.eu-west-1.amazonaws.com/", {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
     "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3AName"),
    ("lambda", "GET", "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3Ax/policy?Marker=a%2Fb%3D%3D&MaxItems=50",
     {}, ""),
    ("s3", "GET", "https://logs-1.s3.eu-west-1.amazonaws.com/?tagging=", {}, ""),
    ("s3", "GET", "https://s3.eu-west-1.amazonaws.com/my.bucket/a%20key//with%2Bsigns/%C3%BC?list-type=2&prefix=a%20b%2Fc", {}, ""),
    ("s3", "PUT", "https://logs-1.s3.eu-west-1.amazonaws.com/?tagging=", {"Content-MD5": "vRrn8pZ1Wnm5CsmSdkHtSg=="}, "<Tagging/>"),
    ("dynamodb", "POST", "http://127.0.0.1:5000/", {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.ListTables"}, "{}"),
    ("route53", "GET", "https://route53.amazonaws.com/2013-04-01/hostedzone/Z1/rrset?name=a.example.&type=A", {}, ""),
    ("apigateway", "GET", "https://apigateway.eu-west-1.amazonaws.com/tags/arn%3Aaws%3Aapigateway%3Aeu-west-1%3A%3A%2Frestapis%2Fx", {"Accept": "application/json"}, ""),
]


def signatures():
    rows = []
    for token in [None, "session/token=="]:
        credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
        for service, method, url, headers, body in REQUESTS:
            kind = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
            request = AWSRequest(method=method, url=url, headers=dict(headers), data=body.encode())
            request.context["payload_signing_enabled"] = True
            # Botocore's S3 signer leaves the body out over https unless told otherwise.
            request.context["client_config"] = Config(s3={"payload_signing_enabled": True})
            with mock.patch("botocore.auth.get_current_datetime", return_value=NOW.replace(tzinfo=None), create=True):
                kind(credentials, service, "eu-west-1").add_auth(request)
            rows.append({
                "service": service, "method": method, "url": url, "headers": headers, "body": body, "token": token,
                "date": request.headers["X-Amz-Date"], "authorization": request.headers["Authorization"],
            })
    return rows


def main():
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT")]:
        del os.environ[name]
    for name, rows in {"endpoints": endpoints(), "signatures": signatures()}.items():
        lines = ",\n".join("  " + json.dumps(row) for row in rows)
        text = f'{{"botocore": "{botocore.__version__}", "{name}": [\n{lines}\n]}}\n'
        (CRATES[name] / "tests" / "vectors" / f"{name}.json").write_text(text)


if __name__ == "__main__":
    main()
