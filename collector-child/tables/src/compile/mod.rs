//! Compiles tables to plans: reads them, checks every word of them, and spells out what convention finds.

mod calls;
mod changes;
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
mod reader;
mod report;
mod roots;
mod words;

use std::collections::HashSet;

use inventory::KindTable;
use shapes::Catalog;

use crate::plan::{FilePlan, KindPlan};
use kind::Tables;
pub use mistake::Mistake;
pub use parked::Parked;
pub use report::{How, KindReport, PropertyReport};

/// What tables of one cloud are compiled with.
#[derive(Debug)]
pub struct Dialect {
    /// The name of the cloud: the names of its kinds begin with it.
    pub cloud: &'static str,
    /// Its operations.
    pub catalog: &'static Catalog,
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

/// Compiles files of tables, which may refer to each other's kinds.
pub fn compile(files: &[SourceFile<'_>], kinds: &KindTable, dialect: &'static Dialect) -> Compiled {
    let logs: Vec<_> = files.iter().map(|file| mistake::Log::new(file.path, file.text, dialect)).collect();
    let parsed: Vec<_> =
        files.iter().zip(&logs).map(|(file, log)| reader::Node::parse(file.text, log)).collect();
    let mut tables = Tables::new(kinds);
    for ((file, log), members) in files.iter().zip(&logs).zip(&parsed) {
        tables.add_file(file.name, members, log);
    }
    let (compiled, reports) = tables.compile();
    let mut mistakes: Vec<Mistake> = logs.iter().flat_map(mistake::Log::take).collect();
    mistakes.sort();
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
