//! Buckets: part of the host name or of the path, and in another region than was thought.

use serde_json::Value;
use shapes::ServiceError;

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

/// What an answer says about where a bucket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing: where it is was not the trouble.
    Nothing,
    /// In this region.
    Region(String),
    /// In another region, but not in which.
    Elsewhere,
}

/// The parts of an answer that may name a region.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hints<'a> {
    pub(crate) status: u16,
    /// The header `x-amz-bucket-region`.
    pub(crate) header: Option<&'a str>,
    /// The header `location`.
    pub(crate) location: Option<&'a str>,
    pub(crate) error: Option<&'a ServiceError>,
}

/// What an answer that is an error says about where the bucket is.
pub(crate) fn region_told(hints: Hints<'_>) -> Told {
    let Hints { status, header, location, error } = hints;
    let code = error.map_or("", |error| error.code.as_str());
    let message = error.map_or("", |error| error.message.as_str());
    let redirected = matches!(status, 301 | 302 | 307 | 308)
        || matches!(
            code,
            "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException"
                | "PermanentRedirect"
                | "Redirect"
                | "TemporaryRedirect"
        );
    // An answer to HEAD has no body to say it with. And who asks in the wrong region may be denied there.
    if !redirected && !matches!(status, 400 | 403) {
        return Told::Nothing;
    }
    let detail = |name| error.and_then(|error| error.detail(name));
    let host = |address: &str| in_host(address.split("://").last().unwrap_or_default()).map(str::to_owned);
    let mut found = header.map(str::to_owned);
    if redirected {
        found = found
            .or_else(|| detail("Region").map(str::to_owned))
            .or_else(|| detail("Endpoint").and_then(host))
            .or_else(|| location.and_then(host))
            .or_else(|| in_message(message).map(str::to_owned));
    }
    match found.map(|region| location_region(&region)).filter(|region| plausible(region)) {
        Some(region) => Told::Region(region),
        None if redirected => Told::Elsewhere,
        None => Told::Nothing,
    }
}

/// Buckets with their regions, as far as an answer that is no error tells.
pub(crate) fn regions_in(operation: &str, bucket: Option<&str>, answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    match (operation, bucket) {
        ("ListBuckets", _) => {
            let buckets = answer.get("Buckets").and_then(Value::as_array).into_iter().flatten();
            buckets
                .filter_map(|bucket| Some((text(bucket, "Name")?, text(bucket, "BucketRegion")?)))
                .collect()
        }
        ("HeadBucket", Some(bucket)) => {
            text(answer, "BucketRegion").map(|region| (bucket.to_owned(), region)).into_iter().collect()
        }
        ("GetBucketLocation", Some(bucket)) => {
            let constraint = text(answer, "LocationConstraint").unwrap_or_default();
            vec![(bucket.to_owned(), location_region(&constraint))]
        }
        _ => Vec::new(),
    }
}

/// The region of a location constraint: the oldest region has none, and `EU` was a region once.
pub(crate) fn location_region(constraint: &str) -> String {
    match constraint {
        "" | "US" => "us-east-1".to_owned(),
        "EU" => "eu-west-1".to_owned(),
        region => region.to_owned(),
    }
}

/// The region of a host of S3: `bucket.s3.eu-west-1.amazonaws.com`, `bucket.s3-eu-west-1.amazonaws.com`,
/// `s3.dualstack.eu-west-1.amazonaws.com/bucket`; without a region that of the oldest one.
fn in_host(address: &str) -> Option<&str> {
    let host = address.split(['/', '?', ':']).next().unwrap_or_default();
    let labels: Vec<&str> = host.split('.').collect();
    // Names of buckets may look like hosts, so it is the last one that counts.
    let at = labels.iter().rposition(|label| *label == "s3" || label.starts_with("s3-"))?;
    let words = ["fips", "dualstack", "website"];
    let of_label = labels[at].strip_prefix("s3").unwrap_or_default().trim_start_matches('-');
    let of_label =
        words.iter().fold(of_label, |label, word| label.trim_start_matches(*word).trim_start_matches('-'));
    let next = labels[at + 1..].iter().copied().find(|label| !words.contains(label));
    match (of_label, next) {
        ("external-1", _) | ("", Some("amazonaws")) => Some("us-east-1"),
        ("", next) => next,
        (region, _) => Some(region),
    }
}

/// The region in sentences like `the region 'us-east-1' is wrong; expecting 'eu-west-1'` and `The me-south-1 location
/// constraint is incompatible for the region specific endpoint this request was sent to.`
fn in_message(message: &str) -> Option<&str> {
    let expected = message.split_once("expecting '").and_then(|(_, rest)| rest.split('\'').next());
    let incompatible = || message.strip_prefix("The ")?.split_once(" location constraint is incompatible");
    expected.or_else(|| Some(incompatible()?.0).filter(|region| *region != "unspecified"))
}

/// Whether it may be a region: it becomes part of a host name that is sent a signature.
pub(crate) fn plausible(region: &str) -> bool {
    (5..=32).contains(&region.len())
        && region.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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

    fn told(status: u16, hints: Hints<'_>, code: &str, message: &str, details: &[(&str, &str)]) -> Told {
        let details = details.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (code, message) = (code.to_owned(), message.to_owned());
        let error = ServiceError { code, message, status, request_id: None, details };
        region_told(Hints { status, error: Some(&error), ..hints })
    }

    fn region(name: &str) -> Told {
        Told::Region(name.to_owned())
    }

    #[test]
    fn the_region_of_a_bucket_is_read_wherever_it_is_told() {
        let none = Hints::default();
        let header = Hints { header: Some("eu-west-2"), ..none };
        let endpoint = [("Endpoint", "b.s3.eu-west-1.amazonaws.com")];
        assert_eq!(told(301, header, "PermanentRedirect", "", &endpoint), region("eu-west-2"));
        assert_eq!(told(301, none, "PermanentRedirect", "", &endpoint), region("eu-west-1"));
        let wrong = [("Region", "eu-north-1")];
        assert_eq!(told(400, none, "AuthorizationHeaderMalformed", "", &wrong), region("eu-north-1"));
        let words =
            "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'ap-east-1'";
        assert_eq!(told(400, none, "AuthorizationHeaderMalformed", words, &[]), region("ap-east-1"));
        let words = "The me-south-1 location constraint is incompatible for the region specific endpoint this request was sent to.";
        assert_eq!(told(400, none, "IllegalLocationConstraintException", words, &[]), region("me-south-1"));
        let location = Hints { location: Some("https://b.s3-ap-southeast-2.amazonaws.com/?tagging"), ..none };
        assert_eq!(told(307, location, "TemporaryRedirect", "", &[]), region("ap-southeast-2"));
        // Answers to HEAD have no code, and a denial may come from the wrong region.
        assert_eq!(told(400, header, "400", "", &[]), region("eu-west-2"));
        assert_eq!(told(403, header, "AccessDenied", "", &[]), region("eu-west-2"));
    }

    #[test]
    fn regions_are_read_out_of_hosts() {
        for (host, region) in [
            ("b.s3.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("b.s3-us-west-2.amazonaws.com", Some("us-west-2")),
            ("my-logs-2.s3.eu-central-1.amazonaws.com", Some("eu-central-1")),
            ("www.s3.example.s3.eu-central-1.amazonaws.com", Some("eu-central-1")),
            ("s3.cn-north-1.amazonaws.com.cn/b", Some("cn-north-1")),
            ("b.s3.dualstack.us-west-2.amazonaws.com", Some("us-west-2")),
            ("b.s3-fips.dualstack.us-east-2.amazonaws.com", Some("us-east-2")),
            ("b.s3-fips-us-gov-west-1.amazonaws.com", Some("us-gov-west-1")),
            ("b.s3-website-us-east-1.amazonaws.com", Some("us-east-1")),
            ("b.s3-external-1.amazonaws.com", Some("us-east-1")),
            ("b.s3.amazonaws.com", Some("us-east-1")),
            ("example.com", None),
        ] {
            assert_eq!(in_host(host), region, "{host}");
        }
        assert_eq!((location_region(""), location_region("EU")), ("us-east-1".into(), "eu-west-1".into()));
    }

    #[test]
    fn regions_are_learned_from_answers() {
        let of = |operation, answer: Value| regions_in(operation, Some("b"), &answer);
        let b = |region: &str| vec![("b".to_owned(), region.to_owned())];
        let listed = json!({"Buckets": [{"Name": "b", "BucketRegion": "eu-north-1"}, {"Name": "old"}]});
        assert_eq!(of("ListBuckets", listed), b("eu-north-1"));
        assert_eq!(of("HeadBucket", json!({"BucketRegion": "ap-east-1"})), b("ap-east-1"));
        assert_eq!(of("GetBucketLocation", json!({"LocationConstraint": "eu-north-1"})), b("eu-north-1"));
        assert_eq!(of("GetBucketLocation", json!({"LocationConstraint": "EU"})), b("eu-west-1"));
        assert_eq!(of("GetBucketLocation", json!({})), b("us-east-1"));
        assert_eq!(of("GetBucketTagging", json!({"BucketRegion": "ap-east-1"})), []);
    }

    #[test]
    fn other_answers_tell_nothing() {
        let none = Hints::default();
        assert_eq!(told(403, none, "AccessDenied", "", &[]), Told::Nothing);
        assert_eq!(
            told(404, Hints { header: Some("eu-west-1"), ..none }, "NoSuchBucket", "", &[]),
            Told::Nothing
        );
        let words = "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.";
        assert_eq!(told(400, none, "IllegalLocationConstraintException", words, &[]), Told::Elsewhere);
        for odd in ["evil.example.com/", "x", "EU-WEST-1"] {
            let header = Hints { header: Some(odd), ..none };
            assert_eq!(told(301, header, "PermanentRedirect", "", &[]), Told::Elsewhere, "{odd}");
        }
    }
}
