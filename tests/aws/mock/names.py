"""Member names in one spelling, so that the same thing has the same value wherever it appears."""

import re
from functools import cache

WORDS = re.compile(r"[A-Z]+s?(?=[A-Z][a-z]|\b|_|-|\d)|[A-Z]?[a-z]+|[A-Z]+|\d+")
# Names that say nothing without what they are in.
GENERIC = {"Id", "Arn", "Name", "Identifier"}
# Ends of container names that do not name the thing contained.
WRAPPERS = re.compile(
    r"(Lists?|Sets?|Summar(y|ies)|Items?|Details?|Descriptions?|Info|Information|Metadata|Results?|Data|Entr(y|ies)"
    r"|Response|Output)$"
)
VERBS = re.compile(r"^(Describe|List|Get|BatchGet|Lookup|Search|Generate)")


@cache
def canonical(name: str) -> str:
    """CamelCase without runs of capitals: vpcId and VPCId are VpcId."""
    return "".join(w[0].upper() + w[1:].lower() for w in WORDS.findall(name))


@cache
def singular(name: str) -> str:
    if name.endswith("ies") and len(name) > 4:
        return name[:-3] + "y"
    if re.search(r"(sses|xes|ches|shes)$", name):
        return name[:-2]
    if name.endswith("s") and not re.search(r"(ss|us|is|ws)$", name):
        return name[:-1]
    return name


@cache
def thing(container: str) -> str:
    """What a container holds: FunctionSummaryList holds a Function. Empty if its name does not say."""
    name, before = canonical(container), None
    while name != before:
        before = name
        name = WRAPPERS.sub("", name)
    return singular(name)


@cache
def subject(operation: str) -> str:
    """What an operation is about: DescribeVpcs is about a Vpc."""
    return singular(VERBS.sub("", canonical(operation)))
