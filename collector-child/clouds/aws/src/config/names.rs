//! Names in settings that nothing has: regions, and patterns of kinds. What is misspelt would collect nothing, and an empty
//! graph would take the place of the one that fixcore has.

use aws_shapes::{Partition, endpoints};
use collector::{Failure, config_fault};
use inventory::suggest::closest;

use super::AwsConfig;
use crate::built_in;
use crate::hooks::FINDINGS;
use engine::glob::matches;

impl AwsConfig {
    /// Refuses a name that cannot be that of a region, and a pattern that matches no kind.
    pub(super) fn check_names(&self) -> Result<(), Failure> {
        if let Some(region) =
            self.region.iter().flatten().find(|region| !is_known(region) && !may_be_new(region))
        {
            return Err(no_region(region));
        }
        let known: Vec<&str> =
            built_in::kinds()?.names().filter(|name| name.starts_with("aws_")).chain(FINDINGS).collect();
        for (setting, patterns) in [("collect", &self.collect), ("no_collect", &self.no_collect)] {
            let unmatched = |pattern: &&String| !known.iter().any(|kind| matches(pattern, kind));
            if let Some(pattern) = patterns.iter().find(unmatched) {
                let hint = did_you_mean(pattern, &known)
                    .unwrap_or_else(|| "fix-collector describe --collector aws lists the kinds".to_owned());
                return Err(config_fault(
                    format!("aws.{setting} has {pattern:?}, which matches no kind"),
                    hint,
                )
                .into());
            }
        }
        self.check_wanted(&known)?;
        if known.iter().any(|kind| self.should_collect(kind)) {
            return Ok(());
        }
        let settings = if self.collect.is_empty() {
            "aws.no_collect leaves"
        } else {
            "aws.collect and aws.no_collect leave"
        };
        let message = format!("{settings} no kind to be collected");
        Err(config_fault(message, "take what is wanted out of aws.no_collect").into())
    }

    /// Regions in the settings that are newer than this program, or misspelt.
    pub(crate) fn unknown_regions(&self) -> Vec<&str> {
        let regions = self.region.iter().flatten().map(String::as_str);
        regions.filter(|region| !is_known(region)).collect()
    }
}

/// Refuses a region of a node that AWS cannot have named so, or that is in another partition than its account. One that
/// is newer than this program is neither: somebody has collected there. `whose` begins the sentence: "the node".
pub(crate) fn check_stored_region(region: &str, partition: &str, whose: &str) -> Result<(), Failure> {
    let named = |of: &&Partition| of.regions.iter().any(|known| known == region) || of.could_have(region);
    let Some(own) = endpoints().partitions.iter().find(named) else {
        return Err(unknown_region(region, whose, ""));
    };
    // The partition may be newer, too.
    if own.id == partition || endpoints().partition(partition).is_none() {
        return Ok(());
    }
    let message = format!(
        "{whose} names the region {region}, which is in the partition {}, and an account of {partition}",
        own.id
    );
    Err(config_fault(message, "collect the account again").into())
}

/// Refuses a region that somebody has typed and that AWS cannot have named so. Whether AWS has to be asked for it.
pub(crate) fn check_typed_region(region: &str, whose: &str) -> Result<bool, Failure> {
    let known = is_known(region);
    if known || may_be_new(region) { Ok(!known) } else { Err(unknown_region(region, whose, "")) }
}

/// The fault of a region that this program does not know; `more` goes on with the sentence.
pub(crate) fn unknown_region(region: &str, whose: &str, more: &str) -> Failure {
    let message = format!("{whose} names the region {region:?}, which this version does not know{more}");
    config_fault(message, suggested(region)).into()
}

/// The fault of a region that there is not.
pub(crate) fn no_region(region: &str) -> Failure {
    config_fault(format!("aws.region names {region:?}, which is no region of AWS"), suggested(region)).into()
}

fn suggested(region: &str) -> String {
    let known: Vec<&str> = regions().collect();
    did_you_mean(region, &known).unwrap_or_else(|| "write it like eu-west-1".to_owned())
}

fn regions() -> impl Iterator<Item = &'static str> {
    endpoints().partitions.iter().flat_map(|partition| &partition.regions).map(String::as_str)
}

fn is_known(region: &str) -> bool {
    regions().any(|known| known == region)
}

/// Whether AWS may have made a region of this name since.
fn may_be_new(region: &str) -> bool {
    endpoints().partitions.iter().any(|partition| partition.could_have(region))
}

fn did_you_mean(wrong: &str, known: &[&str]) -> Option<String> {
    let close = closest(wrong, known.iter().copied());
    (!close.is_empty())
        .then(|| format!("did you mean {}?", close.into_iter().take(4).collect::<Vec<_>>().join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What is wrong with a setting, and what to do.
    fn refused(setting: &str, values: &[&str]) -> Option<(String, String)> {
        let config: AwsConfig = serde_json::from_value(json!({ setting: values })).unwrap();
        match config.check() {
            Ok(()) => None,
            Err(Failure::Fault(fault)) => Some((fault.message.clone(), fault.hint.clone().unwrap())),
            Err(Failure::Stopped) => panic!("nobody stops it"),
        }
    }

    #[test]
    fn a_region_that_cannot_be_one_is_refused_with_the_closest() {
        for (region, hint) in [
            ("eu-west-1a", "did you mean eu-west-1?"),
            ("EU-WEST-1", "did you mean eu-west-1?"),
            (" eu-west-1", "did you mean eu-west-1?"),
            ("euwest1", "did you mean eu-west-1?"),
            ("frankfurt", "write it like eu-west-1"),
            ("", "write it like eu-west-1"),
        ] {
            let (message, told) = refused("region", &["us-east-1", region]).unwrap();
            assert_eq!(message, format!("aws.region names {region:?}, which is no region of AWS"));
            assert!(told.contains(hint), "{region}: {told}");
        }
    }

    #[test]
    fn a_region_that_may_be_new_is_asked_for() {
        assert_eq!(refused("region", &["eu-west-1", "cn-north-1", "us-gov-west-1", "ap-moon-1"]), None);
        let config: AwsConfig =
            serde_json::from_value(json!({"region": ["eu-west-1", "eu-wst-1", "ap-moon-1"]})).unwrap();
        assert_eq!(config.unknown_regions(), ["eu-wst-1", "ap-moon-1"]);
    }

    #[test]
    fn wishes_that_leave_nothing_are_refused() {
        let refused = |settings: serde_json::Value| {
            let config: AwsConfig = serde_json::from_value(settings).unwrap();
            config.check().err().map(|failure| failure.to_string())
        };
        let both = Some("aws.collect and aws.no_collect leave no kind to be collected".to_owned());
        assert_eq!(refused(json!({"collect": ["aws_vpc"], "no_collect": ["aws_*"]})), both);
        assert_eq!(refused(json!({"collect": ["aws_ec2_v*"], "no_collect": ["aws_ec2_*"]})), both);
        assert_eq!(
            refused(json!({"no_collect": ["aws_*"]})),
            Some("aws.no_collect leaves no kind to be collected".to_owned())
        );
        assert_eq!(refused(json!({"collect": ["aws_ec2_*"], "no_collect": ["aws_ec2_v*"]})), None);
    }

    fn said<T: std::fmt::Debug>(refused: Result<T, Failure>) -> (String, String) {
        match refused {
            Err(Failure::Fault(fault)) => (fault.message.clone(), fault.hint.clone().unwrap_or_default()),
            other => panic!("not refused: {other:?}"),
        }
    }

    /// Nodes may be older or younger than this program.
    #[test]
    fn regions_of_nodes_are_refused_where_aws_cannot_have_named_them_so() {
        let check = |region: &str, partition: &str| check_stored_region(region, partition, "the node");
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("eu-west-9", "aws"),
            ("mx-moon-12", "aws"),
            ("us-gov-east-1", "aws-us-gov"),
            ("us-gov-south-1", "aws-us-gov"),
            ("us-isof-south-9", "aws-iso-f"),
            ("eusc-de-west-2", "aws-eusc"),
            ("cn-south-1", "aws-new"),
        ] {
            assert!(check(region, partition).is_ok(), "{region} {partition}");
        }
        for (region, hint) in [
            ("eu-west-1a", "did you mean eu-west-1?"),
            ("moon", "write it like"),
            ("eu-west", "did you mean eu-west-"),
        ] {
            let (message, told) = said(check(region, "aws"));
            let expected = format!("the node names the region {region:?}, which this version does not know");
            assert!(message == expected && told.starts_with(hint), "{message} {told}");
        }
        for region in ["cn-north-1", "cn-south-7"] {
            let expected = format!(
                "the node names the region {region}, which is in the partition aws-cn, and an account of aws"
            );
            assert_eq!(said(check(region, "aws")).0, expected);
        }
    }

    #[test]
    fn regions_that_are_typed_are_known_asked_for_or_refused() {
        let check = |region: &str| check_typed_region(region, "the command");
        assert!(!check("us-gov-east-1").unwrap() && check("eu-west-9").unwrap());
        assert_eq!(said(check("eu-west-1a")).1, "did you mean eu-west-1?");
        let (message, hint) =
            said::<()>(Err(unknown_region("eu-west-9", "the command", ", and neither does AWS")));
        assert_eq!(
            message,
            "the command names the region \"eu-west-9\", which this version does not know, and neither does AWS"
        );
        assert!(hint.starts_with("did you mean eu-west-"), "{hint}");
    }

    #[test]
    fn a_pattern_that_matches_no_kind_is_refused_with_the_closest() {
        for (setting, pattern, hint) in [
            ("collect", "aws_ec2_instances", "did you mean aws_ec2_instance?"),
            ("no_collect", "aws_ec2_volums", "did you mean aws_ec2_volume?"),
            ("collect", "aws_ec3_*", "fix-collector describe --collector aws lists the kinds"),
            ("collect", "gcp_*", "fix-collector describe --collector aws lists the kinds"),
        ] {
            let (message, told) = refused(setting, &["aws_s3_*", pattern]).unwrap();
            assert_eq!(message, format!("aws.{setting} has {pattern:?}, which matches no kind"));
            assert_eq!(told, hint);
        }
        for fine in
            ["aws_ec2_*", "aws_[er]*", "aws_ec2_instance_type", "aws_region", "aws_guard_duty_finding"]
        {
            assert_eq!(refused("no_collect", &[fine]), None, "{fine}");
        }
    }
}
