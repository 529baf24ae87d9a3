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
            let (found, errors) = sorted(asked.await?);
            for error in errors {
                // To the region itself other things belong, which were read.
                context.failed(error).await?;
            }
            Ok(found)
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

/// Not every region has Spaces, and nobody tells which: those without have no host, which is worth a note. Where no region has
/// one, it is the name servers, or a proxy.
fn sorted(asked: Vec<Result<Vec<Value>, CallError>>) -> (Vec<Value>, Vec<CallError>) {
    let has_host = |answer: &Result<_, CallError>| !matches!(answer, Err(error) if error.has_code(&NO_HOST));
    let any = asked.iter().any(has_host);
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for answer in asked {
        match answer {
            Ok(spaces) => found.extend(spaces),
            Err(error) if any && error.has_code(&NO_HOST) => {
                errors.push(error.change(|trouble| trouble.class = Class::NoEndpoint));
            }
            Err(error) => errors.push(error),
        }
    }
    (found, errors)
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
    fn regions_without_a_host_have_no_spaces() {
        let place = CallPlace {
            account: "1",
            region: "r",
            service: SERVICE,
            operation: "ListBuckets",
            advisor: crate::cloud::advisor(),
        };
        let failed = |class, code: &str| {
            Err(CallError::new(class, place, "").change(|told| told.code = Some(code.to_owned())))
        };
        let no_host = || failed(Class::Network, "DnsFailure");
        let classes = |asked| sorted(asked).1.iter().map(|error| error.class).collect::<Vec<_>>();
        let (found, errors) = sorted(vec![Ok(vec![json!(1)]), no_host(), Ok(vec![json!(2)])]);
        assert_eq!((found, errors.len()), (vec![json!(1), json!(2)], 1));
        assert_eq!(classes(vec![Ok(Vec::new()), no_host()]), [Class::NoEndpoint]);
        // Who refuses has a host.
        let refused = || failed(Class::Service, "Refused");
        assert_eq!(classes(vec![refused(), no_host()]), [Class::Service, Class::NoEndpoint]);
        assert_eq!(classes(vec![no_host(), no_host()]), [Class::Network, Class::Network]);
    }

    #[test]
    fn keys_are_not_shown() {
        assert_eq!(format!("{:?}", Keys::new(("key", "s3cret"))), "Keys([redacted])");
    }
}
