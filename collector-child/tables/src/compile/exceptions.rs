//! What tables say about properties that convention does not find.

use inventory::Kind;
use inventory::suggest;

use super::mistake::Log;
use super::reader::{Fields, Member};

/// What a table says about the properties of one kind.
#[derive(Default)]
pub(crate) struct Exceptions<'s> {
    pub(crate) entries: &'s [Member],
    pub(crate) unset: Vec<(&'s str, usize)>,
    /// Properties that only some of the documents have.
    pub(crate) optional: Vec<(&'s str, usize)>,
    /// Lists that are absent where the service says nothing, in a file where others are empty.
    pub(crate) absent: Vec<(&'s str, usize)>,
    pub(crate) prefixes: Vec<String>,
}

impl<'s> Exceptions<'s> {
    /// Reads `map`, `unset`, `by_hook`, `optional`, `absent` and `prefix`.
    pub(crate) fn read(fields: &Fields<'s>) -> Self {
        let mut unset = fields.texts("unset");
        unset.extend(fields.texts("by_hook"));
        Self {
            entries: fields.table("map").map_or(&[], |map| map.all()),
            unset,
            optional: fields.texts("optional"),
            absent: fields.texts("absent"),
            prefixes: fields.texts("prefix").into_iter().map(|(prefix, _)| prefix.to_owned()).collect(),
        }
    }

    /// Entries for properties that the kind does not have are mistakes.
    pub(crate) fn check(&self, kind: &Kind, log: &Log) {
        let entries = self.entries.iter().map(|member| (member.key.as_str(), member.at));
        for (name, at) in entries.chain(self.unset.iter().chain(&self.optional).chain(&self.absent).copied())
        {
            if kind.position(name).is_none() {
                let hint = suggest::hint(name, kind.fields().iter().map(|field| field.name));
                log.say(at, format!("{} has no property `{name}`; {hint}", kind.fqn()));
            }
        }
    }
}
