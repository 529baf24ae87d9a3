//! The organization, seen from its management account: roots and units below the cloud, accounts below them.
//! The accounts are collected by others, so the edges to them are deferred.

use super::prelude::*;
use engine::graph::{Deferred, End};

/// Deeper than AWS allows units to be nested (five levels), so that a service that errs cannot hold us.
const DEEPEST: usize = 16;

/// Collects roots, units and the places of accounts.
pub(super) async fn collect(context: Context<'_>) -> Result<(), Failure> {
    let roots = context.ask("organizations", "ListRoots").all("Roots").await?;
    for root in roots {
        let Some(node) = add(context, "aws_organizational_root", &root, context.cloud_node())? else {
            continue;
        };
        below(context, node, text(&root, "Id"), DEEPEST).await?;
    }
    Ok(())
}

/// What is below a root or unit.
fn below(
    context: Context<'_>,
    parent: NodeIndex,
    parent_id: String,
    levels: usize,
) -> BoxFuture<'_, Result<(), Failure>> {
    Box::pin(async move {
        let accounts = context
            .ask("organizations", "ListAccountsForParent")
            .with("ParentId", parent_id.as_str())
            .of_item();
        for account in accounts.all("Accounts").await? {
            let search = format!("is(aws_account) and reported.id = {}", text(&account, "Id"));
            let edge =
                Deferred { from: End::Node(parent), to: End::Search(search), edge_type: EdgeType::Default };
            context.graph(|graph| graph.deferred_edge(edge));
        }
        if levels == 0 {
            return Ok(());
        }
        let units = context
            .ask("organizations", "ListOrganizationalUnitsForParent")
            .with("ParentId", parent_id)
            .of_item();
        for unit in units.all("OrganizationalUnits").await? {
            if let Some(node) = add(context, "aws_organizational_unit", &unit, parent)? {
                below(context, node, text(&unit, "Id"), levels - 1).await?;
            }
        }
        Ok(())
    })
}

fn add(
    context: Context<'_>,
    kind: &str,
    described: &Value,
    parent: NodeIndex,
) -> Result<Option<NodeIndex>, Failure> {
    let mut draft = Draft::new(kind, &text(described, "Id"), Home::Cloud);
    draft.set("name", described["Name"].clone()).set("arn", described["Arn"].clone());
    let node = context.add(&draft)?;
    if let Some(node) = node {
        context.graph(|graph| graph.edge(parent, node, EdgeType::Default));
    }
    Ok(node)
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_default().to_owned()
}
