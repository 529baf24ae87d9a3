//! What holds for all kinds of a cloud: `cloud.toml`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::call::{ErrorSaid, is_default};
use super::condition::Condition;
use super::path::Path;
use super::template::Template;

/// A cloud.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent of each other")]
pub struct CloudPlan {
    /// Its id: in every graph and in every id of a node.
    pub name: String,
    /// The first word of the names of its kinds.
    pub word: String,
    /// Data files of the model.
    pub models: Vec<String>,
    /// The base of all its kinds.
    pub resource: String,
    /// The kind of the node of an account.
    pub account: String,
    /// The kind of the nodes of regions.
    pub region: String,
    /// The kind of the nodes of zones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// A node in a zone hangs below the region; else below the zone.
    #[serde(default, skip_serializing_if = "is_default")]
    pub below_region: bool,
    /// The region, which every account has, of whatever names no place. `None`: that hangs below the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nowhere: Option<String>,
    /// Regions without resources of one's own are left out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub drops_unused: bool,
    /// What the cloud tells of a place, besides what all clouds do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub place: Vec<String>,
    /// How settings name kinds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub filter: Filter,
    /// Where kinds are listed that do not say it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub per: Per,
    /// Of what nothing is known, a property is the member that is called so in camel case.
    #[serde(default, skip_serializing_if = "is_default")]
    pub camel: bool,
    /// The arn of a node is a part of its key.
    #[serde(default, skip_serializing_if = "is_default")]
    pub arn_in_key: bool,
    /// What metrics have to say in this cloud.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics_need: Vec<String>,
    /// Each service has shapes of its own name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub shapes: bool,
    /// Its services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServicePlan>,
}

/// How settings name kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// As they are.
    #[default]
    Exact,
    /// By patterns with `*`, `?`.
    Glob,
}

/// Where kinds are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Once.
    #[default]
    Account,
    /// In each region.
    Region,
    /// In each zone.
    Zone,
}

/// A service without operations of its own protocol: where its calls go, and how they are understood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServicePlan {
    /// Its name in the tables.
    pub name: String,
    /// The address before the paths of operations. Sees the place.
    pub base: Template,
    /// Environment variables that take the place of it: the first that is set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Its table of operations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shapes: Option<String>,
    /// How calls say who asks: `bearer`, `basic`, or a name that the cloud knows. `None`: they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<String>,
    /// Parameters that go with every call.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub query: Map<String, Value>,
    /// Headers that go with every call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// Calls of one account that are under way at once.
    pub at_once: u32,
    /// How its listings go on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub paging: Paging,
    /// Its listings always have their list, be it empty: an answer without one is none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub always_lists: bool,
    /// But for those of which one of these holds: they say that the list is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nothing: Vec<Condition>,
    /// What its errors say.
    #[serde(default, skip_serializing_if = "is_default")]
    pub errors: ErrorRules,
    /// How it tells what becomes of a change that takes its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<OperationPlan>,
}

/// What becomes of a change that was accepted and is not done: an address that is asked until it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationPlan {
    /// Headers that name the address: the first that is there.
    pub headers: Vec<String>,
    /// Where the answers of the address say how it is going. Without it, status 202 is that it goes on.
    pub status: Path,
    /// What they say when it has succeeded.
    pub done: Vec<String>,
    /// What they say when it has failed; they then tell the error as any other answer.
    pub failed: Vec<String>,
}

/// How a listing goes on, where no shape says it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Paging {
    /// What leads from one page to the next.
    #[serde(default, skip_serializing_if = "is_default")]
    pub next: NextPage,
    /// A parameter that asks for pages of this size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<(String, u64)>,
}

/// What leads from one page to the next.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextPage {
    /// There is one page.
    #[default]
    None,
    /// A token in the body, which becomes a parameter. Empty or missing: the end.
    Token {
        /// The parameter.
        param: String,
        /// Where it is in the body.
        path: Path,
        /// Where the parameter goes.
        #[serde(default, skip_serializing_if = "is_default")]
        into: ParamPlace,
    },
    /// Several tokens in the body, which become parameters together: of operations with shapes, whose arguments have names
    /// of their own. Without any of them, or where the answer says that there is no more: the end.
    Tokens {
        /// The parameters, and where their values are in the body.
        tokens: Vec<(String, Path)>,
        /// Where the body says whether there is more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        more: Option<Path>,
    },
    /// The number of the next page in the body, which becomes a parameter. Null or missing: the end.
    Number {
        /// The parameter.
        param: String,
        /// Where it is in the body.
        path: Path,
    },
    /// The address of the next page in the body: the first of these that is there.
    Link(Vec<Path>),
    /// The header `Link`, with `rel="next"`.
    HeaderLink,
    /// A token in a header, which becomes a parameter.
    HeaderToken {
        /// The parameter.
        param: String,
        /// The header.
        header: String,
    },
}

/// Where a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamPlace {
    /// The query.
    #[default]
    Query,
    /// A member of the body.
    Body,
    /// A field of a form.
    Form,
}

/// What errors of a service say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorRules {
    /// Where the code is: the first that finds a text or a number. Without one the code is the status.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code: Vec<Path>,
    /// Where the message is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub message: Vec<Path>,
    /// Where that is what support asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_id: Vec<Path>,
    /// A good answer of which one of these holds is an error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_ok: Vec<Condition>,
    /// Where a listing names the places that it could not ask: what they have is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreached: Vec<Path>,
    /// What it means.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<(ErrorMeaning, ErrorSaid)>,
}

/// What an error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorMeaning {
    /// The caller lacks a right.
    Denied,
    /// Slow down.
    Throttled,
    /// The credentials were valid once.
    Expired,
    /// The credentials are not valid.
    Invalid,
    /// What it is about is not there.
    Gone,
    /// Something depends on it still, or works on it.
    Later,
    /// The account does not use the service.
    Disabled,
    /// There is no such service here.
    Absent,
    /// It passes.
    Unavailable,
}

impl CloudPlan {
    /// A service of this name.
    pub fn service(&self, name: &str) -> Option<&ServicePlan> {
        self.services.iter().find(|service| service.name == name)
    }
}

impl ErrorRules {
    /// What an error means; `None` if no rule says it. A rule with a code counts more than one with a status, and one with
    /// words more than one without.
    pub fn meaning(&self, code: &str, status: u16, message: &str) -> Option<ErrorMeaning> {
        let status = status.to_string();
        let strength = |said: &ErrorSaid| (said.code == code && said.code != status, said.words.is_some());
        let fits = |said: &ErrorSaid| said.is(code, message) || said.is_status(&status, message);
        let mut fitting: Vec<_> = self.rules.iter().filter(|(_, said)| fits(said)).collect();
        // The first of equal ones.
        fitting.sort_by_key(|(_, said)| std::cmp::Reverse(strength(said)));
        fitting.first().map(|(meaning, _)| *meaning)
    }

    /// What is said for this, as tables of kinds would.
    pub fn said(&self, meaning: ErrorMeaning) -> impl Iterator<Item = &ErrorSaid> {
        self.rules.iter().filter(move |(known, _)| *known == meaning).map(|(_, said)| said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_counts_more_than_a_status_and_words_more_than_none() {
        let rule = |meaning, said: &str| (meaning, ErrorSaid::from(said.to_owned()));
        let rules = ErrorRules {
            rules: vec![
                rule(ErrorMeaning::Denied, "403"),
                rule(ErrorMeaning::Disabled, "403: not been used"),
                rule(ErrorMeaning::Throttled, "rateLimitExceeded"),
                rule(ErrorMeaning::Gone, "404"),
                rule(ErrorMeaning::Later, "resource_in_use"),
            ],
            ..ErrorRules::default()
        };
        for (code, status, message, expected) in [
            ("forbidden", 403, "no", Some(ErrorMeaning::Denied)),
            ("forbidden", 403, "The API has NOT been used", Some(ErrorMeaning::Disabled)),
            ("rateLimitExceeded", 403, "", Some(ErrorMeaning::Throttled)),
            ("404", 404, "", Some(ErrorMeaning::Gone)),
            ("not_found", 404, "", Some(ErrorMeaning::Gone)),
            ("resource_in_use", 404, "", Some(ErrorMeaning::Later)),
            ("invalid_input", 400, "", None),
        ] {
            assert_eq!(rules.meaning(code, status, message), expected, "{code} {status} {message}");
        }
    }
}
