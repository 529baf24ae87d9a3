//! Mapping by convention: which member of a document a property is.
//!
//! Names are compared as letters and digits in lower case. The kinds of agreement are tried one after the
//! other, the closest first; within one, what leaves out the least of the property's name wins. Two members
//! that agree equally well are a mistake of the table, which has to say which one it is.

use inventory::{KindTable, PropertyType, TypeShape};

use super::doc::{Doc, Form, Scalar};
use super::fit::{Fit, fit};
use super::words::{Vocabulary, plain, singular};
use crate::plan::{Path, Root, Step};

/// What convention says about a property.
#[derive(Clone)]
pub(crate) enum Found {
    /// It is this.
    One(Match),
    /// It may be one of these.
    Many(Vec<Path>),
    /// It would be this, but that does not fit.
    Misfit(Path, String),
    /// There is nothing like it.
    Nothing,
}

/// A member that a property is.
#[derive(Clone)]
pub(crate) struct Match {
    pub(crate) path: Path,
    pub(crate) doc: Doc,
    pub(crate) fit: Fit,
}

/// How names agree, the closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agreement {
    /// The name of a member.
    Exact,
    /// The name of a member without words of the kind.
    Stripped,
    /// The names of a member of a member, put together.
    Flat,
    /// As `Exact` and `Stripped`, singular for plural.
    Singular,
    /// As `Flat`, singular for plural.
    FlatSingular,
    /// A list of a member of the elements of a list.
    OfElements,
}

const AGREEMENTS: [Agreement; 6] = [
    Agreement::Exact,
    Agreement::Stripped,
    Agreement::Flat,
    Agreement::Singular,
    Agreement::FlatSingular,
    Agreement::OfElements,
];

/// How deep members of members are looked at.
const DEEPEST: usize = 3;

/// A member, or a member of a member, with the names it may be known by.
struct Candidate {
    steps: Vec<Step>,
    doc: Doc,
    exact: String,
    stripped: Vec<String>,
}

/// The members of one document, prepared for many properties.
pub(crate) struct Convention<'a> {
    kinds: &'a KindTable,
    vocabulary: &'a Vocabulary,
    /// By depth.
    members: Vec<Candidate>,
    deeper: Vec<Candidate>,
    of_elements: Vec<Candidate>,
}

impl<'a> Convention<'a> {
    pub(crate) fn new(kinds: &'a KindTable, vocabulary: &'a Vocabulary, doc: &Doc) -> Self {
        let members = candidates(doc, vocabulary);
        let mut deeper = Vec::new();
        let mut of_elements = Vec::new();
        for member in &members {
            add_deeper(member, 2, &mut deeper);
            if let Form::List(element) = member.doc.form() {
                add_elements(member, &element, &mut of_elements);
            }
        }
        Self { kinds, vocabulary, members, deeper, of_elements }
    }

    /// The member that a property is.
    pub(crate) fn find(&self, property: &str, expected: &PropertyType) -> Found {
        let names = self.vocabulary.of_property(property);
        let mut misfit = None;
        for agreement in AGREEMENTS {
            for name in &names {
                let mut fitting = Vec::new();
                for candidate in self.agreeing(agreement, name) {
                    match self.fitting(candidate, expected) {
                        Ok(found) => fitting.push(found),
                        Err(reason) => {
                            misfit.get_or_insert((path(&candidate.steps), reason));
                        }
                    }
                }
                if fitting.len() > 1 {
                    return Found::Many(fitting.into_iter().map(|found| found.path).collect());
                }
                if let Some(found) = fitting.pop() {
                    return Found::One(found);
                }
            }
        }
        misfit.map_or(Found::Nothing, |(path, reason)| Found::Misfit(path, reason))
    }

    fn agreeing(&self, agreement: Agreement, name: &str) -> Vec<&Candidate> {
        let one = singular(name);
        let list = match agreement {
            Agreement::Exact | Agreement::Stripped | Agreement::Singular => &self.members,
            Agreement::Flat | Agreement::FlatSingular => &self.deeper,
            Agreement::OfElements => &self.of_elements,
        };
        let agrees = |candidate: &&Candidate| match agreement {
            Agreement::Exact => candidate.exact == name,
            Agreement::Stripped => candidate.stripped.iter().any(|known| known == name),
            Agreement::Flat => candidate.known_as(|known| known == name),
            _ => candidate.known_as(|known| singular(known) == one),
        };
        list.iter().filter(agrees).collect()
    }

    fn fitting(&self, candidate: &Candidate, expected: &PropertyType) -> Result<Match, String> {
        let found = |steps: &[Step], doc: &Doc, fit| Match { path: path(steps), doc: doc.clone(), fit };
        let misfit = match fit(self.kinds, expected, &candidate.doc) {
            Ok(fit) => return Ok(found(&candidate.steps, &candidate.doc, fit)),
            Err(misfit) => misfit,
        };
        for (more, doc) in wrapped(&candidate.doc, expected) {
            if let Ok(fit) = fit(self.kinds, expected, &doc) {
                let steps: Vec<Step> = candidate.steps.iter().cloned().chain(more).collect();
                return Ok(found(&steps, &doc, fit));
            }
        }
        Err(misfit)
    }

    /// The member that one of the properties is that every node has.
    pub(crate) fn find_base(&self, property: &str, expected: &PropertyType) -> Found {
        let nouns = self.vocabulary.nouns();
        // Without the noun, names have to agree with one of `names`; `time` is one of time.
        let is = |candidate: &Candidate, names: &[&str], time: bool| {
            let stripped = nouns.iter().filter_map(|noun| candidate.exact.strip_prefix(noun.as_str()));
            let mut forms = std::iter::once(candidate.exact.as_str()).chain(stripped);
            let fits = match candidate.doc.form() {
                Form::Scalar(Scalar::Time) => time,
                Form::Scalar(Scalar::Text) => true,
                Form::Scalar(_) => false,
                _ => names.contains(&"tags"),
            };
            fits && forms.any(|form| names.contains(&form))
        };
        let (names, time): (Vec<String>, bool) = match property {
            "id" => (vec!["id".into(), "identifier".into()], false),
            "name" => (vec!["name".into()], false),
            "arn" => (vec!["arn".into()], false),
            "tags" => (["tags", "taglist", "tagset"].map(String::from).to_vec(), false),
            "ctime" => (times(&["creation", "create", "created"]), true),
            "mtime" => (
                times(&[
                    "lastmodified",
                    "lastmodification",
                    "modified",
                    "modification",
                    "lastupdated",
                    "lastupdate",
                    "updated",
                    "update",
                ]),
                true,
            ),
            "atime" => (times(&["lastused", "lastaccessed", "lastaccess"]), true),
            _ => return self.find(property, expected),
        };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut found: Vec<Match> = self
            .members
            .iter()
            .filter(|candidate| is(candidate, &names, time))
            .filter_map(|candidate| self.fitting(candidate, expected).ok())
            .collect();
        match found.len() {
            0 => Found::Nothing,
            1 => found.pop().map_or(Found::Nothing, Found::One),
            _ => Found::Many(found.into_iter().map(|found| found.path).collect()),
        }
    }
}

/// What an object around a value hides: some services wrap every list (`{ Quantity, Items }`), and single values
/// in objects that may get more members one day.
fn wrapped(doc: &Doc, expected: &PropertyType) -> Vec<(Vec<Step>, Doc)> {
    let is_list = matches!(expected.shape, TypeShape::List(_));
    let only = |doc: &Doc| match <[(String, Doc); 1]>::try_from(doc.members()) {
        Ok([(name, member)]) if matches!(member.form(), Form::Scalar(_)) => {
            Some((Step::Member(name), member))
        }
        _ => None,
    };
    match doc.form() {
        Form::Object if is_list => {
            let items = doc.member("Items");
            items.map(|items| (vec![Step::Member("Items".to_owned())], items)).into_iter().collect()
        }
        Form::Object => only(doc).map(|(step, member)| (vec![step], member)).into_iter().collect(),
        Form::List(element) if is_list && matches!(element.form(), Form::Object) => {
            let inside = only(&element);
            inside
                .map(|(step, member)| (vec![Step::Each, step], Doc::List(member.into())))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

fn times(stems: &[&str]) -> Vec<String> {
    const ENDS: [&str; 8] = ["", "at", "date", "time", "datetime", "timestamp", "on", "dttm"];
    let behind = stems.iter().flat_map(|stem| ENDS.iter().map(move |end| format!("{stem}{end}")));
    behind.chain(stems.iter().map(|stem| format!("date{stem}"))).collect()
}

impl Candidate {
    fn known_as(&self, agrees: impl Fn(&str) -> bool) -> bool {
        agrees(&self.exact) || self.stripped.iter().any(|name| agrees(name))
    }
}

fn candidates(doc: &Doc, vocabulary: &Vocabulary) -> Vec<Candidate> {
    doc.members()
        .into_iter()
        .map(|(name, doc)| Candidate {
            exact: plain(&name),
            stripped: vocabulary.of_member(&name),
            steps: vec![Step::Member(name)],
            doc,
        })
        .collect()
}

/// The members of an object, each known by all names on the way.
fn add_deeper(above: &Candidate, depth: usize, found: &mut Vec<Candidate>) {
    if depth > DEEPEST || !matches!(above.doc.form(), Form::Object) {
        return;
    }
    for (name, doc) in above.doc.members() {
        let last = plain(&name);
        let mut steps = above.steps.clone();
        steps.push(Step::Member(name));
        let candidate = Candidate {
            exact: joined(&above.exact, &last),
            stripped: above.stripped.iter().map(|stem| joined(stem, &last)).collect(),
            steps,
            doc,
        };
        add_deeper(&candidate, depth + 1, found);
        found.push(candidate);
    }
}

/// Two names; what the second repeats of the first is said once: `Endpoint`, `EndpointAddress`.
fn joined(first: &str, second: &str) -> String {
    if second.starts_with(first) { second.to_owned() } else { format!("{first}{second}") }
}

fn add_elements(list: &Candidate, element: &Doc, found: &mut Vec<Candidate>) {
    for (name, doc) in element.members() {
        if !matches!(doc.form(), Form::Scalar(_)) {
            continue;
        }
        let own = plain(&name);
        let stem = singular(&list.exact);
        let mut steps = list.steps.clone();
        steps.extend([Step::Each, Step::Member(name)]);
        let stripped = vec![format!("{stem}{own}")];
        found.push(Candidate { exact: own, stripped, steps, doc: Doc::List(doc.into()) });
    }
}

fn path(steps: &[Step]) -> Path {
    Path { root: Root::Item, steps: steps.to_vec() }
}
