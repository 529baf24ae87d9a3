//! Paths: where in a document a value is.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::condition::Condition;
use super::scope::Scope;

/// Where in a document a value is, for example `State.Name`, `Groups[].GroupId` or `$parent.Arn`.
///
/// Members are separated by dots (in double quotes if they have dots or brackets themselves), `[n]` is an
/// element of a list (negative from its end), `[]` is each element (of a map each value): the result is a list
/// then, and a list in a list is flattened. `[CONDITION]` is each element of which that holds, `[first CONDITION]` the
/// first of them. `{}` is each value of a map, as `[]`; items that are taken so remember their name. `.` alone is the
/// whole document.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Path {
    /// Where it begins.
    pub root: Root,
    /// The way from there.
    pub steps: Vec<Step>,
}

/// Where a path begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Root {
    /// The document of the item; inside a nested kind the object that becomes it.
    Item,
    /// `$doc`: the document of the item, also inside a nested kind.
    Document,
    /// `$parent`: the document of the parent.
    Parent,
    /// `$parent@NAME`: a property of the node of the parent.
    ParentProperty(String),
    /// `@NAME`: a property that is mapped already.
    Property(String),
    /// `$each`: the element that a call is made for.
    Each,
    /// `$account`: id of the account.
    Account,
    /// `$region`: id of the region.
    Region,
    /// `$region_name`: name of the region, `global` for what is in no region.
    RegionName,
    /// `$partition`: the part of the cloud that the account is in.
    Partition,
    /// `$place.NAME`: what the cloud says of the place of the call.
    Place(String),
    /// `$tag.key` or `$key`: key of the tag to be set or removed.
    TagKey,
    /// `$tag.value` or `$value`: value of the tag to be set.
    TagValue,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// A member of an object.
    Member(String),
    /// An element of a list, from its end if negative.
    Index(i32),
    /// Each element of a list, or value of a map.
    Each,
    /// Each value of a map; items remember their name as the member [`ITEM_KEY`].
    Keys,
    /// Elements of a list of which this holds.
    Where {
        /// The first of them only.
        first: bool,
        /// Looks at the element.
        condition: Box<Condition>,
    },
}

/// The member of an item that has the name under which it stood in a map.
pub const ITEM_KEY: &str = "$item_key";
/// The only member of an item that is no object.
pub const ITEM: &str = "$item";

/// A text that is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no path: {reason}")]
pub struct PathError {
    text: String,
    reason: String,
}

impl Path {
    /// The document itself: `.`
    pub fn whole() -> Self {
        Self { root: Root::Item, steps: Vec::new() }
    }

    /// A member of the document.
    pub fn member(name: impl Into<String>) -> Self {
        Self { root: Root::Item, steps: vec![Step::Member(name.into())] }
    }

    /// Whether it gives a list of what it leads to.
    pub fn is_many(&self) -> bool {
        self.steps.iter().any(Step::is_many)
    }

    /// The last member that it names.
    pub fn last_member(&self) -> Option<&str> {
        self.steps.iter().rev().find_map(|step| match step {
            Step::Member(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether it reads this member of the document, or all of them.
    pub fn leads_into(&self, member: &str) -> bool {
        matches!(self.root, Root::Item | Root::Document)
            && match self.steps.first() {
                Some(Step::Member(name)) => name == member,
                _ => true,
            }
    }

    /// What is there; `None` for nothing and for null. Without `[]` nothing is copied.
    pub fn get<'d>(&self, scope: &Scope<'d>) -> Option<Cow<'d, Value>> {
        scope.root(&self.root).and_then(|value| walk(value, &self.steps))
    }

    /// What is there in `value`, which takes the place of the document whatever the root is.
    pub fn get_in<'d>(&self, value: &'d Value) -> Option<Cow<'d, Value>> {
        walk(value, &self.steps)
    }

    /// Cuts out of `value` what is there; `None` for nothing and for null. Without `[]` nothing is copied.
    pub fn cut(&self, value: &mut Value) -> Option<Value> {
        if self.is_many() {
            return self.get_in(value).map(Cow::into_owned);
        }
        let mut place = value;
        for step in &self.steps {
            place = match (step, place) {
                (Step::Member(name), Value::Object(members)) => members.get_mut(name)?,
                (Step::Index(index), Value::Array(items)) => {
                    let at = position(*index, items.len())?;
                    items.get_mut(at)?
                }
                (Step::Where { condition, .. }, Value::Array(items)) => {
                    items.iter_mut().find(|item| condition.holds_in(item))?
                }
                _ => return None,
            };
        }
        Some(place.take()).filter(|found| !found.is_null())
    }

    /// Takes out of an answer what is there, without copying: the elements if it is a list, else the one value.
    pub fn take(&self, answer: Value) -> Vec<Value> {
        let mut found = Vec::new();
        take(answer, &self.steps, &mut found);
        match found.as_slice() {
            [Value::Array(_)] => match found.pop() {
                Some(Value::Array(items)) => items,
                _ => found,
            },
            _ => found,
        }
    }

    /// Copies of the items that are there in `value`, as [`Path::take`] gives them.
    pub fn items_in(&self, value: &Value) -> Vec<Value> {
        if self.steps.contains(&Step::Keys) {
            return self.take(value.clone());
        }
        match self.get_in(value).map(Cow::into_owned) {
            Some(Value::Array(items)) => items,
            Some(item) => vec![item],
            None => Vec::new(),
        }
    }
}

impl Step {
    /// Whether it leads to several values.
    pub fn is_many(&self) -> bool {
        matches!(self, Self::Each | Self::Keys | Self::Where { first: false, .. })
    }

    /// Whether an element is among those that it leads to.
    fn wants(&self, element: &Value) -> bool {
        match self {
            Self::Where { condition, .. } => condition.holds_in(element),
            _ => true,
        }
    }
}

fn walk<'d>(mut value: &'d Value, steps: &[Step]) -> Option<Cow<'d, Value>> {
    for (index, step) in steps.iter().enumerate() {
        if step.is_many() {
            let mut found = Vec::new();
            for item in elements(value)?.filter(|item| step.wants(item)) {
                collect(item, &steps[index + 1..], &mut found);
            }
            return Some(Cow::Owned(Value::Array(found)));
        }
        value = follow(value, step)?;
    }
    (!value.is_null()).then_some(Cow::Borrowed(value))
}

/// Appends what the steps lead to: all of a list that `[]` asks for, else one value, null if it is missing.
fn collect(mut value: &Value, steps: &[Step], found: &mut Vec<Value>) {
    for (index, step) in steps.iter().enumerate() {
        if step.is_many() {
            for item in elements(value).into_iter().flatten().filter(|item| step.wants(item)) {
                collect(item, &steps[index + 1..], found);
            }
            return;
        }
        match follow(value, step) {
            Some(next) => value = next,
            // A list that is missing has no elements; a value that is missing is one that is null.
            None if steps[index..].iter().any(Step::is_many) => return,
            None => return found.push(Value::Null),
        }
    }
    found.push(value.clone());
}

/// What `[]` goes through.
fn elements<'d>(value: &'d Value) -> Option<Box<dyn Iterator<Item = &'d Value> + 'd>> {
    match value {
        Value::Array(items) => Some(Box::new(items.iter())),
        Value::Object(members) => Some(Box::new(members.values())),
        _ => None,
    }
}

fn follow<'d>(value: &'d Value, step: &Step) -> Option<&'d Value> {
    match step {
        Step::Member(name) => value.as_object()?.get(name),
        Step::Index(index) => {
            let items = value.as_array()?;
            items.get(position(*index, items.len())?)
        }
        Step::Where { first: true, condition } => {
            value.as_array()?.iter().find(|element| condition.holds_in(element))
        }
        Step::Each | Step::Keys | Step::Where { .. } => None,
    }
}

fn take(mut value: Value, steps: &[Step], found: &mut Vec<Value>) {
    for (index, step) in steps.iter().enumerate() {
        let next = match (step, value) {
            (Step::Member(name), Value::Object(mut members)) => members.swap_remove(name),
            (Step::Index(at), Value::Array(mut items)) => {
                position(*at, items.len()).filter(|at| *at < items.len()).map(|at| items.swap_remove(at))
            }
            (Step::Where { first: true, condition }, Value::Array(items)) => {
                items.into_iter().find(|item| condition.holds_in(item))
            }
            (Step::Each | Step::Where { .. }, Value::Array(items)) => {
                for item in items.into_iter().filter(|item| step.wants(item)) {
                    take(item, &steps[index + 1..], found);
                }
                return;
            }
            (Step::Keys, Value::Object(members)) => {
                for (name, member) in members {
                    let mut below = Vec::new();
                    take(member, &steps[index + 1..], &mut below);
                    found.extend(below.into_iter().flat_map(apart).map(|item| with_key(item, &name)));
                }
                return;
            }
            _ => None,
        };
        match next {
            Some(next) => value = next,
            None => return,
        }
    }
    if !value.is_null() {
        found.push(value);
    }
}

/// The elements of a list, or the one value.
fn apart(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => vec![other],
    }
}

/// The item with the name under which it stood; one from further inside stays.
fn with_key(item: Value, key: &str) -> Value {
    let mut members = match item {
        Value::Object(members) => members,
        other => serde_json::Map::from_iter([(ITEM.to_owned(), other)]),
    };
    if !members.contains_key(ITEM_KEY) {
        members.insert(ITEM_KEY.to_owned(), key.into());
    }
    Value::Object(members)
}

fn position(index: i32, len: usize) -> Option<usize> {
    let from_end = usize::try_from(index.unsigned_abs()).ok()?;
    if index < 0 { len.checked_sub(from_end) } else { Some(from_end) }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let fail = |reason: &str| PathError { text: text.to_owned(), reason: reason.to_owned() };
        if text == "." {
            return Ok(Self::whole());
        }
        let (root, rest) = root(text).map_err(|reason| fail(&reason))?;
        let mut rest = rest.strip_prefix('.').filter(|_| root != Root::Item).unwrap_or(rest);
        if root == Root::Item && rest.is_empty() {
            return Err(fail("it is empty; the whole document is `.`"));
        }
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, tail) = step(rest).map_err(|reason| fail(&reason))?;
            steps.push(step);
            rest = match tail.strip_prefix('.') {
                Some("") => return Err(fail("it ends with a dot")),
                Some(tail) if !tail.starts_with(['[', '{']) => tail,
                Some(_) => return Err(fail("a dot stands before brackets")),
                None if tail.is_empty() || tail.starts_with(['[', '{']) => tail,
                None => return Err(fail("a dot is missing")),
            };
        }
        Ok(Self { root, steps })
    }
}

/// The root and what follows it.
fn root(text: &str) -> Result<(Root, &str), String> {
    let word = |text: &str| text.find(['.', '[', '{']).unwrap_or(text.len());
    if let Some(name) = text.strip_prefix('@') {
        let (name, rest) = name.split_at(word(name));
        return if name.is_empty() {
            Err("the name of a property is missing".into())
        } else {
            Ok((Root::Property(name.to_owned()), rest))
        };
    }
    if !text.starts_with('$') {
        return Ok((Root::Item, text));
    }
    let (name, rest) = text.split_at(word(text));
    let root = match name {
        // Items that are no objects become the member `$item` of one, and `$item_key` is beside them.
        ITEM | ITEM_KEY => return Ok((Root::Item, text)),
        "$place" | "$tag" => {
            let inside = rest.strip_prefix('.').unwrap_or_default();
            let (member, rest) = inside.split_at(word(inside));
            let root = match (name, member) {
                ("$tag", "key") => Root::TagKey,
                ("$tag", "value") => Root::TagValue,
                ("$place", member) if !member.is_empty() => Root::Place(member.to_owned()),
                _ => {
                    return Err(format!(
                        "`{name}` stands with a name behind a dot: $place.region, $tag.key, $tag.value"
                    ));
                }
            };
            return Ok((root, rest));
        }
        "$doc" => Root::Document,
        "$parent" => Root::Parent,
        "$each" => Root::Each,
        "$account" => Root::Account,
        "$region" => Root::Region,
        "$region_name" => Root::RegionName,
        "$partition" => Root::Partition,
        "$key" => Root::TagKey,
        "$value" => Root::TagValue,
        other => match other.strip_prefix("$parent@") {
            Some(property) if !property.is_empty() => Root::ParentProperty(property.to_owned()),
            _ => {
                return Err(format!(
                    "there is no `{other}`; there are $item, $item_key, $doc, $parent, $parent@NAME, $each, $account, \
                     $region, $region_name, $partition, $place.NAME, $tag.key, $tag.value"
                ));
            }
        },
    };
    Ok((root, rest))
}

fn step(text: &str) -> Result<(Step, &str), String> {
    if let Some(inside) = text.strip_prefix('[') {
        let (index, rest) = inside.split_once(']').ok_or("a bracket is open")?;
        if index.is_empty() {
            return Ok((Step::Each, rest));
        }
        if index.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            let index = index.parse().map_err(|_| format!("`{index}` is no position in a list"))?;
            return Ok((Step::Index(index), rest));
        }
        let (first, condition) = match index.strip_prefix("first ") {
            Some(condition) => (true, condition),
            None => (false, index),
        };
        return Ok((Step::Where { first, condition: Box::new(condition.parse()?) }, rest));
    }
    if let Some(rest) = text.strip_prefix("{}") {
        return Ok((Step::Keys, rest));
    }
    if let Some(inside) = text.strip_prefix('"') {
        let (name, rest) = inside.split_once('"').ok_or("a quote is open")?;
        if name.is_empty() {
            return Err("a member without a name".to_owned());
        }
        return Ok((Step::Member(name.to_owned()), rest));
    }
    let (name, rest) = text.split_at(text.find(['.', '[', '{']).unwrap_or(text.len()));
    if name.is_empty() || name.contains([']', '"', '{', '}']) {
        return Err(format!("`{name}` is no name of a member"));
    }
    Ok((Step::Member(name.to_owned()), rest))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.root)?;
        if self.root == Root::Item && self.steps.is_empty() {
            return f.write_str(".");
        }
        for (index, step) in self.steps.iter().enumerate() {
            let dot = if index == 0 && self.root == Root::Item { "" } else { "." };
            match step {
                Step::Member(name) if needs_quotes(name) => {
                    write!(f, "{dot}\"{name}\"")?;
                }
                Step::Member(name) => write!(f, "{dot}{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Each => f.write_str("[]")?,
                Step::Keys => f.write_str("{}")?,
                Step::Where { first: true, condition } => write!(f, "[first {condition}]")?,
                Step::Where { first: false, condition } => write!(f, "[{condition}]")?,
            }
        }
        Ok(())
    }
}

/// Whether a name would be read as something else.
fn needs_quotes(name: &str) -> bool {
    let is_root = name.starts_with(['@', '$', '!']) && !matches!(name, ITEM | ITEM_KEY);
    is_root || name.contains(['.', '[', ']', '{', '}', ' '])
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Item => "",
            Self::Document => "$doc",
            Self::Parent => "$parent",
            Self::ParentProperty(name) => return write!(f, "$parent@{name}"),
            Self::Property(name) => return write!(f, "@{name}"),
            Self::Each => "$each",
            Self::Account => "$account",
            Self::Region => "$region",
            Self::RegionName => "$region_name",
            Self::Partition => "$partition",
            Self::Place(name) => return write!(f, "$place.{name}"),
            Self::TagKey => "$key",
            Self::TagValue => "$value",
        })
    }
}

impl TryFrom<String> for Path {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        text.parse()
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cutting_takes_what_is_there_and_leaves_the_rest() {
        let mut value = json!({"A": {"B": [{"C": 1}, {"C": 2}]}, "N": null});
        let mut cut = |path: &str| path.parse::<Path>().unwrap().cut(&mut value);
        assert_eq!(cut("A.B[].C"), Some(json!([1, 2])), "copied");
        assert_eq!(cut("A.B[-1]"), Some(json!({"C": 2})));
        assert_eq!(cut("N"), None);
        assert_eq!(cut("A.X"), None);
        assert_eq!(cut("A.B"), Some(json!([{"C": 1}, null])));
        assert_eq!(cut("A.B"), None);
    }

    #[test]
    fn elements_are_found_by_what_holds_of_them() {
        let document = json!({"Tags": [{"Key": "Name", "Value": "a"}, {"Key": "x", "Value": "b"}, {"Key": "Name", "Value": "c"}]});
        let found = |path: &str| {
            let path: Path = path.parse().unwrap();
            assert_eq!(path.to_string().parse::<Path>().unwrap(), path);
            path.get_in(&document).map(Cow::into_owned)
        };
        assert_eq!(found("Tags[Key == Name].Value"), Some(json!(["a", "c"])));
        assert_eq!(found("Tags[first Key == Name].Value"), Some(json!("a")));
        assert_eq!(found("Tags[first Key in y, x].Value"), Some(json!("b")));
        assert_eq!(found("Tags[Key == none].Value"), Some(json!([])));
        assert_eq!(found("Tags[first Key == none].Value"), None);
        assert_eq!(found("Tags[Missing].Value"), Some(json!([])));
        let mut copy = document.clone();
        let path: Path = "Tags[first Key == x]".parse().unwrap();
        assert_eq!(path.cut(&mut copy), Some(json!({"Key": "x", "Value": "b"})));
        let path: Path = "Tags[Key == Name]".parse().unwrap();
        assert_eq!(path.take(document.clone()).len(), 2);
    }

    #[test]
    fn items_of_maps_remember_their_names() {
        let answer = json!({"items": {
            "zones/a": {"instances": [{"n": 1}, {"n": 2}]},
            "zones/b": {"warning": "nothing"},
            "zones/c": {"instances": ["text"]},
        }});
        let path: Path = "items{}.instances[]".parse().unwrap();
        assert_eq!(path.to_string(), "items{}.instances[]");
        let expected = [
            json!({"n": 1, "$item_key": "zones/a"}),
            json!({"n": 2, "$item_key": "zones/a"}),
            json!({"$item": "text", "$item_key": "zones/c"}),
        ];
        assert_eq!(path.items_in(&answer), expected);
        assert_eq!(path.take(answer.clone()), expected);
        // A list in a map is taken apart whether it is said or not.
        let path: Path = "items{}.instances".parse().unwrap();
        assert_eq!(path.take(answer), expected);
        let path: Path = "a{}.b{}".parse().unwrap();
        let nested = path.take(json!({"a": {"x": {"b": {"y": {"n": 1}}}}}));
        assert_eq!(nested, [json!({"n": 1, "$item_key": "y"})], "the last name");
    }
}
