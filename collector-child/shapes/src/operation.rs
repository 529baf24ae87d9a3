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
    /// A member of the answer that says that there is more, where nothing is known about how to ask for it, or which
    /// nobody reads: the listing would end early. Names are those of the shapes, with the member above: `List.NextMarker`.
    pub fn unfollowed_token(&self, service: &Service) -> Option<String> {
        let answer = service.shape(self.output?).as_structure()?;
        let inside = answer.members.iter().flat_map(|member| {
            let inside = service.shape(member.shape).as_structure();
            let tokens = inside.into_iter().flat_map(|inside| tokens_in(service, inside));
            tokens.map(|(token, shape)| (format!("{}.{token}", member.name), shape))
        });
        let tokens = tokens_in(service, answer).map(|(token, shape)| (token.to_owned(), shape)).chain(inside);
        let unread = |token: &str, shape: &Shape| match &self.pagination {
            // How it goes on is known; a flag is read besides, or a token that is missing would be the end.
            Some(pages) => matches!(shape, Shape::Boolean) && pages.more_results != Some(token),
            None => true,
        };
        tokens.filter(|(token, shape)| unread(token, shape)).map(|(token, _)| token).next()
    }

    /// A member of a good answer that tells which of the things asked about are not in it: errors, or what was not
    /// worked on.
    pub fn failures(&self, service: &Service) -> Option<&'static str> {
        let answer = service.shape(self.output?).as_structure()?;
        let told = answer.members.iter().find(|member| {
            let listed = matches!(service.shape(member.shape), Shape::List(_) | Shape::Map(_));
            listed && tells_failures(member.name)
        });
        told.map(|member| member.name)
    }
}

/// Whether a list of this name has what is missing from an answer.
fn tells_failures(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "failures" | "errors" | "failed" | "unsuccessful")
        || ["unprocessed", "unsuccessful", "failed"].iter().any(|start| name.starts_with(start))
        || ["notfound", "errors", "failures"].iter().any(|end| name.ends_with(end))
}

fn tokens_in<'s>(
    service: &'s Service,
    structure: &'s Structure,
) -> impl Iterator<Item = (&'static str, &'s Shape)> {
    let members = structure.members.iter().map(|member| (member.name, service.shape(member.shape)));
    members.filter(|(name, shape)| is_token(name, shape))
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

/// How to ask for the next page, in the words of the published tables of pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pagination {
    /// Parameters that take the tokens.
    pub input_tokens: Vec<&'static str>,
    /// Where the answer has the tokens, in the same order: paths like `DistributionList.NextMarker`,
    /// `StreamDescription.Shards[-1].ShardId`, alternatives as in `NextMarker || Contents[-1].Key`. One that begins with
    /// `?` stands in for those before it: it is sent where none of them came.
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
