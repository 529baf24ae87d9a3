//! One operation of a service: its request line, its shapes, its pages.

use serde_json::{Map, Value};

use crate::Service;
use crate::shape::{Shape, ShapeId, Structure};

/// One operation of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The name as the service writes it: `DescribeInstances`.
    pub name: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The template of path and query: `/{Bucket}/{Key+}?tagging`.
    pub uri: &'static str,
    /// The structure of the parameters; `None` if it takes none.
    pub input: Option<ShapeId>,
    /// The structure of the answer; `None` if there is none.
    pub output: Option<ShapeId>,
    /// How the request is signed.
    pub auth: Auth,
    /// The host begins with this, with names of members in braces: `{AccountId}.`.
    pub host_prefix: Option<&'static str>,
    /// How to ask for the next page; `None` if the answer always comes whole.
    pub pagination: Option<Pagination>,
    /// The service says that it changes nothing. Few services say it; use the name of the operation as well.
    pub read_only: bool,
    /// A request without a checksum of its body is refused; [`crate::build()`] adds one.
    pub checksum_required: bool,
    pub(crate) root: Option<&'static str>,
    pub(crate) namespace: Option<&'static str>,
    pub(crate) wrapper: Option<&'static str>,
    pub(crate) discovery: bool,
}

impl Operation {
    /// A member of the answer that says that there is more, where nothing is known about how to ask for it: the
    /// listing would end early. Names are those of boto3, with the member above: `List.NextMarker`.
    pub fn unfollowed_token(&self, service: &Service) -> Option<String> {
        if self.pagination.is_some() {
            return None;
        }
        let answer = service.shape(self.output?).as_structure()?;
        let inside = answer.members.iter().filter_map(|member| {
            let inside = service.shape(member.shape).as_structure()?;
            Some(format!("{}.{}", member.name, token_in(service, inside)?))
        });
        token_in(service, answer).map(str::to_owned).or_else(|| inside.into_iter().next())
    }
}

fn token_in(service: &Service, structure: &Structure) -> Option<&'static str> {
    let names = structure.members.iter().filter(|member| is_token(member.name, service.shape(member.shape)));
    names.map(|member| member.name).next()
}

/// Whether a member of this name and form is there to ask for more.
fn is_token(name: &str, shape: &Shape) -> bool {
    let name = name.to_ascii_lowercase();
    match shape {
        Shape::String { .. } => {
            let of_page = name.starts_with("next") || name.contains("page") || name.contains("pagination");
            // Those are about who may change something.
            let of_change = name.contains("lock") || name.contains("sequence");
            let token = name.ends_with("token") || name.ends_with("marker");
            (token && of_page && !of_change)
                || matches!(name.as_str(), "marker" | "position" | "cursor" | "continuationtoken")
                || name.starts_with("lastevaluated")
        }
        Shape::Map(_) => name.starts_with("lastevaluated"),
        Shape::Boolean => matches!(name.as_str(), "istruncated" | "truncated") || name.starts_with("hasmore"),
        _ => false,
    }
}

/// How a request is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// With the credentials, the body included.
    Signed,
    /// With the credentials, the body not included (`UNSIGNED-PAYLOAD`).
    UnsignedBody,
    /// Not at all: the operation makes credentials or takes them as parameters.
    Anonymous,
}

/// How to ask for the next page, in the words of botocore's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pagination {
    /// Parameters that take the tokens.
    pub input_tokens: Vec<&'static str>,
    /// Where the answer has the tokens, in the same order: paths like `DistributionList.NextMarker`,
    /// `StreamDescription.Shards[-1].ShardId`, alternatives as in `NextMarker || Contents[-1].Key`.
    pub output_tokens: Vec<&'static str>,
    /// Path of the member that says whether there is more.
    pub more_results: Option<&'static str>,
    /// The parameter that limits the size of a page.
    pub limit_key: Option<&'static str>,
    /// Paths of the lists that go on from page to page; the first is the main one.
    pub result_keys: Vec<&'static str>,
    /// How much to ask for with [`Self::limit_key`], where the service sends everything at once, or not all and
    /// no token, unless it is asked for pages.
    pub size: Option<usize>,
    /// Parameters with which the service refuses a limit: they name what is wanted one by one.
    pub no_size_with: Vec<&'static str>,
}

impl Pagination {
    /// The parameter to add to those of a first page, so that there are pages.
    pub fn wanted_size(&self, params: &Map<String, Value>) -> Option<(&'static str, usize)> {
        let (name, size) = (self.limit_key?, self.size?);
        let given = |name: &&str| params.contains_key(*name);
        let by_hand = given(&name) || self.input_tokens.iter().chain(&self.no_size_with).any(given);
        (!by_hand).then_some((name, size))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{service, services};

    fn wanted(name: &str, operation: &str, params: &Value) -> Option<(&'static str, usize)> {
        let operation = service(name).expect("a service").operation(operation).expect("an operation");
        let params = params.as_object().cloned().unwrap_or_default();
        operation.pagination.as_ref().expect("it has pages").wanted_size(&params)
    }

    #[test]
    fn services_that_page_on_demand_are_asked_to() {
        for (name, operation, expected) in [
            ("ec2", "DescribeSnapshots", ("MaxResults", 500)),
            ("ec2", "DescribeVolumes", ("MaxResults", 1000)),
            ("ec2", "DescribeHosts", ("MaxResults", 500)),
            ("ec2", "DescribeLaunchTemplateVersions", ("MaxResults", 200)),
            ("ec2", "DescribeRouteTables", ("MaxResults", 100)),
            ("ec2", "DescribeInstanceTypes", ("MaxResults", 100)),
            ("sqs", "ListQueues", ("MaxResults", 1000)),
            ("s3", "ListBuckets", ("MaxBuckets", 1000)),
            ("elasticbeanstalk", "DescribeEnvironments", ("MaxRecords", 500)),
        ] {
            assert_eq!(wanted(name, operation, &json!({})), Some(expected), "{name}:{operation}");
        }
        assert_eq!(wanted("iam", "ListRoles", &json!({})), None, "it has pages anyway");
    }

    #[test]
    fn no_size_is_asked_for_where_it_is_refused_or_said() {
        let of = |params: Value| wanted("ec2", "DescribeInstances", &params).is_some();
        assert!(of(json!({"Filters": [{"Name": "vpc-id", "Values": ["vpc-1"]}]})));
        assert!(!of(json!({"InstanceIds": ["i-1"]})));
        assert!(!of(json!({"MaxResults": 5})));
        assert!(!of(json!({"NextToken": "a"})));
        assert!(wanted("ec2", "DescribeSnapshots", &json!({"OwnerIds": ["self"]})).is_some());
        assert!(wanted("ec2", "DescribeImages", &json!({"Owners": ["self"]})).is_some());
    }

    #[test]
    fn sizes_are_within_what_the_service_allows() {
        for name in services() {
            let service = service(name).expect("it is listed");
            for operation in service.operations().filter_map(|name| service.operation(name)) {
                let Some(pages) = &operation.pagination else { continue };
                let input = operation.input.and_then(|input| service.shape(input).as_structure());
                let known = |name: &str| input.is_some_and(|input| input.member(name).is_some());
                let mut given = pages.input_tokens.iter().chain(&pages.limit_key).chain(&pages.no_size_with);
                assert!(given.all(|name| known(name)), "{name}:{}", operation.name);
                assert!(
                    pages.size.is_none_or(|size| (5..=1000).contains(&size)),
                    "{name}:{}",
                    operation.name
                );
            }
        }
    }

    #[test]
    fn a_token_that_nobody_follows_is_known() {
        let of = |name, operation| {
            let service = service(name).expect("a service");
            service.operation(operation).expect("an operation").unfollowed_token(service)
        };
        assert_eq!(of("guardduty", "GetFindingsStatistics").as_deref(), Some("NextToken"));
        assert_eq!(of("s3", "GetObjectAttributes").as_deref(), Some("ObjectParts.IsTruncated"));
        for (name, operation) in [
            ("athena", "ListWorkGroups"),
            ("cloudfront", "ListCachePolicies"),
            ("kinesis", "ListTagsForStream"),
            ("ecr", "GetLifecyclePolicy"),
            ("wafv2", "UpdateWebACL"),
            ("s3", "GetBucketAcl"),
        ] {
            assert_eq!(of(name, operation), None, "{name}:{operation}");
        }
    }
}
