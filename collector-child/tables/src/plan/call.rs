//! The calls that collect, tag and delete.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cloud::Paging;
use super::condition::Condition;
use super::path::Path;
use super::template::{Arguments, Template};

/// One operation of one service with its arguments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The service, by its name in the tables.
    pub service: String,
    /// The operation: its name, in camel case, or where it has no shape its method and path, `GET /servers/{id}`.
    pub operation: String,
    /// What is sent. Where the operation has no shape: the members `path`, `query`, `body`, `form`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub arguments: Arguments,
    /// Error codes that mean that there is nothing here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<String>,
    /// Where in a good answer it stands which of the things asked about are missing, and why: a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Path>,
    /// How its pages follow each other, where that is not as its service says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paging: Option<Box<Paging>>,
}

/// Lists the items of a kind: in a region, or for one item of the parent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListCall {
    /// The call, over all its pages.
    pub call: Call,
    /// Where in each page the items are ([`Path::take`]); `None`: the page itself is the one item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Path>,
    /// Made only if all of these hold (of the parent: `$parent`, `$parent@`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
}

/// Describes many listed items with one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchCall {
    /// The call, over all its pages.
    pub call: Call,
    /// The argument that takes the list.
    pub argument: String,
    /// What of each item goes into the list.
    pub from: Path,
    /// How many at most are in one list.
    pub size: usize,
    /// Where in each page the results are ([`Path::take`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Path>,
    /// How results find their item. `None`: the results replace the items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
}

/// How the result of a batch call is added to the item it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Join {
    /// What in the result is equal to what the item sent (`from`).
    pub by: Path,
    /// What of the result is taken; `None`: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take: Option<Path>,
    /// Where in the document of the item it goes.
    pub into: Into,
}

/// A call for each item, whose answer is added to its document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FollowUp {
    /// The call, over all its pages if `take` leads to a list.
    pub call: Call,
    /// A list in the document: the call is made for each of its elements (`$each`), and the results, in the
    /// same order, become a list; `null` for calls without answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Path>,
    /// What of the answer is taken; `None`: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take: Option<Path>,
    /// Members of the answer that are put into the object that was taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// `take` leads to a list: the lists of all pages are joined. Otherwise the pages are put together first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub joined: bool,
    /// What is said of an item that is not there: by its kind, in `gone` or for its deletion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<ErrorSaid>,
    /// Where in the document it goes.
    pub into: Into,
    /// Without an answer there is no node.
    #[serde(default, skip_serializing_if = "is_default")]
    pub required: bool,
    /// Made only if all of these hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
}

/// Where in a document an answer goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Into {
    /// Its members become members of the document.
    Merge,
    /// It becomes this member.
    Member(String),
    /// Each result (of a call with `each`) becomes this member of the element that it was made for.
    /// The list has to be the one of `each`.
    Elements {
        /// The list in the document.
        list: Path,
        /// The member of each element; `None`: its members become members of the element.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        member: Option<String>,
    },
}

impl FollowUp {
    /// Whether it can be made at the same time as those directly before it: it needs nothing of what they add to the
    /// document, and they neither decide whether there is a node nor add members that only the answer names.
    pub fn is_apart_from(&self, before: &[Self]) -> bool {
        before.iter().all(|other| match &other.into {
            Into::Member(name) if !other.required => {
                self.into != other.into && !self.reads().any(|path| path.leads_into(name))
            }
            _ => false,
        })
    }

    /// All that it needs to know.
    fn reads(&self) -> impl Iterator<Item = &Path> {
        let conditions = self.when.iter().map(|condition| &condition.path);
        self.call.arguments.paths().into_iter().chain(conditions).chain(&self.each)
    }

    /// What of an answer becomes part of the document; `None` if it has nothing of it.
    pub fn taken(&self, mut answer: Value) -> Option<Value> {
        let Some(path) = &self.take else { return Some(answer) };
        let mut taken = path.cut(&mut answer)?;
        if let (Value::Object(members), Value::Object(answer)) = (&mut taken, &mut answer) {
            for name in &self.also {
                members.extend(answer.swap_remove_entry(name));
            }
        }
        Some(taken)
    }
}

impl Into {
    /// Adds an answer to a document: what was taken of it, or with `each` the list of results.
    pub fn put(&self, document: &mut Value, answer: Value) {
        match self {
            Self::Merge => merge(document, answer),
            Self::Member(name) => {
                if let Value::Object(members) = document {
                    members.insert(name.clone(), answer);
                }
            }
            Self::Elements { list, member } => {
                let mut results = match answer {
                    Value::Array(results) => results.into_iter(),
                    _ => return,
                };
                elements(document, &list.steps, &mut |element| match (results.next(), member) {
                    (None | Some(Value::Null), _) => {}
                    (Some(result), None) => merge(element, result),
                    (Some(result), Some(member)) => {
                        if let Value::Object(members) = element {
                            members.insert(member.clone(), result);
                        }
                    }
                });
            }
        }
    }
}

fn merge(document: &mut Value, answer: Value) {
    if let (Value::Object(members), Value::Object(more)) = (document, answer) {
        members.extend(more);
    }
}

/// Calls `visit` with everything that the steps lead to, in the order in which [`Path::get`] lists it.
fn elements(value: &mut Value, steps: &[super::path::Step], visit: &mut impl FnMut(&mut Value)) {
    use super::path::Step;
    let Some((step, rest)) = steps.split_first() else {
        if let Value::Array(items) = value {
            items.iter_mut().for_each(visit);
        } else {
            visit(value);
        }
        return;
    };
    match (step, value) {
        (Step::Member(name), Value::Object(members)) => {
            if let Some(next) = members.get_mut(name) {
                elements(next, rest, visit);
            }
        }
        (Step::Each, Value::Array(items)) => {
            if rest.is_empty() {
                items.iter_mut().for_each(visit);
            } else {
                for item in items {
                    elements(item, rest, visit);
                }
            }
        }
        (Step::Index(index), Value::Array(items)) => {
            let at = usize::try_from(*index).ok();
            if let Some(next) = at.and_then(|at| items.get_mut(at)) {
                elements(next, rest, visit);
            }
        }
        _ => {}
    }
}

/// A call that changes a node: sets or removes a tag, deletes, prepares for being deleted. Its document is what
/// the node reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeCall {
    /// The call.
    pub call: Call,
    /// The call is made for each of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<EachOf>,
    /// Made only if all of these hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
    /// Where in a good answer the failures are: an object, or a list of them, with `Code` and `Message`. What is
    /// there counts as an error of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Path>,
}

impl NodeCall {
    /// The call, and the one that lists what it is made for.
    pub(super) fn calls(&self) -> impl Iterator<Item = &Call> {
        let list = match &self.each {
            Some(EachOf::Call(list)) => Some(&list.call),
            Some(EachOf::Path(_)) | None => None,
        };
        list.into_iter().chain([&self.call])
    }
}

/// What a call that changes a node is made for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EachOf {
    /// The elements of a list that the node reports.
    Path(Path),
    /// The items that another call lists.
    Call(ListCall),
}

/// How tags of nodes of a kind are changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TagPlan {
    /// Set one: `$key`, `$value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<NodeCall>,
    /// Remove one: `$key`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<NodeCall>,
    /// Written in Rust: name of the hook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
}

/// How a service says something of a resource: by an error code, or by a code and words in its message where the code
/// alone is said of much else. Written `CODE` or `CODE: WORDS`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct ErrorSaid {
    /// The error code.
    pub code: String,
    /// What the message has in it, in any case of its letters.
    pub words: Option<String>,
}

impl ErrorSaid {
    /// Whether an error says that.
    pub fn is(&self, code: &str, message: &str) -> bool {
        let has = |words: &String| message.to_lowercase().contains(&words.to_lowercase());
        self.code == code && self.words.as_ref().is_none_or(has)
    }

    /// Whether it is about a status, and an answer with that one says it.
    pub fn is_status(&self, status: &str, message: &str) -> bool {
        self.is(status, message) && status.len() == 3
    }
}

impl From<String> for ErrorSaid {
    fn from(text: String) -> Self {
        match text.split_once(": ") {
            Some((code, words)) => Self { code: code.to_owned(), words: Some(words.to_owned()) },
            None => Self { code: text, words: None },
        }
    }
}

impl From<ErrorSaid> for String {
    fn from(said: ErrorSaid) -> Self {
        match said.words {
            Some(words) => format!("{}: {words}", said.code),
            None => said.code,
        }
    }
}

/// How nodes of a kind are deleted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DeletePlan {
    /// Takes away what is in the way, when the service has refused the deletion because of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<NodeCall>,
    /// The service accepts the deletion whatever is in the way, so that is taken away before the first try.
    #[serde(default, skip_serializing_if = "is_default")]
    pub first: bool,
    /// What cannot be taken away, and makes it useless to take away the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
    /// Deletes it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<NodeCall>,
    /// What is said of one that is not there any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<ErrorSaid>,
    /// What is said of one on which something depends still.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<ErrorSaid>,
    /// What is never deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refuse: Vec<Refusal>,
    /// What cannot be deleted by itself and goes with something else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<GoesWith>,
    /// Written in Rust: name of the hook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
}

/// Something that keeps a resource, and that its deletion does not take away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// Lists it.
    pub list: ListCall,
    /// What of the listed keeps the resource (`$each`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
    /// Says so, for people: what the resource waits for.
    pub reason: Template,
}

/// Nodes that are never deleted, although their kind can be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// Those of which all this holds.
    pub when: Vec<Condition>,
    /// Why, for people.
    pub reason: String,
}

/// Nodes that cannot be deleted by themselves: they go away when another node, to which they have a delete edge, is
/// deleted. Without it they are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoesWith {
    /// The kind of the other node.
    pub kind: String,
    /// Those of which all this holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
    /// Why they are refused without it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow_up(text: &str) -> FollowUp {
        serde_json::from_str(text).unwrap()
    }

    fn call(argument: &str, into: &str, more: &str) -> FollowUp {
        follow_up(&format!(
            r#"{{"call": {{"service": "s3", "operation": "Get", "arguments": {{"Bucket": "{argument}"}}}}, "into": {into}{more}}}"#
        ))
    }

    #[test]
    fn calls_that_need_nothing_of_each_other_are_apart() {
        let tags = call("{Name}", r#"{"member": "Tags"}"#, "");
        let acl = call("{Name}", r#"{"member": "Acl"}"#, "");
        assert!(acl.is_apart_from(&[]) && acl.is_apart_from(std::slice::from_ref(&tags)));
        for dependent in [
            call("{Tags.Id}", r#"{"member": "Acl"}"#, ""),
            call("{Name|Tags[0].Id}", r#"{"member": "Acl"}"#, ""),
            call("{Name}", r#"{"member": "Acl"}"#, r#", "when": ["Tags"]"#),
            call("{$each}", r#"{"member": "Acl"}"#, r#", "each": "$doc.Tags""#),
            call("{.}", r#"{"member": "Acl"}"#, ""),
            call("{Name}", r#"{"member": "Tags"}"#, ""),
        ] {
            assert!(!dependent.is_apart_from(&[acl.clone(), tags.clone()]), "{dependent:?}");
        }
        let merged = call("{Name}", r#""merge""#, "");
        let required = call("{Name}", r#"{"member": "Main"}"#, r#", "required": true"#);
        assert!(!tags.is_apart_from(&[merged]) && !tags.is_apart_from(&[required]));
    }
}
