//! The resource that is changed, as its node describes it.

use std::ops::Deref;

use collector::{Failure, fault};
use engine::change;
use ipc_proto::fault::FaultKind;
use serde_json::{Map, Value};
use tables::plan::Place;

use crate::accounts::Scope;
use crate::config::AwsConfig;
use crate::config::names::check_stored_region;
use crate::partition::global_region;

/// The property by which queues are changed.
const QUEUE_URL: &str = "sqs_queue_url";
/// Kinds whose arns begin with that of something else, which may be another account's: a subscription is its owner's,
/// whoever has the topic.
const WITH_ARNS_OF_OTHERS: [&str; 1] = ["aws_sns_subscription"];

/// A resource with what is known about it: what its node and those of its account and region report. The nodes may
/// be written by the Python worker or by us.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resource {
    own: change::Resource,
    account: Map<String, Value>,
    region: Map<String, Value>,
}

impl Deref for Resource {
    type Target = change::Resource;

    fn deref(&self) -> &change::Resource {
        &self.own
    }
}

impl Resource {
    /// A resource of `kind` by what its node, the node of its account and that of its region report. Those of account
    /// and region are empty if they are not known.
    pub(crate) fn new(
        kind: &str,
        reported: Map<String, Value>,
        account: Map<String, Value>,
        region: Map<String, Value>,
    ) -> Self {
        let global = is_global(&region);
        let partition = partition(&account, &region);
        let at = region_called(&region, partition);
        let name = if global { "global" } else { at };
        let place = Place::new(text(&account, "id").unwrap_or_default(), at, name, partition);
        Self { own: change::Resource::new(kind, reported, place, global), account, region }
    }

    /// The account, or an error if the node does not tell.
    pub(super) fn account(&self) -> Result<&str, Failure> {
        text(&self.account, "id").ok_or_else(|| {
            let message =
                format!("the node of this {} does not say which account it belongs to", self.kind());
            fault(FaultKind::Resource, message).into()
        })
    }

    /// Role, profile and partition of the account.
    pub(super) fn scope(&self, config: &AwsConfig) -> Scope {
        let own = |name: &str| text(&self.account, name).map(str::to_owned);
        Scope {
            role: if config.role_override { config.role.clone() } else { own("role") },
            profile: own("profile"),
            partition: self.partition().to_owned(),
            // Where STS is asked.
            regions: config.region.clone().unwrap_or_default(),
        }
    }

    /// The region where its calls go.
    pub(super) fn region(&self) -> &str {
        region_called(&self.region, self.partition())
    }

    /// Refuses a node whose region cannot be one of its account. Where its calls would go, there may be another resource
    /// of the same id.
    pub(super) fn check_region(&self) -> Result<(), Failure> {
        check_stored_region(self.region(), self.partition(), &format!("the node of this {}", self.kind()))
    }

    /// Why nothing is changed, if the arn or the address of its queue names another account than the node is below: what
    /// another account shares is its owner's to change, and a node that was altered may mean something else of the same id.
    pub(super) fn of_another_account(&self) -> Option<String> {
        let properties = self.document().as_object()?;
        let account = text(&self.account, "id")?;
        let arn = text(properties, "arn").filter(|_| !WITH_ARNS_OF_OTHERS.contains(&self.kind()));
        let arn = arn.map(|arn| ("arn", arn, account_of_arn(arn)));
        let queue = text(properties, QUEUE_URL).map(|url| ("address", url, account_of_queue(url)));
        let (what, told, owner) = [arn, queue].into_iter().flatten().find_map(|(what, told, owner)| {
            owner.filter(|owner| *owner != account).map(|owner| (what, told, owner))
        })?;
        Some(format!(
            "its {what} {told} names the account {owner}, and its node is below the account {account}: only its owner \
             changes it; leave it to a worker that collects {owner}, or collect {account} again"
        ))
    }

    fn partition(&self) -> &str {
        partition(&self.account, &self.region)
    }
}

/// The account that an arn names, if it names one: some have none, and those of policies of AWS's own have a word.
fn account_of_arn(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(3).filter(|account| is_account(account))
}

/// The account in the address of a queue, `https://HOST/ACCOUNT/NAME`.
fn account_of_queue(url: &str) -> Option<&str> {
    url.split("://").nth(1)?.split('/').nth(1).filter(|account| is_account(account))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|digit| digit.is_ascii_digit())
}

fn region_called<'a>(region: &'a Map<String, Value>, partition: &'a str) -> &'a str {
    if is_global(region) {
        return global_region(partition);
    }
    text(region, "id").unwrap_or_default()
}

/// What has no region, or the one called global, is reached by the global region of its partition.
fn is_global(region: &Map<String, Value>) -> bool {
    text(region, "id").is_none() || text(region, "name") == Some("global")
}

/// Nodes of accounts tell their partition; what a search leaves of them may not.
fn partition<'a>(account: &'a Map<String, Value>, region: &'a Map<String, Value>) -> &'a str {
    let told = text(account, "partition");
    told.unwrap_or_else(|| partition_of(text(region, "id").unwrap_or_default()))
}

/// The partition that a region belongs to; `aws` if that is not known.
pub(super) fn partition_of(region: &str) -> &'static str {
    aws_shapes::endpoints().partition_of(region).map_or("aws", |partition| partition.id.as_str())
}

fn text<'a>(properties: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    properties.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    fn resource(account: Value, region: Value) -> Resource {
        Resource::new(
            "aws_iam_role",
            object(json!({"id": "r", "name": null})),
            object(account),
            object(region),
        )
    }

    #[test]
    fn role_and_profile_are_those_of_the_account_unless_the_settings_replace_them() {
        let resource = resource(json!({"id": "1", "role": "Own", "profile": "p"}), json!({}));
        let scope = resource.scope(&AwsConfig::default());
        assert_eq!((scope.role.as_deref(), scope.profile.as_deref()), (Some("Own"), Some("p")));
        let other = AwsConfig { role: Some("Other".to_owned()), role_override: true, ..AwsConfig::default() };
        assert_eq!(resource.scope(&other).role.as_deref(), Some("Other"));
        let none = AwsConfig { role: None, ..other };
        assert_eq!(resource.scope(&none).role, None, "as in the Python worker");
    }

    #[test]
    fn what_is_global_is_asked_in_the_global_region_of_its_partition() {
        let global = json!({"id": "us-east-1", "name": "global"});
        let china = resource(json!({"id": "1", "partition": "aws-cn"}), global);
        assert_eq!((china.region(), china.place().region_name()), ("cn-north-1", "global"));
        let regional = resource(json!({"id": "1"}), json!({"id": "us-gov-east-1", "name": "us-gov-east-1"}));
        assert_eq!((regional.region(), regional.place().partition()), ("us-gov-east-1", "aws-us-gov"));
        assert_eq!(resource(json!({"id": "1"}), json!({})).region(), "us-east-1");
    }

    #[test]
    fn the_arn_and_the_account_of_a_node_have_to_agree() {
        let of = |kind: &str, arn: &str| {
            let (account, region) = (json!({"id": "111111111111"}), json!({"id": "eu-west-1"}));
            let reported = object(json!({"id": "r", "arn": arn}));
            Resource::new(kind, reported, object(account), object(region)).of_another_account()
        };
        let told = of("aws_ec2_volume", "arn:aws:ec2:eu-west-1:333333333333:volume/r").unwrap();
        assert!(told.contains("names the account 333333333333") && told.contains("111111111111"), "{told}");
        for arn in [
            "arn:aws:ec2:eu-west-1:111111111111:volume/r",
            "arn:aws:s3:::r",
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "",
            "PendingConfirmation",
        ] {
            assert_eq!(of("aws_ec2_volume", arn), None, "{arn}");
        }
        assert_eq!(of("aws_sns_subscription", "arn:aws:sns:eu-west-1:333333333333:t:r"), None);
    }

    #[test]
    fn the_address_of_a_queue_and_the_account_of_its_node_have_to_agree() {
        let of = |url: &str| {
            let (account, region) = (json!({"id": "111111111111"}), json!({"id": "eu-west-1"}));
            let arn = "arn:aws:sqs:eu-west-1:111111111111:r";
            let reported = object(json!({"id": "r", "arn": arn, "sqs_queue_url": url}));
            Resource::new("aws_sqs_queue", reported, object(account), object(region)).of_another_account()
        };
        let told = of("https://sqs.eu-west-1.amazonaws.com/333333333333/r").unwrap();
        assert!(
            told.contains("its address https://sqs") && told.contains("the account 333333333333"),
            "{told}"
        );
        for url in
            ["https://sqs.eu-west-1.amazonaws.com/111111111111/r", "http://localhost:4566/queue/r", "r", ""]
        {
            assert_eq!(of(url), None, "{url}");
        }
    }

    #[test]
    fn without_an_account_nothing_can_be_called() {
        assert!(resource(json!({"id": ""}), json!({})).account().is_err());
    }

    #[test]
    fn what_has_no_name_is_called_by_its_id() {
        assert_eq!(resource(json!({}), json!({})).document()["name"], "r");
    }
}
