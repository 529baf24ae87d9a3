//! Spaces: who signs, and which there are.

use std::fmt;

use bytes::Bytes;
use collector::{BoxFuture, config_fault};
use engine::hooks::prelude::*;
use http::Request;
use http_body_util::Full;
use http_client::{CallError, CallPlace, Class, tape};
use rest_client::Auth;

use crate::cloud::Own;

/// The service, as the tables call it.
pub(crate) const SERVICE: &str = "spaces";
/// The variable with its address, and what stands for the region there, as the Terraform provider has them.
pub(crate) const ENDPOINT: &str = "SPACES_ENDPOINT_URL";
const REGION: &str = "{{.Region}}";
/// Regions that are asked at once.
const AT_ONCE: usize = 4;
/// How it looks where a region has no host for Spaces.
const NO_HOST: [&str; 2] = ["DnsFailure", "ProxyFailure"];

/// Signs requests with keys of Spaces.
pub(crate) struct Keys(s3::Signer);

impl Keys {
    pub(crate) fn new((key, secret): (&str, &str)) -> Self {
        Self(s3::key(key, secret))
    }
}

impl Auth for Keys {
    fn apply<'a>(
        &'a self,
        request: &'a mut Request<Full<Bytes>>,
        body: &'a [u8],
        place: CallPlace<'a>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            let time = tape::now();
            let manner =
                s3::Manner { region: place.region, name: "s3", time, s3: true, unsigned_body: false };
            s3::sign(request, body, &self.0, manner).map_err(|why| CallError::new(Class::Input, place, why))
        })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys([redacted])")
    }
}

/// Where all Spaces are, if not at hosts of DigitalOcean: an address with the region in it.
pub(crate) fn check_endpoint(address: Option<&str>) -> Result<(), Failure> {
    if address.is_none_or(|address| address.trim().is_empty() || address.contains(REGION)) {
        return Ok(());
    }
    let told = format!("{ENDPOINT} is the address of one region, but those of all regions are asked");
    Err(config_fault(told, format!("write it like https://{REGION}.host.example")).into())
}

/// Lists the Spaces of all regions.
pub(crate) struct Spaces;

impl Hook for Spaces {
    fn name(&self) -> &'static str {
        "spaces"
    }

    fn collect<'a>(
        &'a self,
        context: Context<'a>,
        _plan: &'static KindPlan,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async move {
            if !context.own::<Own>().is_some_and(|own| own.has_keys) {
                return Ok(Vec::new());
            }
            let regions = context.regions().all().map(|(region, _)| region);
            let regions: Vec<RegionIndex> = regions.filter(|region| *region != RegionIndex::GLOBAL).collect();
            let asked = gather(AT_ONCE, regions, |region| {
                Box::pin(async move { Ok(of_region(context.at(region)).await) })
            });
            told(context, asked.await?).await
        })
    }
}

async fn of_region(context: Context<'_>) -> Result<Vec<Value>, CallError> {
    let answer = context.ask(SERVICE, "ListBuckets").raw().await?;
    let buckets = answer["Buckets"].as_array().cloned().unwrap_or_default();
    let region = &context.region().id;
    Ok(buckets
        .into_iter()
        .filter(Value::is_object)
        .map(|mut bucket| {
            bucket["region"] = region.as_str().into();
            bucket
        })
        .collect())
}

/// Not every region has Spaces, and nobody tells which: those without have no host. Where no region has one, it is the name
/// servers, or a proxy.
async fn told(
    context: Context<'_>,
    asked: Vec<Result<Vec<Value>, CallError>>,
) -> Result<Vec<Value>, Failure> {
    let any = asked.iter().any(|answer| !answer.as_ref().is_err_and(|error| error.has_code(&NO_HOST)));
    let mut found = Vec::new();
    for answer in asked {
        match answer {
            Ok(spaces) => found.extend(spaces),
            Err(error) if any && error.has_code(&NO_HOST) => {}
            // To the region itself other things belong, which were read.
            Err(error) => context.failed(error).await?,
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_spaces_names_the_region() {
        for good in
            [None, Some(""), Some("https://{{.Region}}.spaces.example"), Some("http://127.0.0.1/{{.Region}}")]
        {
            assert!(check_endpoint(good).is_ok(), "{good:?}");
        }
        assert!(check_endpoint(Some("https://fra1.digitaloceanspaces.com")).is_err());
    }

    #[test]
    fn keys_are_not_shown() {
        assert_eq!(format!("{:?}", Keys::new(("key", "s3cret"))), "Keys([redacted])");
    }
}
