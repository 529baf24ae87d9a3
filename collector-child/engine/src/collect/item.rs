//! From the document of one item to its node.

use std::borrow::Cow;

use collector::{Failure, fault};
use ipc_proto::fault::FaultKind;
use serde_json::Value;
use tables::plan::{Condition, HomePlan, KindPlan, MadeByCloud, Other, Properties, Scope};

use super::context::{Context, lock};
use super::follow::{Stays, follow_ups};
use super::scope::{Parent, scope};
use super::trouble::no_id;
use crate::graph::{DnsZone, Home, NewNode, NodeIndex, Values, Wish};
use crate::hooks::Verdict;
use crate::metrics;
use crate::regions::{Named, RegionIndex};

/// A node that is being made, for hooks.
#[derive(Debug)]
pub struct Draft {
    /// Its kind.
    pub kind: String,
    /// Its properties: `id` has to be among them. Those that decide about its id in the graph (kind, id, arn)
    /// cannot be changed any more once it is made.
    pub properties: Properties<'static>,
    /// Where it hangs.
    pub home: Home,
    /// A link into the console.
    pub link: Option<String>,
    /// Findings of security services: `{provider, findings: [...]}`.
    pub assessments: Vec<Value>,
    /// Kept for [`crate::hooks::Hook::connect`], see [`crate::graph::Graph::take_kept`].
    pub keep: Option<Value>,
}

impl Draft {
    /// A node of this kind with this id.
    pub fn new(kind: &str, id: &str, home: Home) -> Self {
        let mut properties = Properties::default();
        properties.set("id", Cow::Owned(Value::from(id)));
        Self { kind: kind.to_owned(), properties, home, link: None, assessments: Vec::new(), keep: None }
    }

    /// Sets a property; null unsets it.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        self.properties.set(name.to_owned(), Cow::Owned(value.into()));
        self
    }

    /// A property.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.properties.get(name)
    }
}

/// Where the properties of a node come from.
#[derive(Debug, Clone, Copy, Default)]
struct Origin<'a> {
    plan: Option<&'static KindPlan>,
    document: Option<&'a Value>,
    parent: Option<&'a Parent>,
}

/// Makes the node of an item. `None` if there is none.
pub(super) async fn item(
    context: Context<'_>,
    plan: &'static KindPlan,
    mut document: Value,
    parent: Option<&Parent>,
) -> Result<Option<Item>, Failure> {
    if follow_ups(context, plan, &mut document, parent).await? == Stays::No {
        return Ok(None);
    }
    let hook = context.job.hooks.of(plan);
    if let Some(hook) = hook
        && hook.prepare(context, plan, &mut document, parent.map(|parent| &parent.document)).await?
            == Verdict::Drop
    {
        return Ok(None);
    }
    if !Condition::all(&plan.only, &scope(context, &document, parent)) {
        return Ok(None);
    }
    let origin = Origin { plan: Some(plan), document: Some(&document), parent };
    let Some(properties) = plan.properties(&scope(context, &document, parent)) else {
        context.spoiled(no_id(plan))?;
        return Ok(None);
    };
    let node = if let Some(hook) = hook {
        let mut draft = Draft {
            kind: plan.kind.clone(),
            home: home(
                context,
                plan,
                parent,
                &scope(context, &document, parent).with_properties(&properties),
            ),
            properties: owned(properties),
            link: None,
            assessments: Vec::new(),
            keep: None,
        };
        if hook.finish(context, plan, &mut draft, &document).await? == Verdict::Drop {
            return Ok(None);
        }
        add_draft(context, &draft, origin)?
    } else {
        let scope = scope(context, &document, parent).with_properties(&properties);
        let home = home(context, plan, parent, &scope);
        let new = New { kind: &plan.kind, home, properties: &properties, link: None, assessments: None };
        insert(context, &new, origin)?
    };
    Ok(node.map(|Made { node, new }| Item { node, new, document }))
}

/// An item whose node is made.
pub(super) struct Item {
    pub(super) node: NodeIndex,
    /// It was not there before.
    pub(super) new: bool,
    /// What is known about it, for what is made of it.
    pub(super) document: Value,
}

/// A node, and whether it was not there before.
struct Made {
    node: NodeIndex,
    new: bool,
}

impl Context<'_> {
    /// Adds a node that no document is mapped for. `None` if it could not be made (that is reported).
    #[expect(clippy::should_implement_trait, reason = "a node is added to the graph, not a number")]
    pub fn add(self, draft: &Draft) -> Result<Option<NodeIndex>, Failure> {
        Ok(add_draft(self, draft, Origin::default())?.map(|made| made.node))
    }
}

fn add_draft(context: Context<'_>, draft: &Draft, origin: Origin<'_>) -> Result<Option<Made>, Failure> {
    let assessments = (!draft.assessments.is_empty()).then(|| Value::Array(draft.assessments.clone()));
    let new = New {
        kind: &draft.kind,
        home: draft.home,
        properties: &draft.properties,
        link: draft.link.clone(),
        assessments: assessments.as_ref(),
    };
    let made = insert(context, &new, origin)?;
    if let (Some(Made { node, new: true }), Some(keep)) = (&made, &draft.keep) {
        context.graph(|graph| graph.keep(*node, keep.clone()));
    }
    Ok(made)
}

/// A node to be added, with what a hook has decided.
struct New<'a> {
    kind: &'a str,
    home: Home,
    properties: &'a Properties<'a>,
    link: Option<String>,
    assessments: Option<&'a Value>,
}

/// Where the node of an item hangs: in the first place that its table names, or where it was listed.
fn home(context: Context<'_>, plan: &KindPlan, parent: Option<&Parent>, scope: &Scope<'_>) -> Home {
    let regions = context.regions();
    let named = match &plan.home {
        HomePlan::Listed => None,
        HomePlan::Account => return Home::Account,
        HomePlan::Cloud => return Home::Cloud,
        HomePlan::Named { values, fold, .. } => values.iter().find_map(|value| {
            let text = value.extract(scope, &[]);
            text.as_deref().and_then(text_of).and_then(|text| regions.named(&text, *fold))
        }),
    };
    match named {
        Some(Named::Zone(zone)) => Home::Zone { zone, region: regions.zone(zone).region },
        Some(Named::Region(region)) => in_region(context, region),
        None => match (&plan.home, parent) {
            (HomePlan::Named { parent: true, .. }, Some(parent)) => {
                context.graph(|graph| graph.node(parent.node).home)
            }
            _ => context.home(),
        },
    }
}

impl Context<'_> {
    /// Where nodes hang that are made here.
    pub fn home(self) -> Home {
        match self.zone() {
            Some(zone) => Home::Zone { zone, region: self.region_index() },
            None => in_region(self, self.region_index()),
        }
    }
}

/// Below a region; what is in none hangs below the account where there is no region for that.
fn in_region(context: Context<'_>, region: RegionIndex) -> Home {
    if region == RegionIndex::GLOBAL && !context.facts().has_global_region {
        return Home::Account;
    }
    Home::Region(region)
}

fn insert(context: Context<'_>, new: &New<'_>, origin: Origin<'_>) -> Result<Option<Made>, Failure> {
    let Origin { plan, document, parent } = origin;
    let Some(id) = new.properties.get("id").and_then(text_of) else {
        context.spoiled(fault(FaultKind::Resource, format!("an {} has no id", new.kind)))?;
        return Ok(None);
    };
    let nothing = Value::Null;
    let scope = scope(context, document.unwrap_or(&nothing), parent);
    let link = match (&new.link, plan) {
        (Some(link), _) => Some(link.clone()),
        (None, Some(plan)) => plan.provider_link(&scope, new.properties),
        (None, None) => None,
    };
    let key = plan.map_or_else(Vec::new, |plan| key(plan, &scope, new.properties));
    let table = context.graph(|graph| graph.table());
    let in_zone = ["dns_record_set", "dns_record"].iter().any(|base| table.is_a(new.kind, base));
    let dns_zone = if in_zone {
        DnsZone::InKey(parent.and_then(|parent| parent.dns_zone.as_deref()))
    } else {
        DnsZone::NotInKey
    };
    let node = NewNode {
        kind: new.kind,
        home: new.home,
        id: &id,
        properties: new.properties,
        arn_in_key: plan.is_none_or(|plan| !plan.key.without_arn),
        key: &key,
        dns_zone,
        link: link.as_deref(),
        assessments: new.assessments,
    };
    let added = match context.graph(|graph| graph.add(&node)) {
        Ok(added) => added,
        Err(error) => {
            let message = format!("an {} was left out: {error}", new.kind);
            context.spoiled(fault(FaultKind::Resource, message))?;
            return Ok(None);
        }
    };
    for misfit in &added.misfits {
        context.misfit(misfit)?;
    }
    if added.repaired {
        lock(&context.job.odd).repaired(new.kind, &id);
    }
    if !added.new {
        tracing::debug!(kind = new.kind, id = &*id, "seen twice");
    } else if let Some(plan) = plan {
        let scope = scope.with_properties(new.properties);
        if is_made_by_cloud(plan, &scope) {
            context.graph(|graph| graph.made_by_cloud(added.node));
        }
        if plan.below_edges {
            context.graph(|graph| graph.below_edges(added.node));
        }
        wishes(context, plan, &scope, (added.node, new.home), parent);
        metrics::note(context, plan, &scope, added.node);
    }
    Ok(Some(Made { node: added.node, new: added.new }))
}

fn is_made_by_cloud(plan: &KindPlan, scope: &Scope<'_>) -> bool {
    match &plan.made_by_cloud {
        MadeByCloud::Never => false,
        MadeByCloud::Always => true,
        MadeByCloud::When(lists) => lists.iter().any(|list| Condition::all(list, scope)),
    }
}

/// What the key of a node has besides its id.
pub(crate) fn key(plan: &KindPlan, scope: &Scope<'_>, properties: &Properties<'_>) -> Vec<Option<String>> {
    let scope = scope.with_properties(properties);
    let values = plan.key.parts.iter().map(|part| {
        let value = part.value.extract(&scope, &[]).as_deref().and_then(text_of).map(Cow::into_owned);
        (value, part.null)
    });
    values.filter(|(value, null)| value.is_some() || *null).map(|(value, _)| value).collect()
}

fn wishes(
    context: Context<'_>,
    plan: &'static KindPlan,
    scope: &Scope<'_>,
    (node, home): (NodeIndex, Home),
    parent: Option<&Parent>,
) {
    for rule in &plan.edges {
        if !Condition::all(&rule.when, scope) {
            continue;
        }
        if rule.other == Other::Parent {
            if let Some(parent) = parent {
                context.graph(|graph| graph.join(node, parent.node, rule));
            }
            continue;
        }
        if rule.other == Other::Place {
            if let Some(place) = context.node_of(home) {
                context.graph(|graph| graph.join(node, place, rule));
            }
            continue;
        }
        let mut values = rule.value.texts(scope);
        values.retain(|value| !value.is_empty());
        if !values.is_empty() {
            let values = Values::new(&values);
            context.graph(|graph| graph.wish(Wish { node, rule, values }));
        }
    }
}

/// The same properties, borrowing nothing.
fn owned(properties: Properties<'_>) -> Properties<'static> {
    let mut owned = Properties::default();
    for (name, value) in properties.into_object() {
        owned.set(name, Cow::Owned(value));
    }
    owned
}

fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) if !text.is_empty() => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}
