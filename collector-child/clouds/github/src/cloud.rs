//! GitHub as the engine sees it.

use std::sync::{Arc, LazyLock};

use collector::identity::{Identity, Owner};
use collector::{BoxFuture, ConfigSection, Failure, FaultExt, Kinds, Sink, config_fault, fault};
use engine::hooks::Hooks;
use engine::hooks::prelude::Context;
use engine::{Cloud, CloudFacts, Entered, Plans, Region, Regions, TopNode, Wanted, Way};
use http_client::{Advisor, CallError, Class, Trouble};
use ipc_proto::fault::FaultKind;
use ipc_proto::job::{Account, Described};
use rest_client::{Bearer, Built, Rest, TableClient};
use tables::plan::Place;

use crate::config::{GitHubConfig, Wishes, section};
use crate::owners::Owners;
use crate::pulls::PullRequests;
use crate::repositories::Repositories;

/// The id of the cloud.
const CLOUD: &str = "github";
/// The service of all calls.
pub(crate) const SERVICE: &str = "github";
/// The account and the region, as the Python worker calls them.
const ACCOUNT: &str = "GitHub";
const REGION: &str = "Global";
/// A call that every token may make and that costs nothing of its allowance. Some Enterprise servers do without limits.
const PROBE: (&str, &str) = (SERVICE, "GET /rate_limit");

/// What is the same for all accounts.
static FACTS: CloudFacts = CloudFacts {
    cloud: CLOUD,
    name: "GitHub",
    account_kind: "github_account",
    region_kind: "github_region",
    resource_kind: "github_resource",
    denials_told: &["403", "451"],
    ..CloudFacts::PLAIN
};

static KINDS: Kinds = Kinds::of(&["base", "github"]);
static HOOKS: LazyLock<Hooks> =
    LazyLock::new(|| Hooks::new(vec![Box::new(Owners), Box::new(Repositories), Box::new(PullRequests)]));
static BUILT: Built = Built::new(
    include_str!(concat!(env!("OUT_DIR"), "/cloud.json")),
    include!(concat!(env!("OUT_DIR"), "/plans.rs")),
);

/// What to do about a trouble.
fn advice(trouble: &Trouble) -> Option<String> {
    match trouble.class {
        Class::Credentials(_) => {
            Some("make a new token (Settings, Developer settings) and put it into github.access_token".to_owned())
        }
        Class::AccessDenied { .. } => Some(
            "give the token the right to read it (scopes repo and read:org, or Contents, Pull requests and Metadata), and authorize it for organizations with single sign-on".to_owned(),
        ),
        Class::Network => Some(
            "look whether the worker reaches api.github.com, or what GITHUB_API_URL names; proxies are taken from HTTPS_PROXY".to_owned(),
        ),
        _ => None,
    }
}

fn client(token: &str) -> Result<Rest, Failure> {
    let rest = BUILT.client(ACCOUNT)?;
    let auth = Arc::new(Bearer::with_scheme("token", token));
    Ok(rest.with_auth("token", auth).with_advisor(Advisor(advice)))
}

/// GitHub.
#[derive(Debug)]
pub(crate) struct GitHub;

impl Cloud for GitHub {
    fn facts(&self) -> &'static CloudFacts {
        &FACTS
    }

    fn kinds(&self) -> &'static Kinds {
        &KINDS
    }

    fn plans(&self) -> Result<&'static Plans, Failure> {
        BUILT.plans()
    }

    fn hooks(&self) -> &'static Hooks {
        &HOOKS
    }

    fn describe(&self) -> Described {
        Described {
            environment: ["GITHUB_API_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
                .map(str::to_owned)
                .to_vec(),
            ..FACTS.described("account", &KINDS, section())
        }
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async move {
            let config: GitHubConfig = config.to()?;
            config.wishes()?;
            let account = |_: &str| FACTS.account(ACCOUNT.to_owned(), ACCOUNT.to_owned(), Vec::new());
            Ok(config.token().map(account).into_iter().collect())
        })
    }

    fn open<'a>(
        &'a self,
        config: &'a ConfigSection,
        _account: &'a Account,
    ) -> BoxFuture<'a, Result<Box<dyn Way>, Failure>> {
        Box::pin(async move {
            let config: GitHubConfig = config.to()?;
            let Some(token) = config.token() else {
                let told = fault(FaultKind::Credentials, "there is no token of GitHub");
                return Err(told.with_hint("set github.access_token").into());
            };
            Ok(Box::new(Opened { rest: client(token)?, wishes: config.wishes()? }) as Box<dyn Way>)
        })
    }
}

/// The way into GitHub.
struct Opened {
    rest: Rest,
    wishes: Wishes,
}

impl Way for Opened {
    /// There is one account, whoever asks: what is collected are names of the settings.
    fn identity(&self) -> BoxFuture<'_, Result<Identity, Failure>> {
        Box::pin(async {
            Ok(Identity::Of(Owner {
                account: ACCOUNT.to_owned(),
                credentials: "the token in github.access_token".to_owned(),
                wanted: None,
                remedy: "there is one account of GitHub".to_owned(),
            }))
        })
    }

    fn enter(self: Box<Self>, _sink: &dyn Sink) -> BoxFuture<'_, Result<Entered, Failure>> {
        Box::pin(async move {
            let Self { rest, wishes } = *self;
            let place = Place::new(ACCOUNT, REGION, REGION, "");
            let named = |id: &str| Region { id: id.to_owned(), name: id.to_owned(), place: place.clone() };
            let node = |id: &str| TopNode { id: id.to_owned(), properties: Vec::new(), key: Vec::new() };
            let global = Region { name: "account".to_owned(), ..named("") };
            let client = TableClient::new(rest, place.clone(), BUILT.plans()?, PROBE).that_may_lack();
            Ok(Entered {
                client: Box::new(client),
                regions: Regions::new(global, [named(REGION)]),
                account: node(ACCOUNT),
                region_nodes: vec![node(REGION)],
                zone_nodes: Vec::new(),
                wanted: Box::new(Own(wishes)),
            })
        })
    }
}

/// What the settings want, for hooks.
struct Own(Wishes);

impl Wanted for Own {
    fn collects(&self, _kind: &str) -> bool {
        true
    }

    fn empty_regions(&self) -> bool {
        true
    }
}

/// What the settings want.
pub(crate) fn of_settings(context: Context<'_>) -> Result<&Wishes, Failure> {
    let own = context.own::<Own>().map(|own| &own.0);
    own.ok_or_else(|| fault(FaultKind::Internal, "the settings of GitHub are not there").into())
}

/// Tells troubles with what the settings name.
pub(crate) trait Told {
    /// A name that GitHub does not know costs itself. Without an allowance the rest would look empty, so that is the end.
    /// `settings` are those that it may stand in.
    async fn trouble(
        self,
        error: CallError,
        noun: &str,
        name: &str,
        settings: &[&str],
    ) -> Result<(), Failure>;
}

impl Told for Context<'_> {
    async fn trouble(
        self,
        error: CallError,
        noun: &str,
        name: &str,
        settings: &[&str],
    ) -> Result<(), Failure> {
        if error.class == Class::Throttled {
            return Err(error.to_fault().into());
        }
        if error.status == Some(404) {
            let message = format!("GitHub shows the token no {noun} {name}");
            let settings = settings.join(" or github.");
            let hint = format!("correct the name in github.{settings}, or give the token access");
            self.report(config_fault(message, hint));
            return Ok(());
        }
        self.failed(error.change(|trouble| trouble.subject = Some(format!("{noun} {name}")))).await
    }
}
