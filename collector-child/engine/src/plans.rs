//! The compiled kind tables of this build.

use std::collections::HashMap;

use tables::plan::{Call, FilePlan, KindPlan, KindScope, Source};

/// All kinds that can be collected, by name.
#[derive(Debug, Default)]
pub struct Plans {
    kinds: Vec<KindPlan>,
    by_name: HashMap<String, usize>,
    children: HashMap<String, Vec<usize>>,
}

impl Plans {
    /// The kinds of these files. Of a kind that is in two files the first one counts; the build refuses that.
    pub fn new(files: impl IntoIterator<Item = FilePlan>) -> Self {
        let mut plans = Self::default();
        for plan in files.into_iter().flat_map(|file| file.kinds) {
            let index = plans.kinds.len();
            if plans.by_name.contains_key(&plan.kind) {
                continue;
            }
            plans.by_name.insert(plan.kind.clone(), index);
            if let Some(parent) = plan.parent() {
                plans.children.entry(parent.to_owned()).or_default().push(index);
            }
            plans.kinds.push(plan);
        }
        plans
    }

    /// The kinds of the files that a build script has compiled, by name and text. An error means a broken build.
    pub fn compiled(files: &[(&str, &str)]) -> Result<Self, String> {
        let files = files.iter().map(|(name, text)| {
            serde_json::from_str(text)
                .map_err(|error| format!("the plan {name} of this build is broken: {error}"))
        });
        files.collect::<Result<Vec<_>, _>>().map(Self::new)
    }

    /// The plan of a kind.
    pub fn get(&self, kind: &str) -> Option<&KindPlan> {
        self.by_name.get(kind).map(|index| &self.kinds[*index])
    }

    /// All plans, in the order of the files.
    pub fn all(&self) -> impl Iterator<Item = &KindPlan> {
        self.kinds.iter()
    }

    /// The kinds that are made of the items of this one.
    pub fn children(&self, kind: &str) -> impl Iterator<Item = &KindPlan> {
        self.children.get(kind).into_iter().flatten().map(|index| &self.kinds[*index])
    }

    /// The kinds that a collection begins with.
    pub fn roots(&self) -> impl Iterator<Item = &KindPlan> {
        self.all().filter(|plan| plan.parent().is_none() && !matches!(plan.source, Source::Elsewhere))
    }

    /// The kinds that an operation is called for by their tables.
    pub fn calling<'a>(&'a self, service: &'a str, operation: &'a str) -> impl Iterator<Item = &'a str> {
        let is = move |call: &Call| call.service == service && call.operation == operation;
        let calls = move |plan: &&KindPlan| {
            let lists = match &plan.source {
                Source::List { calls, .. } => calls.as_slice(),
                Source::Elements { .. } | Source::Hook | Source::Elsewhere => &[],
            };
            lists.iter().any(|list| is(&list.call))
                || plan.batches.iter().any(|batch| is(&batch.call))
                || plan.calls.iter().any(|follow| is(&follow.call))
        };
        self.all().filter(calls).map(|plan| plan.kind.as_str())
    }

    /// The kinds whose nodes have usage metrics.
    pub fn measured(&self) -> impl Iterator<Item = &KindPlan> {
        self.all().filter(|plan| !plan.metrics.is_empty())
    }
}

/// Whether a kind is collected globally.
pub fn is_global(plan: &KindPlan) -> bool {
    matches!(plan.scope, KindScope::Global | KindScope::Both)
}

/// Whether a kind is collected in each region.
pub fn is_regional(plan: &KindPlan) -> bool {
    matches!(plan.scope, KindScope::Region | KindScope::Both)
}
