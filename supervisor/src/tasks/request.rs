//! What a task asks for, made of the text that fixcore sends. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use fixworker_fixcore::messages::Task;
use ipc_proto::account::AccountName;
use ipc_proto::clean::{CommandJob, TagJob};
use ipc_proto::job::Job;
use ipc_proto::limits::MAX_NODE_JSON;
use ipc_proto::secret::Secret;
use serde_json::{Map, Value};

use super::error::TaskError;
use super::handlers::{Handlers, TAG};
use super::machine::Whom;

/// Fixcore gives up after 30 s for tags and 10 s for commands. Our answer comes before that, so that the user
/// reads why.
const TAG_BUDGET: Duration = Duration::from_secs(29);
const COMMAND_BUDGET: Duration = Duration::from_secs(9);

/// A task that can be done.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// The collector that does it.
    pub(super) collector: String,
    /// The account it is about, if any.
    pub(super) account: Option<AccountName>,
    /// What to do.
    pub(super) work: Work,
    /// The resource, or the command, for logs and errors.
    pub(super) title: String,
}

/// What to do.
#[derive(Debug, Clone)]
pub(super) enum Work {
    /// Change tags of a node.
    Tag {
        /// The node with its ancestors.
        node: Map<String, Value>,
        /// Tags to set.
        set: Vec<(String, String)>,
        /// Tags to remove.
        remove: Vec<String>,
    },
    /// Execute a command.
    Command {
        /// Its name.
        name: String,
        /// Its arguments.
        args: Vec<String>,
        /// The node it is about, with its ancestors.
        node: Option<Map<String, Value>>,
    },
}

impl Request {
    /// Reads a task, and finds out who does it.
    pub(super) fn of(task: &Task, handlers: &Handlers) -> Result<Self, TaskError> {
        let handler = handlers.find(task)?;
        let Value::Object(data) = &task.data else {
            return Err(malformed("its data is no object"));
        };
        let node = match data.get("node") {
            None | Some(Value::Null) => None,
            Some(Value::Object(node)) => Some(node.clone()),
            Some(_) => return Err(malformed("its node is no object")),
        };
        let account = account(task, node.as_ref());
        let (work, title) = if task.task_name == TAG {
            let node = node.ok_or_else(|| malformed("it has no node"))?;
            let title = name_of(&node);
            (tag(data, node, &title)?, title)
        } else {
            let title = match &node {
                Some(node) => format!("command {} on {}", task.task_name, name_of(node)),
                None => format!("command {}", task.task_name),
            };
            other_cloud(task, &handler.clouds, node.as_ref())?;
            (Work::Command { name: task.task_name.clone(), args: args(data)?, node }, title)
        };
        Ok(Self { collector: handler.collector.clone(), account, work, title })
    }

    /// How long it may take, waiting included.
    pub(super) fn budget(&self) -> Duration {
        match self.work {
            Work::Tag { .. } => TAG_BUDGET,
            Work::Command { .. } => COMMAND_BUDGET,
        }
    }

    /// Whose child does it.
    pub(super) fn whom(&self) -> Whom {
        let account = self.account.as_ref().map(|account| account.id.clone());
        Whom { collector: self.collector.clone(), account }
    }

    /// The message for the child.
    pub(super) fn job(&self, config: Secret<String>) -> Result<Job, TaskError> {
        let collector = self.collector.clone();
        Ok(match &self.work {
            Work::Tag { node, set, remove } => Job::Tag(Box::new(TagJob {
                collector,
                config,
                node_json: self.text(node)?,
                set: set.clone(),
                remove: remove.clone(),
            })),
            Work::Command { name, args, node } => Job::Command(Box::new(CommandJob {
                collector,
                config,
                name: name.clone(),
                args: args.clone(),
                node_json: node.as_ref().map(|node| self.text(node)).transpose()?,
            })),
        })
    }

    fn text(&self, node: &Map<String, Value>) -> Result<String, TaskError> {
        let text = serde_json::to_string(node).map_err(|error| TaskError::Malformed(error.to_string()))?;
        if text.len() > MAX_NODE_JSON {
            let what = self.title.clone();
            return Err(TaskError::TooLarge { what, size: text.len(), most: MAX_NODE_JSON });
        }
        Ok(text)
    }
}

fn malformed(what: &str) -> TaskError {
    TaskError::Malformed(what.to_owned())
}

fn text<'a>(node: &'a Map<String, Value>, section: &str, key: &str) -> Option<&'a str> {
    node.get(section)?.get(key)?.as_str()
}

/// `kind name (id)`, as far as the node has them.
fn name_of(node: &Map<String, Value>) -> String {
    let part = |key| text(node, "reported", key).filter(|part| !part.is_empty());
    let kind = part("kind").unwrap_or("resource");
    match (part("name"), part("id")) {
        (Some(name), Some(id)) if name != id => format!("{kind} {name} ({id})"),
        (Some(one), _) | (None, Some(one)) => format!("{kind} {one}"),
        (None, None) => kind.to_owned(),
    }
}

/// The account as fixcore names it in the attributes, with the name from the node's ancestor.
fn account(task: &Task, node: Option<&Map<String, Value>>) -> Option<AccountName> {
    let ancestor = node.and_then(|node| node.get("ancestors")?.get("account")?.get("reported"));
    let of_ancestor =
        |key: &str| ancestor.and_then(|reported| reported.get(key)?.as_str()).map(str::to_owned);
    let id = task.attrs.get("account").cloned().or_else(|| of_ancestor("id"))?;
    let name = of_ancestor("name").unwrap_or_else(|| id.clone());
    let cloud = task.attrs.get("cloud").cloned().unwrap_or_default();
    Some(AccountName { cloud, id, name })
}

fn tag(data: &Map<String, Value>, node: Map<String, Value>, title: &str) -> Result<Work, TaskError> {
    for (section, key) in [("reported", "kind"), ("reported", "id")] {
        if text(&node, section, key).is_none() {
            return Err(TaskError::Malformed(format!("its node has no {section}.{key}")));
        }
    }
    if !node.get("id").is_some_and(Value::is_string) {
        return Err(malformed("its node has no id"));
    }
    if !matches!(node.get("metadata"), None | Some(Value::Null | Value::Object(_))) {
        return Err(malformed("the metadata of its node is no object"));
    }
    let (set, remove) = (to_set(data)?, to_remove(data)?);
    if set.is_empty() && remove.is_empty() {
        return Err(malformed("it names no tag to update or to delete"));
    }
    let mut keys = BTreeSet::new();
    for key in set.iter().map(|(key, _)| key).chain(&remove) {
        if key.is_empty() {
            return Err(malformed("a tag needs a name"));
        }
        if !keys.insert(key) {
            return Err(TaskError::Malformed(format!("it names the tag {key} twice")));
        }
    }
    if node.get("metadata").and_then(|metadata| metadata.get("protected")) == Some(&Value::Bool(true)) {
        return Err(TaskError::Protected(title.to_owned()));
    }
    Ok(Work::Tag { node, set, remove })
}

/// `tag update name` without a value sends null: a tag that is nothing but its name.
fn to_set(data: &Map<String, Value>) -> Result<Vec<(String, String)>, TaskError> {
    let update = match data.get("update") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(update)) => update,
        Some(_) => return Err(malformed("its update is no object")),
    };
    let pairs = update.iter().map(|(key, value)| match value {
        Value::Null => Ok((key.clone(), String::new())),
        Value::String(value) => Ok((key.clone(), value.clone())),
        Value::Bool(_) | Value::Number(_) => Ok((key.clone(), value.to_string())),
        Value::Array(_) | Value::Object(_) => {
            Err(TaskError::Malformed(format!("the value of the tag {key} is no text")))
        }
    });
    pairs.collect()
}

fn to_remove(data: &Map<String, Value>) -> Result<Vec<String>, TaskError> {
    match data.get("delete") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(names)) => texts(names).ok_or_else(|| malformed("a tag to delete is no text")),
        Some(_) => Err(malformed("its delete is no list")),
    }
}

fn args(data: &Map<String, Value>) -> Result<Vec<String>, TaskError> {
    match data.get("args") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(args)) => texts(args).ok_or_else(|| malformed("an argument is no text")),
        Some(_) => Err(malformed("its arguments are no list")),
    }
}

fn texts(list: &[Value]) -> Option<Vec<String>> {
    list.iter().map(|value| value.as_str().map(str::to_owned)).collect()
}

/// A command without a filter gets nodes of any cloud.
fn other_cloud(task: &Task, wanted: &[String], node: Option<&Map<String, Value>>) -> Result<(), TaskError> {
    match (node, task.attrs.get("cloud")) {
        (Some(node), Some(cloud)) if !wanted.is_empty() && !wanted.contains(cloud) => {
            Err(TaskError::OtherCloud {
                what: name_of(node),
                cloud: cloud.clone(),
                command: task.task_name.clone(),
                wanted: wanted.join(" or "),
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
