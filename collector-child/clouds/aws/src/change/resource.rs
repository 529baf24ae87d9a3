//! The resource that is changed, as its node describes it.

use collector::{Failure, fault};
use ipc_proto::fault::FaultKind;
use serde_json::{Map, Value};
use tables::plan::Place;

use crate::accounts::Scope;
use crate::config::AwsConfig;
use crate::config::names::check_stored_region;
use crate::partition::global_region;

/// A resource with what is known about it: what its node and those of its account and region report. The nodes may
/// be written by the Python worker or by us.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resource {
    kind: String,
    document: Value,
    account: Map<String, Value>,
    region: Map<String, Value>,
}

impl Resource {
    /// A resource of `kind` by what its node, the node of its account and that of its region report. Those of account
    /// and region are empty if they are not known.
    pub(crate) fn new(
        kind: &str,
        mut reported: Map<String, Value>,
        account: Map<String, Value>,
        region: Map<String, Value>,
    ) -> Self {
        // What has no name of its own is called by its id.
        let named = reported.get("name").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
        if let Some(id) = reported.get("id").filter(|_| !named).cloned() {
            reported.insert("name".to_owned(), id);
        }
        Self { kind: kind.to_owned(), document: Value::Object(reported), account, region }
    }

    /// The kind.
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// What the node reports.
    pub(super) fn document(&self) -> &Value {
        &self.document
    }

    /// The account, or an error if the node does not tell.
    pub(super) fn account(&self) -> Result<&str, Failure> {
        text(&self.account, "id").ok_or_else(|| {
            let message = format!("the node of this {} does not say which account it belongs to", self.kind);
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
            regions: Vec::new(),
        }
    }

    /// The region where its calls go.
    pub(super) fn region(&self) -> &str {
        if self.is_global() {
            return global_region(self.partition());
        }
        text(&self.region, "id").unwrap_or_default()
    }

    /// Refuses a node whose region cannot be one of its account. Where its calls would go, there may be another resource
    /// of the same id.
    pub(super) fn check_region(&self) -> Result<(), Failure> {
        check_stored_region(self.region(), self.partition(), &format!("the node of this {}", self.kind))
    }

    /// Where it is, for tables.
    pub(super) fn place(&self) -> Place {
        let account = text(&self.account, "id").unwrap_or_default();
        let name = if self.is_global() { "global" } else { self.region() };
        Place::new(account, self.region(), name, self.partition())
    }

    /// What has no region, or the one called global, is reached by the global region of its partition.
    pub(super) fn is_global(&self) -> bool {
        text(&self.region, "id").is_none() || text(&self.region, "name") == Some("global")
    }

    /// Nodes of accounts tell their partition; what a search leaves of them may not.
    fn partition(&self) -> &str {
        let told = text(&self.account, "partition");
        told.unwrap_or_else(|| partition_of(text(&self.region, "id").unwrap_or_default()))
    }
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
    fn without_an_account_nothing_can_be_called() {
        assert!(resource(json!({"id": ""}), json!({})).account().is_err());
    }

    #[test]
    fn what_has_no_name_is_called_by_its_id() {
        assert_eq!(resource(json!({}), json!({})).document()["name"], "r");
    }
}
