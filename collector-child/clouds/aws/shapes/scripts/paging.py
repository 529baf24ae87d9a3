"""How listings go on: what the paginators of botocore leave out.

Many operations answer with a token and take it as a parameter although botocore has no paginator for them; their table is
made here from the names of the members. And some services send everything at once, or end the list without a sign, unless a
call says how long a page may be: those are asked with a size.
"""
import re

# Operations that read. A token in the answer of another one is about something else.
READS = re.compile(r"(Admin)?(List|Describe|Get|Search|BatchGet|Query)[A-Z]")

# Parameters that limit a page.
LIMITS = ["MaxResults", "maxResults", "MaxItems", "maxItems", "MaxRecords", "Limit", "limit", "PageSize"]

# Members that say whether there is more.
MORE = ["IsTruncated", "isTruncated", "HasMoreTags"]

# How listings go on whatever botocore says. A path with `?` stands in for a token that did not come: servers that speak for
# Kinesis send none, and AWS takes the last name as well.
INSTEAD = {
    ("kinesis", "ListStreams"): {
        "input_token": ["NextToken", "ExclusiveStartStreamName"], "output_token": ["NextToken", "?StreamNames[-1]"], "more_results": "HasMoreStreams",
        "limit_key": "Limit", "result_key": ["StreamNames", "StreamSummaries"],
    },
}

# Parameters that take a token, and what the answer may call it, the best name first.
TOKENS = {
    "NextToken": ["NextToken"],
    "nextToken": ["nextToken"],
    "PaginationToken": ["PaginationToken"],
    "NextMarker": ["NextMarker"],
    # Some answers repeat the marker that was sent, and name the next one apart from it.
    "Marker": ["NextMarker", "Marker"],
    "ContinuationToken": ["NextContinuationToken"],
    "position": ["position"],
    "ExclusiveStartGlobalTableName": ["LastEvaluatedGlobalTableName"],
    "TrafficPolicyIdMarker": ["TrafficPolicyIdMarker"],
    "TrafficPolicyVersionMarker": ["TrafficPolicyVersionMarker"],
    "HostedZoneIdMarker": ["HostedZoneIdMarker"],
    "TrafficPolicyInstanceNameMarker": ["TrafficPolicyInstanceNameMarker"],
    "TrafficPolicyInstanceTypeMarker": ["TrafficPolicyInstanceTypeMarker"],
}

# What names do not tell.
BY_HAND = {
    ("kinesis", "ListTagsForStream"): {
        "input_token": "ExclusiveStartTagKey", "output_token": "Tags[-1].Key", "more_results": "HasMoreTags",
        "limit_key": "Limit", "result_key": "Tags",
    },
    ("route53", "ListGeoLocations"): {
        "input_token": ["StartContinentCode", "StartCountryCode", "StartSubdivisionCode"],
        "output_token": ["NextContinentCode", "NextCountryCode", "NextSubdivisionCode"],
        "more_results": "IsTruncated", "limit_key": "MaxItems", "result_key": "GeoLocationDetailsList",
    },
    ("route53", "ListHostedZonesByName"): {
        "input_token": ["DNSName", "HostedZoneId"], "output_token": ["NextDNSName", "NextHostedZoneId"],
        "more_results": "IsTruncated", "limit_key": "MaxItems", "result_key": "HostedZones",
    },
}

# Services that page only if a call asks for it, with the size that is asked for. Larger pages would be fewer calls, but a page
# is held as a whole.
SIZES = {
    # Only with MaxResults; see `size` for the limits of single operations.
    ("ec2", None): 1000,
    ("ec2", "DescribeImages"): 500,
    ("ec2", "DescribeInstances"): 250,
    ("ec2", "DescribeNetworkAcls"): 500,
    ("ec2", "DescribeNetworkInterfaces"): 500,
    ("ec2", "DescribeSecurityGroups"): 500,
    ("ec2", "DescribeSnapshots"): 500,
    # "If no MaxRecords is specified, all available environments are retrieved in a single response."
    ("elasticbeanstalk", "DescribeApplicationVersions"): 500,
    ("elasticbeanstalk", "DescribeEnvironments"): 500,
    # A quota of buckets above 10,000: refused without. The region of each bucket is told only if something is asked for.
    ("s3", "ListBuckets"): 1000,
    ("s3", "ListDirectoryBuckets"): 1000,
    # Without it the list ends at 1000, and no token tells that there is more.
    ("sqs", "ListQueues"): 1000,
    ("sqs", "ListDeadLetterSourceQueues"): 1000,
}

# Lists among the parameters that choose by a property. Others name what is wanted, and EC2 refuses a size with those.
FILTERS = {"Filter", "Filters", "Owners", "OwnerIds", "ExecutableUsers", "RestorableByUserIds"}

# What the descriptions of the parameter say where its shape has no bounds.
BOUND = re.compile(r"(?:between \d+ and|a limit of|[Tt]he maximum is|range is \d+ to) ([\d,]+)")


def table(model, service, name, published):
    """The table of an operation; None if it has no pages. Flags that botocore passes over are read, too."""
    page = INSTEAD.get((service, name)) or published or derived(model, service, name)
    if page and not page.get("more_results"):
        tokens = page["output_token"]
        first = tokens if isinstance(tokens, str) else tokens[0]
        level, path = members(model, model["operations"][name]["output"]["shape"]), ""
        if "." in first and first.split(".")[0] in level:
            path = first.split(".")[0]
            level, path = members(model, level[path]["shape"]), path + "."
        more = named(MORE, level)
        page = {**page, "more_results": path + more if more else None}
    return page


def members(model, shape):
    return model["shapes"][shape].get("members", {})


def kind(model, ref):
    return model["shapes"][ref["shape"]]["type"]


def derived(model, service, name):
    """The table of an operation for which botocore has none; None if it has no pages."""
    by_hand = BY_HAND.get((service, name))
    if by_hand:
        return by_hand
    op = model["operations"][name]
    if not READS.match(name) or "input" not in op or "output" not in op:
        return None
    given, answer = members(model, op["input"]["shape"]), members(model, op["output"]["shape"])
    inside = {n: members(model, r["shape"]) for n, r in answer.items() if kind(model, r) == "structure"}
    for path, level in [("", answer)] + [(f"{n}.", m) for n, m in inside.items()]:
        tokens = [(i, found) for i in given for found in [named(TOKENS.get(i, []), level)] if found]
        results = named_by_kind(model, level, "list") or named_by_kind(model, level, "map") or [
            f"{n}.{found}" for n in inside if n in level for found in named_by_kind(model, inside[n], "list")
        ]
        if tokens and results:
            more = named(MORE, level)
            return {
                "input_token": [i for i, _ in tokens],
                "output_token": [path + found for _, found in tokens],
                "more_results": path + more if more else None,
                "limit_key": named(LIMITS, given),
                "result_key": [path + result for result in results],
            }
    return None


def named_by_kind(model, level, wanted):
    return [name for name, ref in level.items() if kind(model, ref) == wanted]


def named(names, level):
    return next((name for name in names if name in level), None)


def size(model, service, name, page):
    """The size to ask for, and the parameters with which none is sent."""
    wanted = SIZES.get((service, name)) or SIZES.get((service, None))
    key = page.get("limit_key")
    if not wanted or not key:
        return None, None
    given = members(model, model["operations"][name]["input"]["shape"])
    limit = given[key]
    told = [int(found.replace(",", "")) for found in BOUND.findall(limit.get("documentation", ""))]
    most = min(told + [model["shapes"][limit["shape"]].get("max", wanted), wanted])
    without = [n for n, r in given.items() if kind(model, r) == "list" and n not in FILTERS]
    return most, without
