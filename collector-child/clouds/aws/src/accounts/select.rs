//! Which accounts are collected, and with what: decisions over what is configured and found.

use serde_json::Value;

use crate::config::AwsConfig;
use crate::partition::of_region;

/// How accounts are found with the credentials of one profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// All of the organization, with a role.
    Organization { role: String },
    /// The ones that are configured, with a role.
    Listed { role: String, accounts: Vec<String> },
    /// The one that the credentials belong to.
    Current,
}

/// How accounts are found.
pub(super) fn way(config: &AwsConfig) -> Way {
    let listed = config.account.as_ref().filter(|accounts| !accounts.is_empty());
    match (&config.role, config.scrape_org, listed) {
        (Some(role), true, _) => Way::Organization { role: role.clone() },
        (Some(role), false, Some(accounts)) => Way::Listed { role: role.clone(), accounts: accounts.clone() },
        _ => Way::Current,
    }
}

/// The profiles to use, in order; `None` is the credentials of the environment or the config. All profiles of
/// the shared files are used if nothing says otherwise: neither the settings nor the environment, by a key or by
/// `AWS_PROFILE`.
pub(super) fn profiles(
    config: &AwsConfig,
    said_by_environment: bool,
    available: Vec<String>,
) -> Vec<Option<String>> {
    let configured = config.profiles.as_ref().filter(|profiles| !profiles.is_empty());
    let listed = config.account.as_ref().is_some_and(|accounts| !accounts.is_empty());
    let found = match configured {
        Some(profiles) => profiles.clone(),
        None if listed || config.keys().is_some() || said_by_environment => Vec::new(),
        None => available,
    };
    if found.is_empty() { vec![None] } else { found.into_iter().map(Some).collect() }
}

/// Those of the configured regions that are in a partition. A region whose partition nobody knows stays.
pub(super) fn regions_in(configured: &[String], partition: &str) -> Vec<String> {
    let own = |region: &&String| of_region(region).is_none_or(|of| of == partition);
    configured.iter().filter(own).cloned().collect()
}

/// Those of the configured regions that are in none of these partitions, each with its own.
pub(super) fn foreign<'a>(configured: &'a [String], partitions: &[&str]) -> Vec<(&'a str, &'static str)> {
    let foreign = |region: &'a String| {
        let partition = of_region(region).filter(|of| !partitions.contains(of))?;
        Some((region.as_str(), partition))
    };
    configured.iter().filter_map(foreign).collect()
}

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) name: Option<String>,
}

/// An account of the organization that cannot be collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inactive {
    pub(super) id: String,
    /// `SUSPENDED`, `PENDING_CLOSURE`, ...
    pub(super) state: String,
}

/// The accounts of a listing of the organization that are wanted with a role, and those of them that are not
/// active; `current` is the one that the credentials belong to.
pub(super) fn members(config: &AwsConfig, current: &str, listed: &[Value]) -> (Vec<Member>, Vec<Inactive>) {
    let (mut members, mut inactive) = (Vec::new(), Vec::new());
    for account in listed {
        let text = |name: &str| account[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let Some(id) = text("Id") else { continue };
        let wanted = config.assume_current || id != current;
        if !wanted || config.scrape_exclude_account.contains(&id) {
            continue;
        }
        // `Status` is what `State` was called before; AWS retires it.
        match text("State").or_else(|| text("Status")).filter(|state| state != "ACTIVE") {
            Some(state) => inactive.push(Inactive { id, state }),
            None => members.push(Member { id, name: text("Name") }),
        }
    }
    (members, inactive)
}

/// What an account could be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) profile: Option<String>,
    pub(super) alias: Option<String>,
    pub(super) organization: Option<String>,
}

/// Which name is asked for first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Alias,
    Organization,
}

/// The order in which names are asked for; the second only if the first gives none. Nothing if the profile is
/// the name.
pub(super) fn order(config: &AwsConfig, profile: Option<&str>) -> &'static [Asked] {
    match (config.prefer_profile_as_account_name && profile.is_some(), config.prefer_account_alias_as_name) {
        (true, _) => &[],
        (false, true) => &[Asked::Alias, Asked::Organization],
        (false, false) => &[Asked::Organization, Asked::Alias],
    }
}

/// The name of an account; its id if nobody has one for it.
pub(super) fn name(config: &AwsConfig, id: &str, names: &Names) -> String {
    let Names { profile, alias, organization } = names;
    let profile_last = profile.as_ref().filter(|_| !config.scrape_org);
    let found = if config.prefer_profile_as_account_name && profile.is_some() {
        profile.as_ref()
    } else if config.prefer_account_alias_as_name {
        alias.as_ref().or(organization.as_ref()).or(profile_last)
    } else {
        organization.as_ref().or(alias.as_ref()).or(profile_last)
    };
    found.map_or_else(|| id.to_owned(), String::clone)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(settings: Value) -> AwsConfig {
        serde_json::from_value(settings).unwrap()
    }

    #[test]
    fn regions_belong_to_the_credentials_of_their_partition() {
        let configured = ["eu-west-1", "cn-north-1", "moon-1", "us-gov-east-1"].map(str::to_owned);
        assert_eq!(regions_in(&configured, "aws"), ["eu-west-1", "moon-1"]);
        assert_eq!(regions_in(&configured, "aws-cn"), ["cn-north-1", "moon-1"]);
        assert_eq!(foreign(&configured, &["aws", "aws-cn"]), [("us-gov-east-1", "aws-us-gov")]);
        assert_eq!(foreign(&configured, &["aws", "aws-cn", "aws-us-gov"]), []);
    }

    #[test]
    fn the_way_depends_on_role_organization_and_list() {
        let role = "Fix".to_owned();
        assert_eq!(way(&config(json!({}))), Way::Current);
        assert_eq!(way(&config(json!({"account": ["1"], "scrape_org": true}))), Way::Current);
        assert_eq!(way(&config(json!({"role": "Fix", "account": []}))), Way::Current);
        let listed = Way::Listed { role: role.clone(), accounts: vec!["1".to_owned()] };
        assert_eq!(way(&config(json!({"role": "Fix", "account": ["1"]}))), listed);
        let organization = json!({"role": "Fix", "account": ["1"], "scrape_org": true});
        assert_eq!(way(&config(organization)), Way::Organization { role });
    }

    #[test]
    fn profiles_of_the_files_are_used_when_nothing_else_is_given() {
        let available = || vec!["a".to_owned(), "b".to_owned()];
        let both = vec![Some("a".to_owned()), Some("b".to_owned())];
        assert_eq!(profiles(&config(json!({})), false, available()), both);
        assert_eq!(profiles(&config(json!({})), false, vec![]), [None]);
        assert_eq!(profiles(&config(json!({})), true, available()), [None]);
        assert_eq!(
            profiles(&config(json!({"access_key_id": "x", "secret_access_key": "s"})), false, available()),
            [None]
        );
        assert_eq!(profiles(&config(json!({"account": ["1"]})), false, available()), [None]);
        let named = config(json!({"profiles": ["c"], "access_key_id": "x"}));
        assert_eq!(profiles(&named, true, available()), [Some("c".to_owned())]);
    }

    #[test]
    fn members_leave_out_the_current_and_the_excluded() {
        let listed = [json!({"Id": "1", "Name": "one"}), json!({"Id": "2"}), json!({"Id": "3"}), json!({})];
        let ids = |settings: Value| -> Vec<String> {
            members(&config(settings), "1", &listed).0.into_iter().map(|member| member.id).collect()
        };
        assert_eq!(ids(json!({})), ["2", "3"]);
        assert_eq!(ids(json!({"scrape_exclude_account": ["3"]})), ["2"]);
        assert_eq!(ids(json!({"assume_current": true})), ["1", "2", "3"]);
    }

    #[test]
    fn members_that_are_not_active_are_told_apart() {
        let listed = [
            json!({"Id": "1", "State": "ACTIVE", "Status": "ACTIVE"}),
            json!({"Id": "2", "State": "CLOSED"}),
            json!({"Id": "3", "Status": "SUSPENDED"}),
            json!({"Id": "4", "State": "PENDING_CLOSURE", "Status": "PENDING_CLOSURE"}),
            json!({"Id": "5", "Status": "SUSPENDED"}),
            json!({"Id": "6"}),
        ];
        let config = config(json!({"scrape_exclude_account": ["5"], "assume_current": true}));
        let (active, inactive) = members(&config, "9", &listed);
        let active: Vec<&str> = active.iter().map(|member| member.id.as_str()).collect();
        assert_eq!(active, ["1", "6"]);
        let inactive: Vec<_> =
            inactive.iter().map(|found| (found.id.as_str(), found.state.as_str())).collect();
        assert_eq!(inactive, [("2", "CLOSED"), ("3", "SUSPENDED"), ("4", "PENDING_CLOSURE")]);
    }

    #[test]
    fn names_are_preferred_as_configured() {
        let all = Names {
            profile: Some("p".to_owned()),
            alias: Some("a".to_owned()),
            organization: Some("o".to_owned()),
        };
        let named = |settings: Value, names: &Names| name(&config(settings), "1", names);
        assert_eq!(named(json!({}), &all), "a");
        assert_eq!(named(json!({"prefer_account_alias_as_name": false}), &all), "o");
        assert_eq!(named(json!({"prefer_profile_as_account_name": true}), &all), "p");
        let only_profile = Names { profile: Some("p".to_owned()), ..Names::default() };
        assert_eq!(named(json!({}), &only_profile), "p");
        assert_eq!(named(json!({"scrape_org": true}), &only_profile), "1");
        assert_eq!(named(json!({}), &Names::default()), "1");
    }

    #[test]
    fn nothing_is_asked_if_the_profile_is_the_name() {
        let by_profile = config(json!({"prefer_profile_as_account_name": true}));
        assert!(order(&by_profile, Some("p")).is_empty());
        assert_eq!(order(&by_profile, None), [Asked::Alias, Asked::Organization]);
    }
}
