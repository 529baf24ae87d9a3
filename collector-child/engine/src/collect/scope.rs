//! What calls and conditions of an item see.

use serde_json::{Map, Value};
use tables::plan::{Call, Scope};

use super::ask::Ask;
use super::context::Context;
use crate::graph::NodeIndex;

/// The item that others are made of or listed for.
#[derive(Debug)]
pub(crate) struct Parent {
    pub(crate) document: Value,
    pub(crate) properties: Map<String, Value>,
    pub(crate) node: NodeIndex,
    pub(crate) dns_zone: Option<String>,
}

/// What templates see: the document, its parent, the place.
pub(super) fn scope<'d>(context: Context<'d>, document: &'d Value, parent: Option<&'d Parent>) -> Scope<'d> {
    let scope = Scope::new(document, context.place());
    match parent {
        Some(parent) => scope.with_parent(&parent.document, &parent.properties),
        None => scope,
    }
}

/// The parameters of a call; `None` if something it needs is not there, so that there is nothing to ask.
pub(super) fn params(call: &Call, scope: &Scope<'_>) -> Option<Map<String, Value>> {
    match call.arguments.fill(scope) {
        Ok(params) => Some(params),
        Err(missing) => {
            tracing::debug!(service = call.service, operation = call.operation, "not called: {missing}");
            None
        }
    }
}

pub(super) fn ask<'a>(context: Context<'a>, call: &'a Call, params: Map<String, Value>) -> Ask<'a> {
    let ask = context.ask(&call.service, &call.operation).params(params);
    ask.expecting(&call.expected).failing_at(call.failed.as_ref())
}
