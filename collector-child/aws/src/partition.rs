//! Partitions of AWS: worlds of their own, each with its regions, accounts and credentials.

/// The region of each partition that serves what has no region (IAM, STS, CloudFront), in the order in which an
/// unknown partition is looked for.
pub(crate) const GLOBAL_REGIONS: [(&str, &str); 3] =
    [("aws", "us-east-1"), ("aws-us-gov", "us-gov-west-1"), ("aws-cn", "cn-north-1")];

/// The region of a partition that serves what has no region; that of `aws` for a partition we do not know.
pub(crate) fn global_region(partition: &str) -> &'static str {
    GLOBAL_REGIONS.iter().find(|(name, _)| *name == partition).map_or("us-east-1", |(_, region)| region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_a_global_region() {
        assert_eq!(global_region("aws-cn"), "cn-north-1");
        assert_eq!(global_region("aws-us-gov"), "us-gov-west-1");
        assert_eq!(global_region("aws-iso"), "us-east-1");
    }
}
