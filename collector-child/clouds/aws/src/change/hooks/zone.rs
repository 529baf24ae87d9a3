//! A zone has to be empty before it can be deleted, but for the two records that it was made with.

use engine::change::{Job, Resource, Stop, stop};
use serde_json::{Map, Value, json};
use tables::plan::{Arguments, Call};

const SERVICE: &str = "route53";
/// Records that one batch of changes deletes: all or none of them. Its limit of a thousand counts values, and twice
/// where something is replaced.
const TOGETHER: usize = 100;

/// Deletes its records, and says how many calls that took.
pub(super) async fn empty(job: Job<'_>, resource: &Resource) -> Result<usize, Stop> {
    let zone = &resource.document()["id"];
    let params = Map::from_iter([("HostedZoneId".to_owned(), zone.clone())]);
    let mut records = Vec::new();
    let mut pages = job.access.pages(SERVICE, "ListResourceRecordSets", params);
    while let Some(page) = pages.next().await {
        job.access.progress();
        match page {
            Ok(page) => records.extend(page["ResourceRecordSets"].as_array().cloned().unwrap_or_default()),
            Err(error) => {
                // If the zone is gone, the deletion itself will find the same.
                return stop(job.codes.of_call(&[], &error), &error).map_or(Ok(0), Err);
            }
        }
    }
    let apex = apex(&records).to_owned();
    records.retain(|record| !stays(record, &apex));
    // Aliases first: what they lead to may be in the same zone.
    records.sort_by_key(|record| record.get("AliasTarget").is_none());
    for some in records.chunks(TOGETHER) {
        let changes: Vec<Value> =
            some.iter().map(|record| json!({"Action": "DELETE", "ResourceRecordSet": record})).collect();
        let call = Call {
            service: SERVICE.to_owned(),
            operation: "ChangeResourceRecordSets".to_owned(),
            arguments: Arguments::default(),
            expected: Vec::new(),
            failed: None,
            paging: None,
        };
        let params = Map::from_iter([
            ("HostedZoneId".to_owned(), zone.clone()),
            ("ChangeBatch".to_owned(), json!({"Changes": changes})),
        ]);
        job.send(&call, None, params).await?;
    }
    Ok(records.len().div_ceil(TOGETHER))
}

/// The name of the zone: that of its SOA.
fn apex(records: &[Value]) -> &str {
    let soa = records.iter().find(|record| record["Type"] == "SOA");
    soa.and_then(|soa| soa["Name"].as_str()).unwrap_or_default()
}

/// SOA and NS of the zone itself cannot be deleted; NS of zones below have to be.
fn stays(record: &Value, apex: &str) -> bool {
    match record["Type"].as_str() {
        Some("SOA") => true,
        Some("NS") => apex.is_empty() || record["Name"] == apex,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_zone_was_made_with_stays() {
        let record = |name: &str, kind: &str| json!({"Name": name, "Type": kind});
        let records = [
            record("example.com.", "NS"),
            record("example.com.", "SOA"),
            record("sub.example.com.", "NS"),
            record("example.com.", "A"),
        ];
        let staying: Vec<bool> = records.iter().map(|record| stays(record, apex(&records))).collect();
        assert_eq!(staying, [true, true, false, false]);
        assert!(stays(&record("example.com.", "NS"), ""), "which zone it is, is not known");
    }
}
