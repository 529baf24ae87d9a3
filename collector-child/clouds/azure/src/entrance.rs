//! The way into a subscription: whose the credentials are, and the locations.

use collector::identity::{Identity, Owner};
use collector::{BoxFuture, Failure, FaultExt, Sink, fault};
use engine::{Entered, Places, Region, TopNode, Wanted, Way, places};
use ipc_proto::fault::FaultKind;
use ipc_proto::seal::Seal;
use rest_client::TableClient;
use serde_json::Value;
use tables::plan::{Place, Scope};

use crate::access::{ARM, Access, plans};
use crate::config::AzureConfig;
use crate::metrics;
use crate::organization::is_of_organizations;
use crate::subscriptions::subscription;

/// A call that all credentials may make.
const PROBE: (&str, &str) = ("arm", "GET /subscriptions?api-version=2022-12-01");

/// Whose the credentials are: a subscription that they may see is theirs.
pub(crate) async fn identity(access: &Access, id: &str) -> Result<(Identity, Value), Failure> {
    let whose = access.credentials.identity();
    let Some(found) = subscription(&access.rest, id).await.map_err(|error| error.to_fault())? else {
        let message = format!("{whose} may not see the subscription {id}");
        let hint = "give them the role Reader there, or leave the subscription to other credentials of azure.accounts";
        return Err(fault(FaultKind::WrongAccount, message).with_hint(hint).into());
    };
    let owner = Owner {
        account: id.to_owned(),
        credentials: whose,
        wanted: None,
        remedy: "name credentials that may see the subscription in azure.accounts".to_owned(),
    };
    Ok((Identity::Of(owner), found))
}

/// The way into a subscription.
pub(crate) struct Opened {
    pub(crate) access: Access,
    pub(crate) subscription: String,
    pub(crate) config: AzureConfig,
}

impl Way for Opened {
    fn identity(&self) -> BoxFuture<'_, Result<Identity, Failure>> {
        Box::pin(async { Ok(identity(&self.access, &self.subscription).await?.0) })
    }

    fn seal(&self) -> BoxFuture<'_, Result<Seal, Failure>> {
        Box::pin(self.access.credentials.hand_over(ARM, &self.subscription, "subscription"))
    }

    fn enter(self: Box<Self>, sink: &dyn Sink) -> BoxFuture<'_, Result<Entered, Failure>> {
        Box::pin(async move {
            let (_, told) = identity(&self.access, &self.subscription).await?;
            let Self { access: Access { rest, .. }, subscription, config } = *self;
            let plans = plans()?;
            let place = Place::new(&subscription, "", "", "");
            let client = TableClient::new(rest, place.clone(), plans, PROBE).measuring(metrics::ask);
            sink.step("asking for the locations".to_owned());
            let account = told_by_table("azure_subscription", &told, &subscription, &place)?;
            let global = Region { id: String::new(), name: "subscription".to_owned(), place };
            let Places { regions, region_nodes, zone_nodes } = places(&client, plans, global, sink).await?;
            Ok(Entered {
                client: Box::new(client),
                regions,
                account,
                region_nodes,
                zone_nodes,
                wanted: Box::new(config),
            })
        })
    }
}

/// The node of an account, as the table of its kind says.
pub(crate) fn told_by_table(kind: &str, told: &Value, id: &str, place: &Place) -> Result<TopNode, Failure> {
    let mut properties = Vec::new();
    if let Some(plan) = plans()?.get(kind) {
        let found = plan.properties(&Scope::new(told, place)).map(tables::plan::Properties::into_object);
        let found = found.unwrap_or_default();
        let named = |name: &str| plan.mapping.properties.iter().find(|own| own.name == name);
        properties
            .extend(found.into_iter().filter_map(|(name, value)| Some((named(&name)?.name.as_str(), value))));
        properties.retain(|(name, _)| *name != "id");
    }
    Ok(TopNode { id: id.to_owned(), properties, key: Vec::new() })
}

impl Wanted for AzureConfig {
    fn collects(&self, kind: &str) -> bool {
        !is_of_organizations(kind) && self.should_collect(kind)
    }

    fn usage_metrics(&self) -> bool {
        self.collect_usage_metrics.unwrap_or_default()
    }

    fn without_holes(&self) -> bool {
        self.discard_account_on_resource_error
    }
}
