//! Compiles tables to plans: reads them, checks every word of them, and spells out what convention finds.

mod bases;
mod calls;
mod changes;
mod cloud;
mod convention;
mod doc;
mod edges;
mod entry;
mod exceptions;
mod fit;
mod flow;
mod gather;
mod kind;
mod mapping;
mod metrics;
mod mistake;
mod on_node;
mod order;
mod parked;
mod places;
mod reader;
mod report;
mod rest;
mod roots;
mod types;
mod words;

use std::collections::HashSet;

use inventory::KindTable;
use shapes::Catalog;

use crate::plan::{CloudPlan, FilePlan, KindPlan};
pub use cloud::cloud;
use kind::Tables;
pub use mistake::Mistake;
pub use parked::Parked;
pub use report::{How, KindReport, PropertyReport};

/// What tables of one cloud are compiled with.
#[derive(Debug, Clone, Copy)]
pub struct Dialect<'c> {
    /// What holds for all its kinds.
    pub cloud: &'c CloudPlan,
    /// The operations of its services that have shapes.
    pub catalog: Option<&'static Catalog>,
}

/// One file of tables.
#[derive(Debug, Clone, Copy)]
pub struct SourceFile<'a> {
    /// Its name without ending: that of the plan.
    pub name: &'a str,
    /// What mistakes call it.
    pub path: &'a str,
    /// What is in it.
    pub text: &'a str,
}

/// What tables compile to.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// A plan for each file, with the kinds that have no mistakes.
    pub plans: Vec<FilePlan>,
    /// Everything that is wrong, by file and line.
    pub mistakes: Vec<Mistake>,
    /// What was found about each kind, with mistakes or without.
    pub reports: Vec<KindReport>,
}

/// Compiles files of tables of one cloud, which may refer to each other's kinds.
pub fn compile(files: &[SourceFile<'_>], kinds: &KindTable, dialect: Dialect<'_>) -> Compiled {
    let logs = mistake::Log::all(files.iter().map(|file| (file.path, file.text)));
    let parsed: Vec<_> =
        files.iter().zip(&logs).map(|(file, log)| reader::Node::parse(file.text, log)).collect();
    let parsed = bases::worked_in(parsed, kinds, &logs);
    let mut tables = Tables::new(kinds, dialect);
    for ((file, log), members) in files.iter().zip(&logs).zip(&parsed) {
        tables.add_file(file.name, members, log);
    }
    let (compiled, reports) = tables.compile();
    let mut mistakes: Vec<Mistake> = logs.iter().flat_map(mistake::Log::take).collect();
    mistakes.sort();
    // What is wrong in a base table may be said for each of its kinds.
    mistakes.dedup_by(|a, b| (&a.file, a.line, &a.message) == (&b.file, b.line, &b.message));
    let left_out = left_out(&mistakes, &compiled);
    let plans = files.iter().map(|file| FilePlan {
        name: file.name.to_owned(),
        kinds: compiled
            .iter()
            .filter(|(name, plan)| name == file.name && !left_out.contains(plan.kind.as_str()))
            .map(|(_, plan)| plan.clone())
            .collect(),
    });
    Compiled { plans: plans.collect(), mistakes, reports }
}

/// The kinds with mistakes, and those below them: without the items of the parent there are none.
fn left_out<'a>(mistakes: &'a [Mistake], compiled: &'a [(String, KindPlan)]) -> HashSet<&'a str> {
    let mut left_out: HashSet<&str> = mistakes.iter().filter_map(|mistake| mistake.kind.as_deref()).collect();
    loop {
        let below = compiled.iter().map(|(_, plan)| plan).find(|plan| {
            !left_out.contains(plan.kind.as_str())
                && plan.parent().is_some_and(|parent| {
                    left_out.contains(parent) || !compiled.iter().any(|(_, plan)| plan.kind == parent)
                })
        });
        match below {
            Some(plan) => left_out.insert(&plan.kind),
            None => return left_out,
        };
    }
}
