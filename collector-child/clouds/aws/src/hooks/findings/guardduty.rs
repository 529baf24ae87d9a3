//! GuardDuty: threats.

use std::iter;

use jiff::Timestamp;

use super::super::prelude::*;
use super::{About, Resource};

/// Its findings as settings name them (`collect`, `no_collect`); there are no such nodes.
pub(super) const KIND: &str = "aws_guard_duty_finding";
pub(super) const PROVIDER: &str = "amazon_guard_duty";
/// Findings that one call may ask for are 50.
const FINDINGS_OF_CALL: usize = 50;
const CALLS_AT_ONCE: usize = 4;
/// What it answers about a detector that has gone meanwhile.
const GONE: [&str; 1] = ["BadRequestException"];

/// The findings of a region about the resources of this account.
pub(super) async fn findings(context: Context<'_>) -> Result<Vec<About>, Failure> {
    let mut found = Vec::new();
    for detector in context.ask("guardduty", "ListDetectors").all("DetectorIds").await? {
        // The detector of an administrator has those of other accounts, too.
        let of_account = json!({"Criterion": {"accountId": {"Eq": [context.account().id]}}});
        let ask = context.ask("guardduty", "ListFindings").with("DetectorId", detector.clone());
        let ids = ask.with("FindingCriteria", of_account).expecting(&GONE).all("FindingIds").await?;
        let calls = ids.chunks(FINDINGS_OF_CALL).map(|ids| (detector.clone(), ids.to_vec())).collect();
        let pages = gather(CALLS_AT_ONCE, calls, |(detector, ids)| {
            let ask = context.ask("guardduty", "GetFindings").with("DetectorId", detector);
            Box::pin(ask.expecting(&GONE).of_members("FindingIds", ids, "Findings"))
        });
        for finding in pages.await?.iter().flatten() {
            let about = resources(&finding["Resource"]).into_iter();
            found.extend(about.map(|resource| About { resource, finding: told(finding) }));
        }
    }
    Ok(found)
}

/// The resources that a finding is about.
fn resources(resource: &Value) -> Vec<Resource> {
    let volumes = &resource["EbsVolumeDetails"];
    let database = &resource["RdsDbInstanceDetails"];
    let one =
        |kind, by, value: &Value| Some(Resource::new(kind, by, value.as_str().filter(|id| !id.is_empty())?));
    let each = |list: &Value, member: &str, kind, by: Lookup| -> Vec<Resource> {
        list.as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| one(kind, by.clone(), &item[member]))
            .collect()
    };
    iter::empty()
        .chain(each(&resource["S3BucketDetails"], "Name", "aws_s3_bucket", Lookup::Name))
        .chain(one("aws_ec2_instance", Lookup::Id, &resource["InstanceDetails"]["InstanceId"]))
        .chain(one("aws_eks_cluster", Lookup::Arn, &resource["EksClusterDetails"]["Arn"]))
        .chain(each(&volumes["ScannedVolumeDetails"], "VolumeArn", "aws_ec2_volume", Lookup::Arn))
        .chain(each(&volumes["SkippedVolumeDetails"], "VolumeArn", "aws_ec2_volume", Lookup::Arn))
        .chain(one("aws_ecs_cluster", Lookup::Arn, &resource["EcsClusterDetails"]["Arn"]))
        .chain(one("aws_rds_instance", Lookup::Id, &database["DbInstanceIdentifier"]))
        .chain(one("aws_rds_cluster", Lookup::Id, &database["DbClusterIdentifier"]))
        .chain(one("aws_lambda_function", Lookup::Name, &resource["LambdaDetails"]["FunctionName"]))
        .collect()
}

/// The finding as nodes show it.
fn told(finding: &Value) -> Value {
    let title = finding["Title"].as_str().or_else(|| finding["Id"].as_str()).unwrap_or_default();
    json!({
        "title": title,
        "severity": severity(finding["Severity"].as_f64()),
        "description": finding["Description"],
        "remediation": null,
        "updated_at": finding["UpdatedAt"].as_str().and_then(time),
        "details": if finding["Service"].is_null() { json!({}) } else { finding["Service"].clone() },
    })
}

/// Its numbers are 1 to 10.
fn severity(number: Option<f64>) -> &'static str {
    match number {
        None | Some(0.0) => "medium",
        Some(number) if number <= 2.0 => "info",
        Some(number) if number <= 4.0 => "low",
        Some(number) if number <= 6.0 => "medium",
        Some(number) if number <= 8.0 => "high",
        Some(_) => "critical",
    }
}

/// Times are texts with milliseconds here; nodes have seconds.
fn time(text: &str) -> Option<String> {
    let time: Timestamp = text.parse().ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_words() {
        let words = [Some(0.0), None, Some(2.0), Some(3.9), Some(5.0), Some(8.0), Some(9.5)].map(severity);
        assert_eq!(words, ["medium", "medium", "info", "low", "medium", "high", "critical"]);
    }

    #[test]
    fn a_finding_may_be_about_many_resources() {
        let resource = json!({
            "S3BucketDetails": [{"Name": "b"}, {"Type": "x"}],
            "EbsVolumeDetails": {"ScannedVolumeDetails": [{"VolumeArn": "arn:v1"}], "SkippedVolumeDetails": [{"VolumeArn": "arn:v2"}]},
            "RdsDbInstanceDetails": {"DbInstanceIdentifier": "", "DbClusterIdentifier": "c"},
            "InstanceDetails": {"InstanceId": "i-1"},
        });
        let found: Vec<(&str, String)> =
            resources(&resource).into_iter().map(|resource| (resource.kind, resource.value)).collect();
        let expected = [
            ("aws_s3_bucket", "b"),
            ("aws_ec2_instance", "i-1"),
            ("aws_ec2_volume", "arn:v1"),
            ("aws_ec2_volume", "arn:v2"),
            ("aws_rds_cluster", "c"),
        ];
        assert_eq!(found, expected.map(|(kind, value)| (kind, value.to_owned())));
        assert!(resources(&Value::Null).is_empty());
    }

    #[test]
    fn findings_are_told_with_what_they_have() {
        let finding = json!({"Id": "f", "Severity": 8, "UpdatedAt": "2026-03-01T10:20:30.456Z", "Service": {"Count": 3}});
        let told = told(&finding);
        assert_eq!(told["title"], "f");
        assert_eq!(told["updated_at"], "2026-03-01T10:20:30Z");
        assert_eq!((&told["severity"], &told["details"]), (&json!("high"), &json!({"Count": 3})));
        assert_eq!(super::told(&json!({"UpdatedAt": "soon"}))["updated_at"], Value::Null);
    }
}
