//! The places where the SDKs look for credentials, one after the other.

use std::error::Error;
use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_types::region::Region;

use crate::environment::Environment;
use crate::error::{CallError, Class, CredentialsTrouble, Place};
use crate::transport::{SdkTransport, Transport};

/// Off a cloud machine, nobody answers at the address of the metadata.
const INSTANCE_CONNECT: Duration = Duration::from_secs(1);
const INSTANCE_ALL: Duration = Duration::from_secs(2);
/// A credential process may ask a person, single sign-on may be slow; but not for ever.
const ONE_PLACE: Duration = Duration::from_mins(1);

const PLACE: Place<'static> = Place { account: "", region: "", service: "credentials", operation: "look-up" };

/// The places, in order.
#[derive(Debug)]
pub(crate) struct Chain {
    places: Vec<(&'static str, SharedCredentialsProvider)>,
    environment: Environment,
}

impl Chain {
    /// All places; only those behind a profile if one was asked for by the configuration.
    pub(crate) fn new(environment: &Environment, profile: Option<&str>, transport: &Transport) -> Self {
        let region = environment.region().unwrap_or_else(|| "us-east-1".to_owned());
        let flavor = environment.flavor();
        let config = ProviderConfig::without_region()
            .with_http_client(SdkTransport(transport.clone()))
            .with_use_fips(Some(flavor.fips))
            .with_use_dual_stack(Some(flavor.dual_stack))
            .with_region(Some(Region::new(region)));
        let mut of_profile = ProfileFileCredentialsProvider::builder().configure(&config);
        if let Some(profile) = profile {
            of_profile = of_profile.profile_name(profile);
        }
        let mut places: Vec<(&str, SharedCredentialsProvider)> = Vec::new();
        let mut add = |name, provider| places.push((name, provider));
        if profile.is_none() {
            let provider = EnvironmentVariableCredentialsProvider::new();
            add(
                "the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                SharedCredentialsProvider::new(provider),
            );
        }
        add(PROFILE, SharedCredentialsProvider::new(of_profile.build()));
        if profile.is_none() {
            let provider = WebIdentityTokenCredentialsProvider::builder().configure(&config).build();
            add("the web identity of AWS_WEB_IDENTITY_TOKEN_FILE", SharedCredentialsProvider::new(provider));
        }
        let container = EcsCredentialsProvider::builder().configure(&config).build();
        add("the container (AWS_CONTAINER_CREDENTIALS_...)", SharedCredentialsProvider::new(container));
        let metadata = imds::Client::builder()
            .configure(&config)
            .max_attempts(1)
            .connect_timeout(INSTANCE_CONNECT)
            .read_timeout(INSTANCE_CONNECT)
            .operation_timeout(INSTANCE_ALL)
            .operation_attempt_timeout(INSTANCE_ALL)
            .build();
        let instance = imds::credentials::ImdsCredentialsProvider::builder()
            .configure(&config)
            .imds_client(metadata)
            .build();
        add(INSTANCE, SharedCredentialsProvider::new(instance));
        Self { places, environment: environment.clone() }
    }

    /// The credentials of the first place that has some.
    pub(crate) async fn look(&self) -> Result<Credentials, CallError> {
        let mut looked = Vec::new();
        for (name, provider) in &self.places {
            if *name == PROFILE {
                self.environment.check_profile()?;
            }
            let limit = if *name == INSTANCE { INSTANCE_ALL + INSTANCE_CONNECT } else { ONE_PLACE };
            match tokio::time::timeout(limit, provider.provide_credentials()).await {
                Ok(Ok(credentials)) => return Ok(credentials),
                // A profile that refers to what is not there says so in a source; one without credentials has none.
                Ok(Err(error @ CredentialsError::CredentialsNotLoaded(_)))
                    if *name == PROFILE && error.source().is_some() =>
                {
                    return Err(broken(name, &innermost(&error)));
                }
                Ok(Err(CredentialsError::CredentialsNotLoaded(_))) => looked.push(*name),
                // No metadata is the normal case everywhere but on the machines of AWS.
                Ok(Err(_)) | Err(_) if *name == INSTANCE => looked.push(*name),
                Ok(Err(error)) => return Err(broken(name, &innermost(&error))),
                Err(_) => return Err(broken(name, "it took longer than a minute")),
            }
        }
        let message = format!("there are none in {}", looked.join(", "));
        Err(CallError::new(Class::Credentials(CredentialsTrouble::Missing), PLACE, message))
    }
}

const PROFILE: &str = "the profile files";
const INSTANCE: &str = "the metadata of the instance";

fn broken(place: &str, why: &str) -> CallError {
    let trouble = match why {
        // Told by the SDK's own words, as there is no code.
        why if why.contains("expired") => CredentialsTrouble::Expired,
        _ => CredentialsTrouble::Broken,
    };
    CallError::new(Class::Credentials(trouble), PLACE, format!("{place}: {why}"))
}

/// The words of all causes from the second on, which say more than the first, without repetitions.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    let mut words: Vec<String> = Vec::new();
    for cause in causes.skip(1).map(ToString::to_string) {
        if !words.iter().any(|known| known.contains(&cause)) {
            words.push(cause);
        }
    }
    if words.is_empty() { error.to_string() } else { words.join(": ") }
}
