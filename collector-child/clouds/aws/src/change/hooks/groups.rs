//! Security groups that name each other in their rules keep each other, and a group that is in use keeps all that it
//! names.

use std::collections::BTreeSet;

use engine::change::{Job, Memory, Resource, Stop, Who, later, stop};
use serde_json::{Map, Value, json};
use tables::plan::{Arguments, Call};

const SERVICE: &str = "ec2";
/// The rules of a group: where they are, which groups name one in them, and what takes them away.
const RULES: [(&str, &str, &str); 2] = [
    ("IpPermissions", "ip-permission.group-id", "RevokeSecurityGroupIngress"),
    ("IpPermissionsEgress", "egress.ip-permission.group-id", "RevokeSecurityGroupEgress"),
];

/// Takes away the rules of a group that name those that name it, directly or through others: none of them could go
/// otherwise. Address ranges stay, and so do all rules as long as one of the groups does not go: because it is in use,
/// or because nobody wants to delete it.
pub(super) async fn untangle(
    job: Job<'_>,
    resource: &Resource,
    (memory, who): (&Memory, &Who),
) -> Result<usize, Stop> {
    let own = resource.document()["id"].as_str().unwrap_or_default();
    let mut circle = BTreeSet::new();
    let mut open = vec![own.to_owned()];
    while let Some(group) = open.pop() {
        if let Some(user) = user(job, &group).await? {
            return waits(job, &format!("the network interface {user} uses {}", itself(&group, own)));
        }
        for naming in naming(job, &group).await? {
            if naming == own || circle.contains(&naming) {
                continue;
            }
            if !memory.is_asked(&who.other(&naming)) {
                return waits(job, &format!("rules of the group {naming} name {}", itself(&group, own)));
            }
            circle.insert(naming.clone());
            open.push(naming);
        }
    }
    if circle.is_empty() { Ok(0) } else { revoke(job, own, &circle).await }
}

fn itself(group: &str, own: &str) -> String {
    if group == own { "it".to_owned() } else { format!("the group {group}, which names it") }
}

/// In a dry run what is in the way may go in the same run.
fn waits(job: Job<'_>, reason: &str) -> Result<usize, Stop> {
    if job.dry_run { Ok(0) } else { Err(later(reason)) }
}

/// An interface that has the group.
async fn user(job: Job<'_>, group: &str) -> Result<Option<String>, Stop> {
    let params = json!({"Filters": [{"Name": "group-id", "Values": [group]}]});
    let found = list(job, "DescribeNetworkInterfaces", params, "NetworkInterfaces").await?;
    Ok(found.first().and_then(|interface| interface["NetworkInterfaceId"].as_str().map(str::to_owned)))
}

/// The groups that name a group in their rules.
async fn naming(job: Job<'_>, group: &str) -> Result<BTreeSet<String>, Stop> {
    let mut groups = BTreeSet::new();
    for (_, filter, _) in RULES {
        let params = json!({"Filters": [{"Name": filter, "Values": [group]}]});
        let found = list(job, "DescribeSecurityGroups", params, "SecurityGroups").await?;
        groups.extend(found.iter().filter_map(|group| group["GroupId"].as_str().map(str::to_owned)));
    }
    Ok(groups)
}

async fn revoke(job: Job<'_>, own: &str, circle: &BTreeSet<String>) -> Result<usize, Stop> {
    let mut made = 0;
    let found = list(job, "DescribeSecurityGroups", json!({"GroupIds": [own]}), "SecurityGroups").await?;
    for group in &found {
        for (member, _, operation) in RULES {
            let rules = group[member].as_array().into_iter().flatten();
            let rules: Vec<Value> = rules.filter_map(|rule| only(rule, circle)).collect();
            if rules.is_empty() {
                continue;
            }
            let call = Call {
                service: SERVICE.to_owned(),
                operation: operation.to_owned(),
                arguments: Arguments::default(),
                expected: vec!["InvalidPermission.NotFound".to_owned()],
                failed: None,
                paging: None,
            };
            let params = [("GroupId", own.into()), ("IpPermissions", rules.into())];
            let params: Map<_, Value> =
                params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            job.send(&call, None, params).await?;
            made += 1;
        }
    }
    Ok(made)
}

/// Of a rule only that it names these groups.
fn only(rule: &Value, groups: &BTreeSet<String>) -> Option<Value> {
    let named = |pair: &&Value| pair["GroupId"].as_str().is_some_and(|group| groups.contains(group));
    let pairs = rule["UserIdGroupPairs"].as_array().into_iter().flatten().filter(named);
    let pairs: Vec<Value> = pairs.map(|pair| json!({"GroupId": pair["GroupId"]})).collect();
    if pairs.is_empty() {
        return None;
    }
    let kept = ["IpProtocol", "FromPort", "ToPort"].into_iter();
    let kept = kept.filter_map(|name| Some((name.to_owned(), rule.get(name)?.clone())));
    let kept: Map<_, _> = kept.filter(|(_, value)| !value.is_null()).collect();
    Some(Value::from(
        kept.into_iter().chain([("UserIdGroupPairs".to_owned(), pairs.into())]).collect::<Map<_, _>>(),
    ))
}

async fn list(job: Job<'_>, operation: &str, params: Value, member: &str) -> Result<Vec<Value>, Stop> {
    let Value::Object(params) = params else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let mut pages = job.access.pages(SERVICE, operation, params);
    while let Some(page) = pages.next().await {
        job.access.progress();
        match page {
            Ok(page) => found.extend(page[member].as_array().cloned().unwrap_or_default()),
            Err(error) => return stop(job.codes.of_call(&[], &error), &error).map_or(Ok(found), Err),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_rule_only_what_names_the_circle_is_taken_away() {
        let rule = json!({
            "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
            "IpRanges": [{"CidrIp": "10.0.0.0/8"}], "PrefixListIds": [],
            "UserIdGroupPairs": [{"GroupId": "sg-1", "UserId": "1"}, {"GroupId": "sg-2", "UserId": "1"}],
        });
        let expected = json!({
            "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": "sg-2"}],
        });
        assert_eq!(only(&rule, &BTreeSet::from(["sg-2".to_owned()])), Some(expected));
        assert_eq!(only(&rule, &BTreeSet::from(["sg-3".to_owned()])), None);
    }
}
