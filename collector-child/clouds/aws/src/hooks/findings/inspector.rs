//! Inspector: vulnerabilities.

use super::super::prelude::*;
use super::{About, Resource};

/// Its findings as settings name them (`collect`, `no_collect`); there are no such nodes.
pub(super) const KIND: &str = "aws_inspector_finding";
pub(super) const PROVIDER: &str = "amazon_inspector";

/// The findings of a region about the resources of this account.
pub(super) async fn findings(context: Context<'_>) -> Result<Vec<About>, Failure> {
    let of_account = json!({"awsAccountId": [{"comparison": "EQUALS", "value": context.account().id}]});
    let ask = context.ask("inspector2", "ListFindings").with("filterCriteria", of_account);
    // What it answers where it is not switched on.
    let findings = ask.expecting(&["AccessDeniedException"]).all("findings").await?;
    let mut found = Vec::new();
    for finding in &findings {
        let about = finding["resources"].as_array().into_iter().flatten().filter_map(resource);
        found.extend(about.map(|resource| About { resource, finding: told(finding) }));
    }
    Ok(found)
}

/// The resource that an entry names.
fn resource(entry: &Value) -> Option<Resource> {
    let id = entry["id"].as_str().filter(|id| !id.is_empty())?;
    Some(match entry["type"].as_str()? {
        "AWS_EC2_INSTANCE" => Resource::new("aws_ec2_instance", Lookup::Id, id),
        // With the version.
        "AWS_LAMBDA_FUNCTION" => {
            Resource::new("aws_lambda_function", Lookup::Arn, id.rsplit_once(':').map_or(id, |(arn, _)| arn))
        }
        "AWS_ECR_REPOSITORY" if id.starts_with("arn:") => {
            Resource::new("aws_ecr_repository", Lookup::Arn, id)
        }
        "AWS_ECR_REPOSITORY" => Resource::new("aws_ecr_repository", Lookup::Id, id),
        _ => return None,
    })
}

/// The finding as nodes show it.
fn told(finding: &Value) -> Value {
    let title = finding["title"].as_str().or_else(|| finding["findingArn"].as_str()).unwrap_or_default();
    let mut details = Map::new();
    for member in ["packageVulnerabilityDetails", "codeVulnerabilityDetails"] {
        details.extend(finding[member].as_object().cloned().unwrap_or_default());
    }
    json!({
        "title": title,
        "severity": severity(finding["severity"].as_str()),
        "description": finding["description"],
        "remediation": finding["remediation"]["recommendation"]["text"].as_str().unwrap_or_default(),
        "updated_at": finding["updatedAt"],
        "details": details,
    })
}

fn severity(word: Option<&str>) -> &'static str {
    match word {
        Some("INFORMATIONAL") => "info",
        Some("LOW") => "low",
        Some("HIGH") => "high",
        Some("CRITICAL") => "critical",
        // Medium, and what nobody has judged yet.
        _ => "medium",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_named_by_type() {
        let of = |kind: &str, id: &str| resource(&json!({"type": kind, "id": id}));
        let function = of("AWS_LAMBDA_FUNCTION", "arn:aws:lambda:r:1:function:f:$LATEST");
        assert_eq!(
            function,
            Some(Resource::new("aws_lambda_function", Lookup::Arn, "arn:aws:lambda:r:1:function:f"))
        );
        assert_eq!(of("AWS_EC2_INSTANCE", "i-1"), Some(Resource::new("aws_ec2_instance", Lookup::Id, "i-1")));
        assert_eq!(of("AWS_ECR_REPOSITORY", "r").unwrap().by, Lookup::Id);
        assert_eq!(of("AWS_ECR_REPOSITORY", "arn:aws:ecr:r:1:repository/r").unwrap().by, Lookup::Arn);
        assert_eq!(of("CODE_REPOSITORY", "x"), None);
        assert_eq!(of("AWS_EC2_INSTANCE", ""), None);
    }

    #[test]
    fn details_of_both_sorts_are_told() {
        let told = told(&json!({
            "title": "t", "severity": "UNTRIAGED", "description": "d", "updatedAt": "2026-03-01T10:20:30Z",
            "remediation": {"recommendation": {"text": "update"}},
            "packageVulnerabilityDetails": {"vulnerabilityId": "CVE-1"}, "codeVulnerabilityDetails": {"ruleId": "r"},
        }));
        let expected = json!({
            "title": "t", "severity": "medium", "description": "d", "remediation": "update",
            "updated_at": "2026-03-01T10:20:30Z", "details": {"vulnerabilityId": "CVE-1", "ruleId": "r"},
        });
        assert_eq!(told, expected);
    }
}
