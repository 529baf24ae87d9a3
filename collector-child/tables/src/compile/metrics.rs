//! Metrics in tables.

use inventory::Kind;

use super::doc::Form;
use super::entry;
use super::gather::conditions;
use super::on_node::node_template;
use super::reader::{Fields, Member, Toml};
use super::roots::Roots;
use crate::plan::{CloudPlan, Extractor, MetricRule, Stat};

/// Decimals of measured values, if a table does not say otherwise.
const DECIMALS: u32 = 4;

/// Reads `metrics`.
pub(crate) fn metrics(
    fields: &Fields<'_>,
    kind: &Kind,
    roots: &Roots<'_>,
    cloud: &CloudPlan,
) -> Vec<MetricRule> {
    let tables = fields.tables("metrics");
    let mut rules = Vec::new();
    for table in &tables {
        rules.extend(metric(table, kind, roots, cloud));
        table.finish();
    }
    rules
}

/// One entry: a metric, or several (`metrics`) that are alike in all else.
fn metric(fields: &Fields<'_>, kind: &Kind, roots: &Roots<'_>, cloud: &CloudPlan) -> Vec<MetricRule> {
    let need = |key: &'static str| {
        let found = fields.text(key).map(|(text, _)| text.to_owned());
        if found.is_none() && matches!(key, "namespace" | "unit") {
            if !cloud.metrics_need.iter().any(|needed| needed == key) {
                return Some(String::new());
            }
            fields.log.say(fields.at, format!("`{key}` is missing"));
        } else if found.is_none() {
            fields.log.say(fields.at, format!("`{key}` is missing"));
        }
        found
    };
    let (namespace, unit) = (need("namespace"), need("unit"));
    let names = match fields.table("metrics") {
        Some(several) => named(&several),
        None => need("name").zip(need("metric")).into_iter().collect(),
    };
    let words = [("min", Stat::Min), ("avg", Stat::Avg), ("max", Stat::Max), ("sum", Stat::Sum)];
    let mut stats = Vec::new();
    for (text, at) in fields.texts("stats") {
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, stat)) => stats.push(*stat),
            None => fields.log.say(at, format!("`stats` are min, avg, max, sum, this is `{text}`")),
        }
    }
    if stats.is_empty() {
        stats = vec![Stat::Min, Stat::Avg, Stat::Max];
    }
    let mut dimensions = Vec::new();
    for member in fields.table("dimensions").map_or(&[][..], |table| table.all()) {
        if let Some(value) = dimension(member, fields, kind, roots) {
            dimensions.push((member.key.clone(), value));
        }
    }
    let seconds = |key| fields.count(key).and_then(|(seconds, _)| u32::try_from(seconds).ok());
    let (Some(namespace), Some(unit)) = (namespace, unit) else { return Vec::new() };
    let rule = MetricRule {
        region: node_template(fields, "region", kind, roots, true),
        period: seconds("period"),
        window: seconds("window"),
        factor: fields.number("factor").map_or(1.0, |(factor, _)| factor),
        round: Some(
            fields
                .count("round")
                .map_or(DECIMALS, |(decimals, _)| u32::try_from(decimals).unwrap_or(DECIMALS)),
        ),
        when: conditions(fields, roots),
        namespace,
        metric: String::new(),
        name: String::new(),
        unit,
        stats,
        dimensions,
    };
    names.into_iter().map(|(name, metric)| MetricRule { metric, name, ..rule.clone() }).collect()
}

/// The value of a dimension: a template of the node, or as in a mapping.
fn dimension(member: &Member, fields: &Fields<'_>, kind: &Kind, roots: &Roots<'_>) -> Option<Extractor> {
    if matches!(member.node.value, Toml::Text(_)) {
        let holder = [Member { key: "dimensions".to_owned(), ..member.clone() }];
        let one = Fields::new(&holder, member.at, fields.log);
        let template = node_template(&one, "dimensions", kind, roots, true)?;
        return Some(Extractor { text: Some(template), ..Extractor::default() });
    }
    let read = entry::read(&member.node, roots, fields.log)?;
    if !matches!(read.doc.form(), Form::Scalar(_) | Form::Any) {
        fields.log.say(member.at, format!("the dimension `{}` is a text, this is {}", member.key, read.doc));
        return None;
    }
    Some(read.extractor)
}

/// `{ NAME = "METRIC" }`: our names and those in CloudWatch.
fn named(several: &Fields<'_>) -> Vec<(String, String)> {
    let mut names = Vec::new();
    for member in several.all() {
        match &member.node.value {
            Toml::Text(metric) => names.push((member.key.clone(), metric.clone())),
            _ => {
                several.log.say(member.at, format!("`{}` is the name of a metric in CloudWatch", member.key));
            }
        }
    }
    names
}
