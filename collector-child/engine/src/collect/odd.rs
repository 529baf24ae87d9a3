//! Values of resources that were left out or repaired: told once for each kind and property, with one resource as
//! the example, because a mapping that is wrong for ten thousand resources is one trouble.

use std::collections::BTreeSet;

use collector::{FaultExt, fault};
use http_client::LeftOut;
use indexmap::IndexMap;
use inventory::PropertyFault;
use ipc_proto::fault::{Fault, FaultKind, FaultScope};
use shapes::Oddity;

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Odd {
    /// It does not fit the model: the property and what it should be.
    Misfit { property: String, expected: Option<String> },
    /// It had characters that no text can have.
    Characters,
}

/// What was odd so far, by kind.
#[derive(Debug, Default)]
pub(crate) struct OddLog(IndexMap<(String, Odd), Seen>);

#[derive(Debug)]
struct Seen {
    times: u32,
    /// The id of the first resource.
    id: String,
    /// What its value was.
    found: String,
}

impl OddLog {
    /// Notes a property that was left out.
    pub(crate) fn misfit(&mut self, misfit: &PropertyFault) {
        tracing::debug!("left out: {misfit}");
        let PropertyFault { kind, id, property, expected, found } = misfit;
        let odd = Odd::Misfit { property: without_positions(property), expected: expected.clone() };
        self.note(kind, odd, id, found);
    }

    /// Notes a resource with texts that had to be repaired.
    pub(crate) fn repaired(&mut self, kind: &str, id: &str) {
        self.note(kind, Odd::Characters, id, "");
    }

    fn note(&mut self, kind: &str, odd: Odd, id: &str, found: &str) {
        let new = || Seen { times: 0, id: id.to_owned(), found: found.to_owned() };
        self.0.entry((kind.to_owned(), odd)).or_insert_with(new).times += 1;
    }

    /// What was noted since this was asked last.
    pub(crate) fn take(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.0).into_iter().map(|((kind, odd), seen)| told(kind, odd, seen)).collect()
    }
}

/// A value that was left out of answers, because it had another form than its shape. `kinds` are made of such answers.
pub(super) fn misshapen<'a>(left_out: LeftOut, kinds: impl Iterator<Item = &'a str>) -> Fault {
    let LeftOut { service, operation, regions, oddity } = left_out;
    let Oddity { path, expected, found, times, example, .. } = oddity;
    let example = example.map(|example| format!(", as in {example}")).unwrap_or_default();
    let kinds: Vec<&str> = kinds.collect();
    let whose =
        if kinds.is_empty() { String::new() } else { format!(", of which {} is made,", kinds.join(" and ")) };
    let message = format!(
        "{path} in answers of {service}:{operation}{whose} was left out: it should be {expected} but is {found}{example}"
    );
    let only = |regions: &BTreeSet<String>| regions.first().filter(|_| regions.len() == 1).cloned();
    let scope = FaultScope {
        region: only(&regions),
        service: Some(service),
        action: Some(operation),
        kind: kinds.first().filter(|_| kinds.len() == 1).map(|kind| (*kind).to_owned()),
    };
    Fault { scope, count: times, ..fault(FaultKind::InvalidAnswer, message) }
}

fn told(kind: String, odd: Odd, seen: Seen) -> Fault {
    let Seen { times, id, found } = seen;
    let trouble = match odd {
        Odd::Misfit { property, expected: Some(expected) } => fault(
            FaultKind::Property,
            format!(
                "the property {property} of {kind} was left out: it should be {expected} but is {found}, as in {id}"
            ),
        ),
        Odd::Misfit { property, expected: None } => fault(
            FaultKind::Property,
            format!("the property {property} of {kind} was left out: the model does not know it, as in {id}"),
        ),
        Odd::Characters => fault(
            FaultKind::Property,
            format!("texts of {kind} have characters that no text can have, which were replaced, as in {id}"),
        )
        .info(),
    };
    let scope = FaultScope { kind: Some(kind), ..FaultScope::default() };
    Fault { scope, count: times, ..trouble }
}

/// `a[3].b[0]` as `a[].b[]`.
fn without_positions(property: &str) -> String {
    let mut inside = false;
    let mut plain = String::with_capacity(property.len());
    for c in property.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            _ if inside => continue,
            _ => {}
        }
        plain.push(c);
    }
    plain
}

#[cfg(test)]
mod tests {
    use ipc_proto::fault::Level;

    use super::*;

    fn misfit(id: &str, property: &str, found: &str) -> PropertyFault {
        PropertyFault {
            kind: "cloud_volume",
            id: id.to_owned(),
            property: property.to_owned(),
            expected: Some("int64".to_owned()),
            found: found.to_owned(),
        }
    }

    #[test]
    fn values_of_one_property_are_one_sentence_with_an_example() {
        let mut log = OddLog::default();
        log.misfit(&misfit("vol-1", "attachments[0].size", "`ten`"));
        log.misfit(&misfit("vol-2", "attachments[3].size", "`eleven`"));
        log.misfit(&misfit("vol-2", "volume_size", "`x`"));
        let told: Vec<(String, u32)> =
            log.take().into_iter().map(|fault| (fault.message, fault.count)).collect();
        let sentence = |property, found, id| {
            format!(
                "the property {property} of cloud_volume was left out: it should be int64 but is {found}, as in {id}"
            )
        };
        assert_eq!(
            told,
            [
                (sentence("attachments[].size", "`ten`", "vol-1"), 2),
                (sentence("volume_size", "`x`", "vol-2"), 1),
            ]
        );
        assert!(log.take().is_empty(), "told once");
    }

    #[test]
    fn repaired_texts_are_told_with_an_example() {
        let mut log = OddLog::default();
        log.repaired("cloud_volume", "vol-2");
        log.repaired("cloud_volume", "vol-3");
        let told = log.take();
        assert_eq!((told.len(), told[0].count, told[0].level), (1, 2, Level::Info));
        assert!(told[0].message.ends_with("as in vol-2"), "{}", told[0].message);
        assert_eq!(told[0].scope.kind.as_deref(), Some("cloud_volume"));
    }
}
