//! A subscription belongs to the organization of its tenant, which is an account of its own: the edge between them is made
//! when both are in the graph.

use engine::graph::{Deferred, End};
use engine::hooks::prelude::*;

pub(super) struct OrganizationEdge;

impl Hook for OrganizationEdge {
    fn name(&self) -> &'static str {
        "organization"
    }

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if context.facts().account_kind != "azure_subscription" {
                return Ok(());
            }
            let account = context.account_node();
            context.graph(|graph| {
                let tenant = graph.property(account, "tenant_id");
                if let Some(tenant) = tenant.as_ref().and_then(Value::as_str).filter(|tenant| is_id(tenant)) {
                    let criteria = format!("is(microsoft_graph_organization) and reported.id==\"{tenant}\"");
                    graph.deferred_edge(Deferred {
                        from: End::Search(criteria),
                        to: End::Node(account),
                        edge_type: EdgeType::Default,
                    });
                }
            });
            Ok(())
        })
    }
}

/// What may stand in a search.
fn is_id(tenant: &str) -> bool {
    !tenant.is_empty() && tenant.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
}
