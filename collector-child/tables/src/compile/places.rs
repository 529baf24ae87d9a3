//! Places in tables: which kinds are places, where others are listed and where they hang.

use inventory::Kind;

use super::cloud;
use super::entry;
use super::reader::{Fields, Node, Toml};
use super::roots::{Roots, node_document};
use crate::plan::{CloudPlan, Condition, HomePlan, KindScope, MadeByCloud, Path, Per, PlaceKind, Root, Step};

/// Reads `places`.
pub(crate) fn places(fields: &Fields<'_>) -> Option<PlaceKind> {
    fields.choice("places", &[("region", PlaceKind::Region), ("zone", PlaceKind::Zone)])
}

/// Reads `scope` and `per`.
pub(crate) fn scope(fields: &Fields<'_>, cloud: &CloudPlan) -> KindScope {
    let scope = fields.text("scope");
    let per = cloud::per(fields);
    if let (Some((_, at)), Some(_)) = (scope, per) {
        fields.log.say(at, "`scope` and `per` say the same");
    }
    match scope {
        None => match per.unwrap_or(cloud.per) {
            Per::Account => KindScope::Global,
            Per::Region => KindScope::Region,
            Per::Zone => KindScope::Zone,
        },
        Some(("region", _)) => KindScope::Region,
        Some(("global", _)) => KindScope::Global,
        Some(("both", _)) => KindScope::Both,
        Some((other, at)) => {
            fields.log.say(at, format!("`scope` is region, global or both, this is `{other}`"));
            KindScope::Region
        }
    }
}

/// Reads `home` and `home_fold`.
pub(crate) fn home(fields: &Fields<'_>, roots: &Roots<'_>) -> HomePlan {
    let fold = fields.flag("home_fold");
    let values = match fields.get("home") {
        None => return HomePlan::Listed,
        Some(Node { value: Toml::Text(text), .. }) if text == "account" => return HomePlan::Account,
        Some(Node { value: Toml::Text(text), .. }) if text == "cloud" => return HomePlan::Cloud,
        Some(Node { value: Toml::List(items), .. }) => items.iter().collect(),
        Some(node) => vec![node],
    };
    let is_parent = |node: &&Node| matches!(&node.value, Toml::Text(text) if text == "$parent");
    let (parents, values): (Vec<&Node>, Vec<&Node>) = values.into_iter().partition(is_parent);
    let parent = !parents.is_empty() && roots.parent.is_some();
    let values = values.into_iter().filter_map(|node| entry::read(node, roots, fields.log));
    HomePlan::Named { values: values.map(|read| read.extractor).collect(), fold, parent }
}

/// Reads `made_by_cloud`: `true`, conditions that hold all, or lists of them.
pub(crate) fn made_by_cloud(fields: &Fields<'_>, kind: &Kind) -> MadeByCloud {
    let Some(node) = fields.get("made_by_cloud") else { return MadeByCloud::Never };
    let lists = match &node.value {
        Toml::Bool(true) => return MadeByCloud::Always,
        Toml::Bool(false) => return MadeByCloud::Never,
        Toml::List(items) if items.iter().all(|item| matches!(item.value, Toml::List(_))) => {
            items.iter().collect()
        }
        _ => vec![node],
    };
    let roots = Roots::of(&node_document(kind)).with_kind(kind);
    let read = |list: &Node| -> Vec<Condition> {
        let nodes = match &list.value {
            Toml::List(items) => items.iter().collect(),
            _ => vec![list],
        };
        nodes.into_iter().filter_map(|node| condition(node, fields, &roots)).collect()
    };
    MadeByCloud::When(lists.into_iter().map(read).collect())
}

fn condition(node: &Node, fields: &Fields<'_>, roots: &Roots<'_>) -> Option<Condition> {
    let Toml::Text(text) = &node.value else {
        fields.log.say(node.at, format!("`made_by_cloud` takes conditions, this is {}", node.what()));
        return None;
    };
    let read: Condition = super::reader::parse(text, node.at, fields.log)?;
    roots.condition(&read).map_err(|reason| fields.log.say(node.at, reason)).ok()?;
    Some(Condition { path: of_properties(read.path), ..read })
}

/// The same path, whose first member is a property of the node.
fn of_properties(path: Path) -> Path {
    match (path.root, path.steps.as_slice()) {
        (Root::Item, [Step::Member(name), rest @ ..]) => {
            Path { root: Root::Property(name.clone()), steps: rest.to_vec() }
        }
        (root, _) => Path { root, steps: path.steps },
    }
}
