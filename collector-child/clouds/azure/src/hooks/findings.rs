//! What Defender for Cloud has found, at the resources that it is about.

use std::collections::HashMap;
use std::sync::Mutex;

use engine::hooks::prelude::*;
use engine::lock;
use jiff::Timestamp;

/// The name of findings in `collect` and `no_collect`: they are no nodes, but part of others.
const KIND: &str = "azure_security_assessment";
const OPERATION: &str = "GET /subscriptions/{subscription}/providers/Microsoft.Security/assessments";

pub(super) struct Findings;

/// What was found, until all resources are there.
#[derive(Debug, Default)]
struct Found(Mutex<Vec<About>>);

/// A finding about a resource.
#[derive(Debug, PartialEq)]
struct About {
    /// The id of the resource, in lower case.
    id: String,
    finding: Value,
}

impl Hook for Findings {
    fn name(&self) -> &'static str {
        "findings"
    }

    fn ahead<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if !context.wanted().collects(KIND) {
                return Ok(());
            }
            let path = json!({"subscription": context.account().id});
            let ask = context.ask("arm", OPERATION).with("path", path);
            let told = ask.with("query", json!({"api-version": "2021-06-01"})).all("value").await?;
            *lock(&context.shared::<Found>().0) = told.iter().filter_map(about).collect();
            Ok(())
        })
    }

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let found = std::mem::take(&mut *lock(&context.shared::<Found>().0));
            if found.is_empty() {
                return Ok(());
            }
            let (account, id) = (context.account_node(), context.account().id.to_lowercase());
            context.graph(|graph| {
                let mut known: HashMap<String, NodeIndex> = HashMap::new();
                for (index, node) in graph.nodes() {
                    known.entry(node.id.to_lowercase()).or_insert(index);
                }
                known.insert(format!("/subscriptions/{id}"), account);
                for About { id, finding } in found {
                    if let Some(node) = known.get(&id) {
                        graph.assess(*node, json!({"provider": KIND, "findings": [finding]}));
                    }
                }
            });
            Ok(())
        })
    }
}

/// What is wrong with a resource. `None`: nothing is, or it is no resource of Azure.
fn about(told: &Value) -> Option<About> {
    let properties = &told["properties"];
    let (details, status) = (&properties["resourceDetails"], &properties["status"]);
    let first = |names: &[&str]| names.iter().find_map(|name| details[*name].as_str().map(str::to_lowercase));
    let is_wrong = status["code"].as_str() == Some("Unhealthy");
    let id = first(&["ResourceId", "Id", "id"])
        .filter(|_| is_wrong && first(&["Source", "source"]).as_deref() == Some("azure"))?;
    let id = if id.starts_with('/') { id } else { format!("/subscriptions/{id}") };
    let title = properties["displayName"].as_str().or_else(|| told["name"].as_str());
    let finding = json!({
        "title": title,
        "severity": severity(&properties["metadata"]["severity"]),
        "description": status["description"],
        "remediation": null,
        "updated_at": status["statusChangeDate"].as_str().and_then(seconds),
        "details": properties["metadata"],
    });
    Some(About { id, finding })
}

fn severity(told: &Value) -> &'static str {
    match told.as_str().map(str::to_lowercase).as_deref() {
        Some("critical") => "critical",
        Some("high") => "high",
        Some("low") => "low",
        Some("informational") => "info",
        _ => "medium",
    }
}

/// A time without fractions of a second.
fn seconds(text: &str) -> Option<String> {
    let time: Timestamp = text.parse().ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: &str, details: &Value) -> Value {
        json!({"name": "n", "properties": {
            "displayName": "Disks should be encrypted", "resourceDetails": details,
            "status": {"code": code, "statusChangeDate": "2024-05-01T10:00:00.123Z"},
            "metadata": {"severity": "High"},
        }})
    }

    #[test]
    fn what_is_wrong_is_a_finding() {
        let made =
            about(&told("Unhealthy", &json!({"Source": "Azure", "Id": "/Subscriptions/s/D"}))).unwrap();
        let finding = json!({
            "title": "Disks should be encrypted", "severity": "high", "description": null, "remediation": null,
            "updated_at": "2024-05-01T10:00:00Z", "details": {"severity": "High"},
        });
        assert_eq!((made.id.as_str(), made.finding), ("/subscriptions/s/d", finding));
    }

    #[test]
    fn what_is_well_or_elsewhere_is_none() {
        let azure = json!({"Source": "Azure", "ResourceId": "/x"});
        assert_eq!(about(&told("Healthy", &azure)), None);
        assert_eq!(about(&told("Unhealthy", &json!({"Source": "OnPremise", "ResourceId": "/x"}))), None);
        assert_eq!(about(&json!({})), None);
        let subscription = json!({"source": "Azure", "ResourceId": "S"});
        assert_eq!(about(&told("Unhealthy", &subscription)).unwrap().id, "/subscriptions/s");
    }
}
