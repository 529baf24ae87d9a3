//! Names in settings that nothing has: regions, and patterns of kinds. What is misspelt would collect nothing, and an empty
//! graph would take the place of the one that fixcore has.

use aws_shapes::endpoints;
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
        Ok(())
    }

    /// Regions in the settings that are newer than this program, or misspelt.
    pub(crate) fn unknown_regions(&self) -> Vec<&str> {
        let regions = self.region.iter().flatten().map(String::as_str);
        regions.filter(|region| !is_known(region)).collect()
    }
}

/// The fault of a region that there is not.
pub(crate) fn no_region(region: &str) -> Failure {
    let known: Vec<&str> = regions().collect();
    let hint = did_you_mean(region, &known).unwrap_or_else(|| "write it like eu-west-1".to_owned());
    config_fault(format!("aws.region names {region:?}, which is no region of AWS"), hint).into()
}

fn regions() -> impl Iterator<Item = &'static str> {
    endpoints().partitions.iter().flat_map(|partition| &partition.regions).map(String::as_str)
}

fn is_known(region: &str) -> bool {
    regions().any(|known| known == region)
}

/// Whether AWS may have made a region of this name since: the beginning of a partition, a word or two, a number.
fn may_be_new(region: &str) -> bool {
    let mut parts = region.rsplit('-');
    let number = parts.next().unwrap_or_default();
    let words: Vec<&str> = parts.collect();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|c| c.is_ascii_lowercase());
    !number.is_empty()
        && number.bytes().all(|c| c.is_ascii_digit())
        && (2..=4).contains(&words.len())
        && words.iter().all(is_word)
        && endpoints().partition_of(region).is_some()
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
            ["*", "aws_ec2_*", "aws_[er]*", "aws_ec2_instance_type", "aws_region", "aws_guard_duty_finding"]
        {
            assert_eq!(refused("no_collect", &[fine]), None, "{fine}");
        }
    }
}
