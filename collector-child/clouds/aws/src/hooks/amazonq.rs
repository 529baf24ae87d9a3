//! Whatever belongs to an application of Amazon Q is asked for with the id of the application, and often of the index,
//! which the answers do not repeat: documents take them from their parents.

use super::prelude::*;

pub(super) struct AmazonQ;

impl Hook for AmazonQ {
    fn name(&self) -> &'static str {
        "amazonq"
    }

    fn prepare<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
        document: &'a mut Value,
        parent: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            if let Some(parent) = parent {
                inherit(document, parent);
            }
            Ok(Verdict::Keep)
        })
    }
}

fn inherit(document: &mut Value, parent: &Value) {
    for id in ["applicationId", "indexId"] {
        if document[id].is_null() && !parent[id].is_null() {
            document[id] = parent[id].clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_ids_stay() {
        let mut index = json!({"indexId": "i", "status": "ACTIVE"});
        inherit(&mut index, &json!({"applicationId": "a", "indexId": "other"}));
        assert_eq!(index, json!({"indexId": "i", "status": "ACTIVE", "applicationId": "a"}));
        let mut conversation = json!({});
        inherit(&mut conversation, &json!({"applicationId": "a"}));
        assert_eq!(conversation, json!({"applicationId": "a"}));
    }
}
