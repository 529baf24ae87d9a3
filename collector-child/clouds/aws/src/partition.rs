//! Partitions of AWS: worlds of their own, each with its regions, accounts and credentials.

use aws_shapes::{Partition, endpoints};

/// The region of a partition that serves what has no region (IAM, Organizations, CloudFront), and stands for it in
/// the graph; that of `aws` for a partition we do not know.
pub(crate) fn global_region(partition: &str) -> &'static str {
    match endpoints().partition(partition) {
        // The table names Ningxia. Graphs have Beijing, and in both IAM is the same.
        Some(known) if known.id == "aws-cn" => "cn-north-1",
        Some(known) => &known.implicit_global_region,
        None => "us-east-1",
    }
}

/// The partition of a region, also of one that is newer than our tables; `None` if its name is like none of them.
pub(crate) fn of_region(region: &str) -> Option<&'static str> {
    endpoints().partition_of(region).map(|partition| partition.id.as_str())
}

/// The partition that an ARN begins with, if it is one.
pub(crate) fn of_arn(arn: &str) -> Option<&'static str> {
    let mut parts = arn.split(':');
    let named = parts.next().filter(|start| *start == "arn").and_then(|_| parts.next())?;
    endpoints().partition(named).map(|partition| partition.id.as_str())
}

/// The region whose STS is asked, and which knows the regions of the account: the first of these (as environment,
/// profile and settings name them) that is in the partition, else its global region.
pub(crate) fn home(hints: &[String], partition: &str) -> String {
    let own = hints.iter().find(|region| of_region(region) == Some(partition));
    own.map_or_else(|| global_region(partition).to_owned(), String::clone)
}

/// A place where credentials may be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) partition: &'static str,
    pub(crate) region: String,
    /// Somebody named a region of this partition.
    pub(crate) named: bool,
}

/// Where credentials may be known, the likeliest first: the regions that environment, profile and settings name,
/// the rest of their partitions, then the other partitions. Those that are cut off from the internet only if a
/// region of theirs is named: whoever is there has named one, as everybody has to.
pub(crate) fn candidates(hints: &[String]) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    let mut add = |partition, region: &str, named| {
        if !found.iter().any(|known| known.region == region) {
            found.push(Candidate { partition, region: region.to_owned(), named });
        }
    };
    let hinted: Vec<_> = hints.iter().filter_map(|region| Some((of_region(region)?, region))).collect();
    for (partition, region) in &hinted {
        add(partition, region, true);
    }
    for (partition, _) in &hinted {
        add(partition, global_region(partition), true);
    }
    for partition in endpoints().partitions.iter().filter(|partition| is_open(partition)) {
        add(&partition.id, global_region(&partition.id), false);
    }
    found
}

fn is_open(partition: &Partition) -> bool {
    !partition.id.starts_with("aws-iso")
}

/// Regions of `aws` that every account has; all later ones have to be enabled by the account.
const ENABLED_ALWAYS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// The known regions of a partition: those that every account has, and those that it may have.
pub(crate) fn known_regions(partition: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    let known = endpoints().partition(partition);
    let known = known.into_iter().flat_map(|partition| partition.regions.iter().map(String::as_str));
    known.partition(|region| partition != "aws" || ENABLED_ALWAYS.contains(region))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(regions: &[&str]) -> Vec<String> {
        regions.iter().map(|region| (*region).to_owned()).collect()
    }

    #[test]
    fn each_partition_has_a_global_region_of_its_own() {
        assert_eq!(global_region("aws-cn"), "cn-north-1");
        assert_eq!(global_region("aws-us-gov"), "us-gov-west-1");
        assert_eq!(global_region("aws-iso"), "us-iso-east-1");
        assert_eq!(global_region("aws-eusc"), "eusc-de-east-1");
        for partition in &endpoints().partitions {
            assert_eq!(of_region(global_region(&partition.id)), Some(partition.id.as_str()));
        }
    }

    #[test]
    fn the_partition_is_told_by_regions_and_arns() {
        assert_eq!(of_region("eusc-de-north-9"), Some("aws-eusc"));
        assert_eq!(of_region("us-isob-east-1"), Some("aws-iso-b"));
        assert_eq!(of_region("us-gov-moon-1"), Some("aws-us-gov"));
        assert_eq!(of_region("moon-1"), None);
        assert_eq!(of_arn("arn:aws-eusc:iam::123456789012:user/x"), Some("aws-eusc"));
        assert_eq!(of_arn("aws-eusc"), None);
        assert_eq!(of_arn("arn:moon:iam::1:user/x"), None);
    }

    #[test]
    fn home_is_the_first_named_region_of_the_partition() {
        let named = hints(&["eu-west-1", "cn-north-1", "eu-north-1"]);
        assert_eq!(home(&named, "aws"), "eu-west-1");
        assert_eq!(home(&named, "aws-cn"), "cn-north-1");
        assert_eq!(home(&named, "aws-eusc"), "eusc-de-east-1");
        assert_eq!(home(&[], "aws"), "us-east-1");
    }

    fn order(regions: &[&str]) -> Vec<String> {
        candidates(&hints(regions)).into_iter().map(|candidate| candidate.region).collect()
    }

    #[test]
    fn what_is_named_is_tried_first() {
        let unnamed = ["us-east-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"];
        assert_eq!(order(&[]), unnamed);
        assert_eq!(order(&["moon-1"]), unnamed);
        assert_eq!(order(&["eu-west-1"])[..2], ["eu-west-1", "us-east-1"]);
        assert_eq!(order(&["us-iso-west-1"])[..3], ["us-iso-west-1", "us-iso-east-1", "us-east-1"]);
        assert_eq!(order(&["eusc-de-east-1"])[..2], ["eusc-de-east-1", "us-east-1"]);
    }

    #[test]
    fn regions_that_every_account_has_are_known() {
        let (always, perhaps) = known_regions("aws");
        assert_eq!(always.len(), ENABLED_ALWAYS.len());
        assert!(perhaps.contains(&"af-south-1") && !perhaps.contains(&"us-east-1"));
        assert_eq!(known_regions("aws-eusc"), (vec!["eusc-de-east-1"], Vec::new()));
    }
}
