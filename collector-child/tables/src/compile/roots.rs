//! What paths may begin with at some place of a table, and what is there.

use inventory::Kind;
use inventory::suggest;

use super::doc::{Doc, Scalar};
use crate::plan::{Arguments, CloudPlan, Condition, PLACE_NAMES, Path, Root, Template, Test};

/// What paths see.
#[derive(Clone)]
pub(crate) struct Roots<'a> {
    pub(crate) item: Doc,
    pub(crate) document: Doc,
    /// Document and kind of the parent.
    pub(crate) parent: Option<(Doc, &'a Kind)>,
    /// The kind whose properties are known already.
    pub(crate) kind: Option<&'a Kind>,
    pub(crate) each: Option<Doc>,
    pub(crate) tag: bool,
    /// Of several kinds of documents that an entry is for, this is one: what it lacks is no mistake.
    pub(crate) one_of_many: bool,
    /// What `$place` knows besides what it always does; `None`: it is believed.
    pub(crate) place: Option<&'a [String]>,
}

impl<'a> Roots<'a> {
    pub(crate) fn of(document: &Doc) -> Self {
        Self {
            item: document.clone(),
            document: document.clone(),
            parent: None,
            kind: None,
            each: None,
            tag: false,
            one_of_many: false,
            place: None,
        }
    }

    pub(crate) fn with_parent(mut self, parent: Option<&(Doc, &'a Kind)>) -> Self {
        self.parent = parent.cloned();
        self
    }

    pub(crate) fn in_cloud(mut self, cloud: &'a CloudPlan) -> Self {
        self.place = Some(&cloud.place);
        self
    }

    pub(crate) fn with_kind(mut self, kind: &'a Kind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// What a path leads to.
    pub(crate) fn at(&self, path: &Path) -> Result<Doc, String> {
        let text = || Ok(Doc::Scalar(Scalar::Text));
        let root = match &path.root {
            Root::Item => Ok(self.item.clone()),
            Root::Document => Ok(self.document.clone()),
            Root::Parent => match &self.parent {
                Some((doc, _)) => Ok(doc.clone()),
                None => Err("there is no parent here".to_owned()),
            },
            Root::ParentProperty(name) => match &self.parent {
                Some((_, kind)) => property(kind, name),
                None => Err("there is no parent here".to_owned()),
            },
            Root::Property(name) => match self.kind {
                Some(kind) => property(kind, name),
                None => Err("properties are not known here yet".to_owned()),
            },
            Root::Each => self.each.clone().ok_or_else(|| "`$each` needs `each`".to_owned()),
            Root::Account | Root::Region | Root::RegionName | Root::Partition => text(),
            Root::Place(name) => match self.place {
                Some(more) if !PLACE_NAMES.contains(&name.as_str()) && !more.contains(name) => {
                    let known = PLACE_NAMES.iter().copied().chain(more.iter().map(String::as_str));
                    Err(format!("a place has no `{name}`; {}", suggest::hint(name, known)))
                }
                _ => text(),
            },
            Root::TagKey | Root::TagValue if self.tag => text(),
            Root::TagKey | Root::TagValue => Err("there is no tag here".to_owned()),
        };
        root.map_err(|reason| format!("`{path}` leads nowhere: {reason}"))?.at(path)
    }

    /// Whether a condition looks at something that exists.
    pub(crate) fn condition(&self, condition: &Condition) -> Result<(), String> {
        self.at(&condition.path)?;
        match &condition.test {
            Test::Same(other) => self.at(other).map(drop),
            _ => Ok(()),
        }
    }

    /// Whether a template uses what exists.
    pub(crate) fn template(&self, template: &Template) -> Result<(), String> {
        template.paths().try_for_each(|path| self.at(path).map(drop))
    }

    /// Whether arguments use what exists.
    pub(crate) fn arguments(&self, arguments: &Arguments) -> Result<(), String> {
        arguments.paths().into_iter().try_for_each(|path| self.at(path).map(drop))
    }
}

fn property(kind: &Kind, name: &str) -> Result<Doc, String> {
    let found = kind.fields().iter().find(|field| field.name == name);
    found.map(|field| Doc::of_type(&field.property_type)).ok_or_else(|| {
        let hint = suggest::hint(name, kind.fields().iter().map(|field| field.name));
        format!("{} has no property `{name}`; {hint}", kind.fqn())
    })
}

/// What a node reports, as a document.
pub(crate) fn node_document(kind: &Kind) -> Doc {
    kind.fields()
        .iter()
        .fold(Doc::empty(), |doc, field| doc.with(field.name, Doc::of_type(&field.property_type)))
}
