//! What is in documents, and what does not comply with patches and rules: findings of the resources that it is about.

use std::sync::Mutex;

use collector::fault;
use ipc_proto::fault::FaultKind;

use super::prelude::*;
use engine::lock;

/// Kinds of findings, as settings name them (`collect`, `no_collect`); there are no such nodes.
pub(super) const COMPLIANCE: &str = "aws_ssm_resource_compliance";
/// Resources that one call may ask for are 40.
const RESOURCES: usize = 39;
const CALLS_AT_ONCE: usize = 4;
/// Regions that are asked at once.
const REGIONS_AT_ONCE: usize = 16;

pub(super) struct Ssm;

impl Hook for Ssm {
    fn name(&self) -> &'static str {
        "ssm"
    }

    fn prepare<'a>(
        &'a self,
        context: Context<'a>,
        plan: &'static KindPlan,
        document: &'a mut Value,
        _parent: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            if plan.kind != "aws_ssm_document" {
                return Ok(Verdict::Keep);
            }
            match content(&document["Text"]) {
                Ok(read) => document["Content"] = read,
                Err(reason) => {
                    let name = document["Name"].as_str().unwrap_or_default();
                    let message = format!("the content of the document {name} cannot be read: {reason}");
                    context.report(fault(FaultKind::Property, message));
                }
            }
            Ok(Verdict::Keep)
        })
    }

    fn ahead<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if !context.config().should_collect(COMPLIANCE) {
                return Ok(());
            }
            let regions: Vec<RegionIndex> = context.regions().regional().map(|(region, _)| region).collect();
            let items = gather(REGIONS_AT_ONCE, regions.clone(), |region| {
                Box::pin(async move { not_compliant(context.at(region)).await })
            });
            let items = items.await?;
            *lock(&context.shared::<NotCompliant>().0) = regions.into_iter().zip(items).collect();
            Ok(())
        })
    }

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let found = std::mem::take(&mut *lock(&context.shared::<NotCompliant>().0));
            context.graph(|graph| {
                for (region, items) in &found {
                    attach(graph, *region, items);
                }
            });
            Ok(())
        })
    }
}

/// What does not comply in each region, until all resources are there.
#[derive(Debug, Default)]
struct NotCompliant(Mutex<Vec<(RegionIndex, Vec<Value>)>>);

fn attach(graph: &mut Graph, region: RegionIndex, items: &[Value]) {
    for item in items {
        let Some((kind, id)) = about(item) else { continue };
        if let Some(node) = graph.find(Target::Kind(kind), &Lookup::Id, id, Some(region), true) {
            graph.assess(node, json!({"provider": "amazon_ssm_compliance", "findings": [finding(item)]}));
        }
    }
}

/// The content of a document: JSON or YAML; other text has no form that a property could show.
fn content(text: &Value) -> Result<Value, String> {
    let content = text["Content"].as_str().unwrap_or_default();
    let content = match text["DocumentFormat"].as_str() {
        Some("JSON") => serde_json::from_str(content).map_err(|error| error.to_string())?,
        Some("YAML") => serde_saphyr::from_str(content).map_err(|error| error.to_string())?,
        _ => Value::Null,
    };
    Ok(if Value::is_object(&content) { content } else { Value::Null })
}

/// All that is known about the compliance of the resources of a region that do not comply with something.
async fn not_compliant(context: Context<'_>) -> Result<Vec<Value>, Failure> {
    let filters = json!([{"Key": "Status", "Values": ["NON_COMPLIANT"], "Type": "EQUAL"}]);
    let ask = context.ask("ssm", "ListResourceComplianceSummaries").with("Filters", filters);
    let resources = ask.all("ResourceComplianceSummaryItems[].ResourceId").await?;
    let chunks = resources.chunks(RESOURCES).map(<[Value]>::to_vec).collect();
    let items = gather(CALLS_AT_ONCE, chunks, |ids| {
        Box::pin(context.ask("ssm", "ListComplianceItems").of_members("ResourceIds", ids, "ComplianceItems"))
    });
    Ok(items.await?.into_iter().flatten().collect())
}

/// Kind and id of the resource that an item is about.
fn about(item: &Value) -> Option<(&'static str, &str)> {
    let kind = match item["ResourceType"].as_str()? {
        "ManagedInstance" | "AWS::EC2::Instance" => "aws_ec2_instance",
        "AWS::DynamoDB::Table" => "aws_dynamodb_table",
        "AWS::S3::Bucket" => "aws_s3_bucket",
        "Document" => "aws_ssm_document",
        _ => return None,
    };
    Some((kind, item["ResourceId"].as_str()?))
}

fn finding(item: &Value) -> Value {
    let severity = match item["Severity"].as_str() {
        Some("CRITICAL") => "critical",
        Some("HIGH") => "high",
        Some("LOW") => "low",
        Some("INFORMATIONAL") => "info",
        _ => "medium",
    };
    json!({
        "title": item["Title"].as_str().unwrap_or_default(),
        "severity": severity,
        "description": null,
        "remediation": null,
        "updated_at": item["ExecutionSummary"]["ExecutionTime"],
        "details": item["Details"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_json_or_yaml() {
        let read = |format: &str, text: &str| content(&json!({"Content": text, "DocumentFormat": format}));
        let expected =
            json!({"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "timeout": 5}]});
        assert_eq!(read("JSON", &expected.to_string()), Ok(expected.clone()));
        let yaml = "schemaVersion: '2.2'\nmainSteps:\n- action: aws:runShellScript\n  timeout: 5\n";
        assert_eq!(read("YAML", yaml), Ok(expected));
        assert_eq!(read("TEXT", "BEGIN:VCALENDAR"), Ok(Value::Null));
        assert_eq!(read("YAML", "only a text"), Ok(Value::Null));
        assert!(read("JSON", "{").is_err());
        assert!(read("YAML", "a: [").is_err());
    }

    #[test]
    fn aliases_cannot_blow_up_a_document() {
        let level = |level: usize| {
            let of = if level == 0 { "x".to_owned() } else { format!("*a{}", level - 1) };
            format!("a{level}: &a{level} [{}]\n", vec![of; 10].join(", "))
        };
        let yaml: String = (0..10).map(level).collect();
        assert!(content(&json!({"Content": yaml, "DocumentFormat": "YAML"})).is_err());
    }

    #[test]
    fn items_become_findings_of_what_they_are_about() {
        let item = json!({
            "ResourceType": "ManagedInstance", "ResourceId": "i-1", "Title": "KB1", "Severity": "HIGH",
            "ExecutionSummary": {"ExecutionTime": "2026-01-01T00:00:00Z"}, "Details": {"State": "Missing"},
        });
        assert_eq!(about(&item), Some(("aws_ec2_instance", "i-1")));
        assert_eq!(
            finding(&item),
            json!({
                "title": "KB1", "severity": "high", "description": null, "remediation": null,
                "updated_at": "2026-01-01T00:00:00Z", "details": {"State": "Missing"},
            })
        );
        assert_eq!(finding(&json!({"Severity": "UNSPECIFIED"}))["severity"], "medium");
        assert_eq!(about(&json!({"ResourceType": "AWS::IAM::User", "ResourceId": "u"})), None);
    }
}
