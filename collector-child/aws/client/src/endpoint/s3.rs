//! Buckets: part of the host name or of the path, and in another region than was thought.

use aws_shapes::{Answer as Refusal, ServiceError};

use super::Endpoint;

/// Moves the bucket from the path into the host name, where it may stand there: names that are valid in DNS,
/// without dots (certificates cover one level only), and hosts that are AWS's own.
pub(crate) fn address_bucket(endpoint: &mut Endpoint, path: &mut String, bucket: &str) {
    if endpoint.custom || !fits_host(bucket) {
        return;
    }
    let Some(rest) = path.strip_prefix('/').and_then(|path| path.strip_prefix(bucket)) else { return };
    let key = match rest {
        "" => "/".to_owned(),
        rest if rest.starts_with('/') => rest.to_owned(),
        _ => return,
    };
    endpoint.authority = format!("{bucket}.{}", endpoint.authority);
    *path = key;
}

fn fits_host(bucket: &str) -> bool {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|c| inner(c) || c == b'-')
        && bucket.bytes().next().is_some_and(inner)
        && bucket.bytes().last().is_some_and(inner)
}

/// The region that an answer says the bucket is in, if that was the trouble.
pub(crate) fn region_told<'a>(
    status: u16,
    header: Option<&'a str>,
    refusal: Option<&'a Refusal>,
) -> Option<&'a str> {
    let error = match refusal {
        Some(Refusal::Error(error)) => Some(error),
        Some(Refusal::Garbage(_)) | None => None,
    };
    let code = error.map_or("", |error| error.code.as_str());
    let redirected = matches!(status, 301 | 302 | 307 | 308)
        || matches!(code, "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException")
        // HEAD has no body to say it with.
        || (status == 400 && matches!(code, "400" | "BadRequest") && header.is_some());
    if !redirected {
        return None;
    }
    let region =
        header.or_else(|| error.and_then(|error| error.detail("Region"))).or_else(|| in_endpoint(error?));
    region.filter(|region| plausible(region))
}

/// `bucket.s3.eu-west-1.amazonaws.com` or `bucket.s3-eu-west-1.amazonaws.com`.
fn in_endpoint(error: &ServiceError) -> Option<&str> {
    let labels = error.detail("Endpoint")?.split('.');
    labels
        .map(|label| label.trim_start_matches("s3-"))
        .find(|label| label.matches('-').count() >= 2 && label.ends_with(|c: char| c.is_ascii_digit()))
}

/// It becomes part of a host name that is sent a signature.
fn plausible(region: &str) -> bool {
    (5..=32).contains(&region.len())
        && region.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addressed(bucket: &str, path: &str, custom: bool) -> (String, String) {
        let mut endpoint = Endpoint { custom, ..Endpoint::sample("s3.eu-west-1.amazonaws.com") };
        let mut path = path.to_owned();
        address_bucket(&mut endpoint, &mut path, bucket);
        (endpoint.authority, path)
    }

    #[test]
    fn a_bucket_is_part_of_the_host_name_where_it_may_be() {
        let host = "s3.eu-west-1.amazonaws.com";
        for (bucket, path, custom, expected_host, expected_path) in [
            ("logs-1", "/logs-1", false, "logs-1.s3.eu-west-1.amazonaws.com", "/"),
            ("logs-1", "/logs-1/a/b", false, "logs-1.s3.eu-west-1.amazonaws.com", "/a/b"),
            ("logs", "/logs-1/a", false, host, "/logs-1/a"),
            ("my.logs", "/my.logs", false, host, "/my.logs"),
            ("Logs", "/Logs", false, host, "/Logs"),
            ("lo", "/lo", false, host, "/lo"),
            ("logs-", "/logs-", false, host, "/logs-"),
            ("logs-1", "/logs-1", true, host, "/logs-1"),
        ] {
            let expected = (expected_host.to_owned(), expected_path.to_owned());
            assert_eq!(addressed(bucket, path, custom), expected, "{bucket}");
        }
    }

    fn refusal(code: &str, status: u16, details: &[(&str, &str)]) -> Refusal {
        let details = details.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (code, message) = (code.to_owned(), String::new());
        Refusal::Error(ServiceError { code, message, status, request_id: None, details })
    }

    #[test]
    fn the_region_of_a_bucket_is_read_wherever_it_is_told() {
        let moved = refusal("PermanentRedirect", 301, &[("Endpoint", "b.s3.eu-west-1.amazonaws.com")]);
        assert_eq!(region_told(301, Some("eu-west-2"), Some(&moved)), Some("eu-west-2"));
        assert_eq!(region_told(301, None, Some(&moved)), Some("eu-west-1"));
        let old = refusal("PermanentRedirect", 301, &[("Endpoint", "b.s3-us-west-2.amazonaws.com")]);
        assert_eq!(region_told(301, None, Some(&old)), Some("us-west-2"));
        let malformed = refusal("AuthorizationHeaderMalformed", 400, &[("Region", "eu-north-1")]);
        assert_eq!(region_told(400, None, Some(&malformed)), Some("eu-north-1"));
        assert_eq!(region_told(400, Some("eu-west-3"), Some(&refusal("400", 400, &[]))), Some("eu-west-3"));
    }

    #[test]
    fn other_answers_tell_nothing() {
        let denied = refusal("AccessDenied", 403, &[]);
        assert_eq!(region_told(403, Some("eu-west-1"), Some(&denied)), None);
        assert_eq!(region_told(200, Some("eu-west-1"), None), None);
        for odd in ["evil.example.com/", "x", "EU-WEST-1"] {
            assert_eq!(region_told(301, Some(odd), None), None, "{odd}");
        }
    }
}
