//! One operation of a service: its request line, its shapes, its pages.

use crate::shape::ShapeId;

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
}
