//! Graphs and their models.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::Value;

use super::client::{Call, CoreClient};
use super::error::CoreError;
use super::model_parts::{PART_LIMIT, split_model};

/// Fixcore resolves and checks the whole model for every part: seconds for a thousand kinds.
const MODEL_TIMEOUT: Duration = Duration::from_mins(5);

impl CoreClient {
    /// Makes sure that the graph exists.
    pub async fn create_graph(&self, graph: &str) -> Result<(), CoreError> {
        let segments = ["graph", graph];
        let mut call = Call::new(format!("create the graph {graph}"), Method::POST, &segments);
        call.headers = &[(ACCEPT, "application/json"), (CONTENT_TYPE, "application/json")];
        self.call_ok(call).await.map(drop)
    }

    /// Adds kinds to the model of a graph, in as many requests as fixcore's limit asks for. Kinds of others
    /// stay (PUT would delete them).
    pub async fn patch_model(&self, graph: &str, kinds: &[Value]) -> Result<(), CoreError> {
        let action = format!("update the model of the graph {graph}");
        let parts = split_model(kinds, PART_LIMIT)
            .map_err(|error| CoreError::Unsendable { action: action.clone(), cause: error.to_string() })?;
        let segments = ["graph", graph, "model"];
        for body in parts {
            let mut call = Call::new(action.clone(), Method::PATCH, &segments);
            call.headers = &[(CONTENT_TYPE, "application/json")];
            call.body = body.into();
            call.timeout = MODEL_TIMEOUT;
            call.limit = 0;
            self.call_ok(call).await?;
        }
        Ok(())
    }
}
