//! Documents become properties.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::plan::{
    Extractor, Function, KindPlan, Mapping, ObjectMap, Path, Properties, Root, Scope, Stage, truthy,
};

/// Objects in objects beyond this depth become null: nested kinds may contain themselves, documents come from
/// outside.
const DEEPEST: usize = 64;

/// Room that an object has from the start: most have no more members, and growing costs more than anything else about it.
const USUAL_MEMBERS: usize = 7;

impl KindPlan {
    /// The properties of the node that a document makes, with `name` and `arn` filled in as far as the plan can:
    /// `id` is always set if this is `Some`. `None` if the document gives no id.
    pub fn properties<'d>(&'d self, scope: &Scope<'d>) -> Option<Properties<'d>> {
        let mut properties = self.mapping.apply(scope);
        properties.get("id")?;
        if properties.get("arn").is_none()
            && let Some(template) = &self.arn
        {
            // Who sees a shared resource is not who it belongs to, and its arn is its owner's.
            let place = owner(scope).map(|owner| scope.place.of_owner(owner));
            let scope = Scope { place: place.as_ref().unwrap_or(scope.place), ..*scope };
            if let Some(arn) = template.fill(&scope.with_properties(&properties)) {
                properties.set("arn", Cow::Owned(Value::String(arn)));
            }
        }
        Some(properties)
    }

    /// The link into the console of a node with these properties; `None` if a part of it is unknown.
    pub fn provider_link(&self, scope: &Scope<'_>, properties: &Properties<'_>) -> Option<String> {
        self.link.as_ref()?.fill_quoted(&scope.with_properties(properties))
    }
}

/// The account that owns the resource, if the document tells it and it is another than that of the place. Services
/// that hand out resources of their own put a name there, which no arn has.
fn owner<'d>(scope: &Scope<'d>) -> Option<&'d str> {
    let owner = scope.document.get("OwnerId").and_then(Value::as_str)?;
    let account = owner.len() == 12 && owner.bytes().all(|c| c.is_ascii_digit());
    Some(owner).filter(|owner| account && *owner != scope.place.account())
}

impl Mapping {
    /// The properties that a document makes. Null is left out.
    pub fn apply<'d>(&'d self, scope: &Scope<'d>) -> Properties<'d> {
        let mut properties = Properties::default();
        for property in &self.properties {
            let value = if property.value.refers_to_properties() {
                let value = property.value.extract(&scope.with_properties(&properties), &self.objects);
                value.map(|value| Cow::Owned(value.into_owned()))
            } else {
                property.value.extract(scope, &self.objects)
            };
            if let Some(value) = value {
                properties.push(&property.name, value);
            }
        }
        properties
    }
}

impl Extractor {
    /// The value; `None` for null. Nested kinds are in the `objects` of the mapping, which only it has.
    pub fn extract<'d>(&'d self, scope: &Scope<'d>, objects: &'d [ObjectMap]) -> Option<Cow<'d, Value>> {
        self.extract_at(scope, objects, 0)
    }

    /// The texts that it gives: itself, or the elements of the list. What is neither text nor number is left out.
    pub fn texts(&self, scope: &Scope<'_>) -> Vec<String> {
        let text = |value: &Value| crate::plan::text_of(value).map(Cow::into_owned);
        match self.extract(scope, &[]).as_deref() {
            Some(Value::Array(items)) => items.iter().filter_map(text).collect(),
            Some(value) => text(value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// Whether it needs properties that are mapped already.
    pub(crate) fn refers_to_properties(&self) -> bool {
        let of_property = |path: &Path| matches!(path.root, Root::Property(_));
        self.paths.iter().any(of_property)
            || self.text.as_ref().is_some_and(|text| text.paths().any(of_property))
    }

    fn extract_at<'d>(
        &'d self,
        scope: &Scope<'d>,
        objects: &'d [ObjectMap],
        depth: usize,
    ) -> Option<Cow<'d, Value>> {
        let mut value = self.find(scope);
        for stage in &self.stages {
            value = match (value, stage) {
                (Some(value), stage) => stage.apply(value, scope, objects, depth),
                (None, Stage::Fn(Function::Present)) => Some(Cow::Owned(Value::Bool(false))),
                (None, _) => None,
            };
        }
        value
            .filter(|value| !value.is_null())
            .or_else(|| (!self.default.is_null()).then_some(Cow::Borrowed(&self.default)))
    }

    fn find<'d>(&'d self, scope: &Scope<'d>) -> Option<Cow<'d, Value>> {
        self.paths
            .iter()
            .find_map(|path| path.get(scope))
            .or_else(|| self.text.as_ref().and_then(|text| text.value(scope)))
            .or_else(|| (!self.constant.is_null()).then_some(Cow::Borrowed(&self.constant)))
    }
}

impl Stage {
    fn apply<'d>(
        &'d self,
        value: Cow<'d, Value>,
        scope: &Scope<'d>,
        objects: &'d [ObjectMap],
        depth: usize,
    ) -> Option<Cow<'d, Value>> {
        let nested = |value: &Value, index: usize| object(value, scope, objects, index, depth);
        Some(match self {
            Self::Fn(function) => return function.apply(value),
            Self::EachFn(function) => {
                let each = |item| function.apply(Cow::Owned(item)).map_or(Value::Null, Cow::into_owned);
                match value.into_owned() {
                    Value::Array(items) => Cow::Owned(items.into_iter().map(each).collect()),
                    _ => return None,
                }
            }
            Self::Choose { values, other, keep } => {
                let found = crate::plan::text_of(&value).and_then(|text| values.get(text.as_ref()));
                match found {
                    Some(chosen) => Cow::Borrowed(chosen),
                    // Without another value it does not fit the model, which is told.
                    None if *keep || other.is_null() => value,
                    None => Cow::Borrowed(other),
                }
            }
            Self::Tags(key, name) => Cow::Owned(tags(&value, key, name)?),
            // What is empty becomes null rather than an object without properties.
            Self::Object(index) if truthy(&value) => Cow::Owned(nested(&value, *index)?),
            Self::Object(_) => return None,
            Self::Objects(index) => {
                let items = value.as_array()?;
                let items = items.iter().map(|item| nested(item, *index).unwrap_or_default());
                Cow::Owned(items.collect())
            }
            Self::Dictionary(index) => {
                let members = value.as_object()?.iter();
                let members =
                    members.map(|(name, member)| (name.clone(), nested(member, *index).unwrap_or_default()));
                Cow::Owned(Value::Object(members.collect()))
            }
            Self::DictionaryOfLists(index) => {
                let list = |value: &Value| {
                    let items = value.as_array().into_iter().flatten();
                    items.map(|item| nested(item, *index).unwrap_or_default()).collect::<Value>()
                };
                let members = value.as_object()?.iter().map(|(name, member)| (name.clone(), list(member)));
                Cow::Owned(Value::Object(members.collect()))
            }
        })
    }
}

/// An object of a nested kind; `None` for what is no object.
fn object(
    value: &Value,
    scope: &Scope<'_>,
    objects: &[ObjectMap],
    index: usize,
    depth: usize,
) -> Option<Value> {
    if !value.is_object() || depth >= DEEPEST {
        return None;
    }
    let scope = Scope { item: value, ..*scope };
    let properties = &objects.get(index)?.properties;
    let mut members = Map::with_capacity(properties.len().min(USUAL_MEMBERS));
    for property in properties {
        if let Some(value) = property.value.extract_at(&scope, objects, depth + 1) {
            members.insert(property.name.clone(), value.into_owned());
        }
    }
    Some(Value::Object(members))
}

/// `[{key: k, value: v}]` becomes `{k: v}`, with an empty text where there is no value; what is an object already
/// stays. `.` for the name of the value is the whole element.
fn tags(value: &Value, key: &str, name: &str) -> Option<Value> {
    match value {
        Value::Array(items) => {
            let pair = |item: &Value| {
                let key = item.get(key).and_then(Value::as_str)?;
                let value = if name == "." { Some(item) } else { item.get(name) };
                let value = value.cloned().unwrap_or_else(|| Value::String(String::new()));
                Some((key.to_owned(), value))
            };
            Some(Value::Object(items.iter().filter_map(pair).collect()))
        }
        Value::Object(_) => Some(value.clone()),
        _ => None,
    }
}
