//! Mapping: every property of a kind, and of the kinds nested in it, gets its place in the document.

use std::collections::{HashMap, HashSet};

use inventory::{Field, Kind, KindTable, Rule, TypeShape};
use serde_json::Value;
use shapes::ShapeId;

use super::convention::{Convention, Found};
use super::doc::{Doc, Form};
use super::entry::{self, Read};
use super::exceptions::Exceptions;
use super::fit::Fit;
use super::mistake::Log;
use super::order::in_order;
use super::reader::Member;
use super::report::{How, PropertyReport};
use super::roots::Roots;
use super::words::{Vocabulary, camel};
use crate::plan::{CloudPlan, Extractor, Mapping, ObjectMap, Path, Property, Root, Stage, Step};

/// Properties that every node has and not every kind has a value for.
const BASE: [&str; 7] = ["id", "tags", "name", "ctime", "mtime", "atime", "arn"];

/// Objects in objects beyond this depth are a mistake, unless they are a shape that contains itself.
const DEEPEST: usize = 20;

/// Everything that the tables of one kind say about properties.
pub(crate) struct Tables<'a> {
    pub(crate) kinds: &'a KindTable,
    pub(crate) cloud: &'a CloudPlan,
    pub(crate) log: &'a Log,
    /// Where mistakes of convention are said to be: the head of the kind's table.
    pub(crate) at: usize,
    /// Of the kind itself.
    pub(crate) own: Exceptions<'a>,
    /// Of nested kinds, those inside this kind first.
    pub(crate) nested: Vec<(String, Exceptions<'a>)>,
    /// Lists that are missing are empty.
    pub(crate) empty_lists: bool,
    /// The kind is made by a hook, which may set what the table leaves out.
    pub(crate) parent: Option<(Doc, &'a Kind)>,
    /// The member that holds the properties of a document of which nothing is known.
    pub(crate) within: Option<&'a str>,
}

/// A mapping with what was found on the way.
pub(crate) struct Mapped {
    pub(crate) mapping: Mapping,
    pub(crate) properties: Vec<PropertyReport>,
    pub(crate) unused: Vec<(String, Vec<String>)>,
    pub(crate) nested_used: HashSet<String>,
}

/// Maps all properties of a kind.
pub(crate) fn map(kind: &Kind, document: &Doc, tables: &Tables<'_>) -> Mapped {
    let mut mapper = Mapper {
        tables,
        document,
        node: kind,
        objects: Vec::new(),
        known: HashMap::new(),
        reports: Vec::new(),
        unused: Vec::new(),
        nested_used: HashSet::new(),
    };
    tables.own.check(kind, tables.log);
    if let Some((_, at)) = tables.own.optional.first() {
        tables
            .log
            .say(*at, "`optional` is for nested kinds, which may be made of several kinds of documents");
    }
    for (name, exceptions) in &tables.nested {
        if let Ok(kind) = tables.kinds.kind(name) {
            exceptions.check(kind, tables.log);
        }
    }
    let properties = mapper.properties(kind, document, &[&tables.own], 0);
    let properties = in_order(properties, kind, tables.log, tables.at);
    let objects = mapper.objects.into_iter().flatten().collect();
    Mapped {
        mapping: Mapping { properties, objects },
        properties: mapper.reports,
        unused: mapper.unused,
        nested_used: mapper.nested_used,
    }
}

/// A shape of a service.
type Identity = (&'static str, ShapeId);

struct Mapper<'a> {
    tables: &'a Tables<'a>,
    document: &'a Doc,
    node: &'a Kind,
    objects: Vec<Option<ObjectMap>>,
    /// Nested kinds of shapes that are mapped already, and those of what is not known, which are the same everywhere.
    known: HashMap<(String, Option<Identity>), usize>,
    reports: Vec<PropertyReport>,
    unused: Vec<(String, Vec<String>)>,
    nested_used: HashSet<String>,
}

impl<'a> Mapper<'a> {
    fn properties(
        &mut self,
        kind: &Kind,
        doc: &Doc,
        exceptions: &[&'a Exceptions<'a>],
        depth: usize,
    ) -> Vec<Property> {
        let prefixes = exceptions.iter().flat_map(|exceptions| exceptions.prefixes.clone()).collect();
        let own = kind.model().properties.iter().map(|property| property.name);
        let vocabulary = Vocabulary::new(kind.fqn(), &self.tables.cloud.word, prefixes).with_habit(own);
        let convention = Convention::new(self.tables.kinds, &vocabulary, doc);
        let mut roots =
            Roots::of(self.document).with_parent(self.tables.parent.as_ref()).in_cloud(self.tables.cloud);
        roots.item = doc.clone();
        // Inside nested kinds nothing says in which order properties are made.
        roots.kind = (depth == 0).then_some(self.node);
        let mut used = HashSet::new();
        let mut properties = Vec::new();
        let mut open = Vec::new();
        for field in kind.fields() {
            let found = self.property(kind, field, &convention, &roots, exceptions, depth);
            match found {
                Outcome::Value(mut value) => {
                    if self.empty_if_missing(field, exceptions) && value.default.is_null() {
                        value.default = Value::Array(Vec::new());
                    }
                    used.extend(value.paths.iter().filter_map(first_member));
                    properties.push(Property { name: field.name.to_owned(), value });
                }
                Outcome::Open(reason) => open.push((field, reason)),
                Outcome::None => {}
            }
        }
        self.say_open(kind, &open);
        self.note_unused(kind, doc, &used);
        properties
    }

    /// Whether the property is a list that is empty where the service says nothing.
    fn empty_if_missing(&self, field: &Field, exceptions: &[&Exceptions<'_>]) -> bool {
        let mut absent = exceptions.iter().flat_map(|exceptions| &exceptions.absent);
        self.tables.empty_lists
            && matches!(field.property_type.shape, TypeShape::List(_))
            && !absent.any(|(name, _)| *name == field.name)
    }

    /// All open properties of a kind are one mistake.
    fn say_open(&self, kind: &Kind, open: &[(&Field, String)]) {
        if open.is_empty() {
            return;
        }
        let owner = if kind.fqn() == self.node.fqn() {
            kind.fqn().to_owned()
        } else {
            format!("{} in {}", kind.fqn(), self.node.fqn())
        };
        let list: Vec<String> = open
            .iter()
            .map(|(field, reason)| {
                let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
                format!("\n    {} ({}){reason}", field.name, field.property_type)
            })
            .collect();
        self.tables.log.say(
            self.tables.at,
            format!("{owner}: where do these come from? map them or list them in `unset`{}", list.concat()),
        );
    }

    fn note_unused(&mut self, kind: &Kind, doc: &Doc, used: &HashSet<String>) {
        let names = doc.members().into_iter().map(|(name, _)| name).filter(|name| !used.contains(name));
        let names: Vec<String> = names.collect();
        if !names.is_empty() {
            self.unused.push((kind.fqn().to_owned(), names));
        }
    }

    fn property(
        &mut self,
        kind: &Kind,
        field: &Field,
        convention: &Convention<'_>,
        roots: &Roots<'_>,
        exceptions: &[&'a Exceptions<'a>],
        depth: usize,
    ) -> Outcome {
        if matches!(field.rule, Some(Rule::Id | Rule::Constant)) {
            self.report(kind, field, How::Automatic, String::new(), String::new());
            return Outcome::None;
        }
        let entry = exceptions
            .iter()
            .find_map(|exceptions| exceptions.entries.iter().find(|member| member.key == field.name));
        let optional = exceptions
            .iter()
            .any(|exceptions| exceptions.optional.iter().any(|(name, _)| *name == field.name));
        if let Some(entry) = entry {
            let roots = Roots { one_of_many: optional, ..roots.clone() };
            return self.by_entry(kind, field, entry, &roots, depth);
        }
        if exceptions.iter().any(|exceptions| exceptions.unset.iter().any(|(name, _)| *name == field.name)) {
            self.report(kind, field, How::Unset, String::new(), String::new());
            return Outcome::None;
        }
        let node = depth == 0;
        let base = node && BASE.contains(&field.name);
        let found = if base {
            convention.find_base(field.name, &field.property_type)
        } else {
            convention.find(field.name, &field.property_type)
        };
        let reason = match found {
            Found::One(found) => {
                let mut value = Extractor { paths: vec![found.path.clone()], ..Extractor::default() };
                let found_type = found.doc.to_string();
                self.report(kind, field, How::Convention, found.path.to_string(), found_type);
                self.finish(&mut value, &found.doc, found.fit, depth);
                return Outcome::Value(value);
            }
            Found::Many(paths) => {
                let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
                format!("say which: {}", paths.join(", "))
            }
            Found::Misfit(path, reason) => format!("`{path}` does not fit: {reason}"),
            Found::Nothing if optional || base && field.name != "id" => {
                self.report(kind, field, How::Absent, String::new(), String::new());
                return Outcome::None;
            }
            Found::Nothing if self.tables.cloud.camel && matches!(roots.item, Doc::Any) => {
                return self.by_spelling(kind, field, depth);
            }
            Found::Nothing => String::new(),
        };
        self.report(kind, field, How::Open, String::new(), reason.clone());
        Outcome::Open(reason)
    }

    /// The member of a document of which nothing is known that is called like the property, in camel case.
    fn by_spelling(&mut self, kind: &Kind, field: &Field, depth: usize) -> Outcome {
        let within = self.tables.within.filter(|_| depth == 0);
        let steps = within.map(str::to_owned).into_iter().chain([camel(field.name)]).map(Step::Member);
        let path = Path { root: Root::Item, steps: steps.collect() };
        match super::fit::fit(self.tables.kinds, &field.property_type, &Doc::Any) {
            Ok(fit) => {
                self.report(kind, field, How::Convention, path.to_string(), Doc::Any.to_string());
                let mut value = Extractor { paths: vec![path], ..Extractor::default() };
                self.finish(&mut value, &Doc::Any, fit, depth);
                Outcome::Value(value)
            }
            Err(reason) => Outcome::Open(reason),
        }
    }

    fn by_entry(
        &mut self,
        kind: &Kind,
        field: &Field,
        entry: &Member,
        roots: &Roots<'_>,
        depth: usize,
    ) -> Outcome {
        let Some(read) = entry::read(&entry.node, roots, self.tables.log) else {
            if roots.one_of_many {
                self.report(kind, field, How::Absent, String::new(), String::new());
                return Outcome::None;
            }
            self.report(kind, field, How::Open, String::new(), "its entry is wrong".to_owned());
            return Outcome::None;
        };
        if read.skipped {
            self.report(kind, field, How::Unset, String::new(), String::new());
            return Outcome::None;
        }
        match entry::fits(self.tables.kinds, &field.property_type, &read) {
            Ok(fit) => {
                let Read { mut extractor, doc, .. } = read;
                self.report(kind, field, How::Entry, spell(&extractor), doc.to_string());
                self.finish(&mut extractor, &doc, fit, depth);
                Outcome::Value(extractor)
            }
            Err(reason) => {
                self.tables.log.say(entry.at, format!("{}: {reason}", field.name));
                self.report(kind, field, How::Open, spell(&read.extractor), reason);
                Outcome::None
            }
        }
    }

    /// The last stage: what makes the value one of a nested kind.
    fn finish(&mut self, value: &mut Extractor, doc: &Doc, fit: Fit, depth: usize) {
        let element = |doc: &Doc| match doc.form() {
            Form::List(element) => element,
            Form::Map(value) => value,
            Form::Object => doc.members().into_iter().next().map_or(Doc::Any, |(_, member)| member),
            Form::Scalar(_) | Form::Any => Doc::Any,
        };
        let stage = match fit {
            Fit::Plain => return,
            Fit::Tags(key, value) => Stage::Tags(key, value),
            Fit::Object(kind) => Stage::Object(self.nested(&kind, doc, depth)),
            Fit::Objects(kind) => Stage::Objects(self.nested(&kind, &element(doc), depth)),
            Fit::Dictionary(kind) => Stage::Dictionary(self.nested(&kind, &element(doc), depth)),
            Fit::DictionaryOfLists(kind) => {
                Stage::DictionaryOfLists(self.nested(&kind, &element(&element(doc)), depth))
            }
        };
        value.stages.push(stage);
    }

    /// The position of the map of a nested kind that is made of such objects.
    fn nested(&mut self, name: &str, doc: &Doc, depth: usize) -> usize {
        let is_known = |doc: &Doc| doc.identity().is_some() || matches!(doc, Doc::Any);
        let key = is_known(doc).then(|| (name.to_owned(), doc.identity()));
        if let Some(index) = key.as_ref().and_then(|key| self.known.get(key)) {
            return *index;
        }
        let index = self.objects.len();
        self.objects.push(None);
        if let Some(key) = key {
            self.known.insert(key, index);
        }
        self.nested_used.insert(name.to_owned());
        let mut properties = Vec::new();
        match self.tables.kinds.kind(name) {
            Ok(_) if depth >= DEEPEST => {
                self.tables.log.say(self.tables.at, format!("{name} is nested too deeply"));
            }
            Ok(kind) => {
                let exceptions: Vec<&Exceptions<'_>> = self
                    .tables
                    .nested
                    .iter()
                    .filter(|(known, _)| known == name)
                    .map(|(_, exceptions)| exceptions)
                    .collect();
                properties = self.properties(kind, doc, &exceptions, depth + 1);
            }
            Err(error) => self.tables.log.say(self.tables.at, error.to_string()),
        }
        self.objects[index] = Some(ObjectMap { kind: name.to_owned(), properties });
        index
    }

    fn report(&mut self, kind: &Kind, field: &Field, how: How, path: String, note: String) {
        self.reports.push(PropertyReport {
            owner: kind.fqn().to_owned(),
            name: field.name.to_owned(),
            notation: field.property_type.to_string(),
            how,
            path,
            note,
        });
    }
}

/// What became of a property.
enum Outcome {
    Value(Extractor),
    Open(String),
    None,
}

fn first_member(path: &crate::plan::Path) -> Option<String> {
    match (&path.root, path.steps.first()) {
        (Root::Item, Some(Step::Member(name))) => Some(name.clone()),
        _ => None,
    }
}

/// Where a value comes from, for people.
fn spell(extractor: &Extractor) -> String {
    let found = match (&extractor.text, &extractor.constant) {
        (Some(template), _) => template.to_string(),
        (None, constant) if !constant.is_null() => constant.to_string(),
        _ => extractor.paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
    };
    let stages = extractor.stages.iter().filter_map(|stage| match stage {
        Stage::Fn(function) => Some(function.to_string()),
        Stage::EachFn(function) => Some(format!("each:{function}")),
        Stage::Choose { .. } => Some("enum".to_owned()),
        _ => None,
    });
    std::iter::once(found).chain(stages).collect::<Vec<_>>().join(" ")
}
