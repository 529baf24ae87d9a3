//! An account with much of one thing: log groups with resource policies, snapshots, buckets of which one is slow.
//!
//! Answers are made when they are asked for. What is asked for besides is not there.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;

use super::wire::Asked;

const ACCOUNT: &str = "100000000001";
/// Log groups in one page: the service has no more.
const LOG_GROUPS: usize = 50;
const SNAPSHOTS: usize = 500;

/// How much there is of what.
#[derive(Debug, Default)]
pub(super) struct Estate {
    log_groups: usize,
    policies: usize,
    snapshots: usize,
    buckets: usize,
    /// So many of the calls about the first bucket are told to slow down, the first ones.
    slow: usize,
    slowed: AtomicUsize,
}

impl Estate {
    /// From `log-groups=50000,policies=10,snapshots=100000,buckets=11,slow=1`, in any order; what is not named is none.
    pub(super) fn new(text: &str) -> anyhow::Result<Self> {
        let mut estate = Self::default();
        for pair in text.split(',') {
            let (name, number) =
                pair.split_once('=').with_context(|| format!("`{pair}` is not NAME=NUMBER"))?;
            let place = match name {
                "log-groups" => &mut estate.log_groups,
                "policies" => &mut estate.policies,
                "snapshots" => &mut estate.snapshots,
                "buckets" => &mut estate.buckets,
                "slow" => &mut estate.slow,
                _ => anyhow::bail!("there is no `{name}`"),
            };
            *place = number.parse().with_context(|| format!("`{number}` is no number"))?;
        }
        Ok(estate)
    }

    /// A run begins.
    pub(super) fn begin(&self) {
        self.slowed.store(0, Ordering::Relaxed);
    }

    /// Status, type and body of the answer.
    pub(super) fn answer(&self, asked: &Asked) -> (u16, &'static str, String) {
        let [_, region, service] = asked.scope();
        let body = String::from_utf8_lossy(&asked.body);
        match service {
            "logs" => (200, JSON, self.logs(asked.header("x-amz-target"), &body, region)),
            "s3" => self.s3(&asked.target),
            _ => match parameter(&body, "Action").as_deref() {
                Some("DescribeSnapshots") => (200, XML, self.snapshots(&body)),
                Some("GetCallerIdentity") => (200, XML, identity()),
                Some(action) => (400, XML, error(&format!("NoSuchEntity{action}"))),
                None => (400, JSON, r#"{"__type": "AWSOrganizationsNotInUseException"}"#.to_owned()),
            },
        }
    }

    fn logs(&self, target: &str, body: &str, region: &str) -> String {
        let asked: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let arn = |name: &str| format!("arn:aws:logs:{region}:{ACCOUNT}:log-group:{name}:*");
        if target.ends_with("DescribeResourcePolicies") {
            let policy = |n: usize| {
                let resource = arn(&format!("/aws/service-{n}/*"));
                let statement = serde_json::json!({"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": resource});
                let document =
                    serde_json::json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
                serde_json::json!({"policyName": format!("policy-{n}"), "policyDocument": document})
            };
            return serde_json::json!({"resourcePolicies": (0..self.policies).map(policy).collect::<Vec<_>>()}).to_string();
        }
        let first = asked["nextToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or(0);
        let end = (first + LOG_GROUPS).min(self.log_groups);
        let group = |n: usize| {
            let name = format!("/aws/service-{}/group-{n}", n % 20);
            serde_json::json!({
                "logGroupName": name, "arn": arn(&name), "creationTime": 1_700_000_000_000_usize + n,
                "metricFilterCount": 0, "storedBytes": n, "logGroupClass": "STANDARD",
            })
        };
        let next = (end < self.log_groups).then(|| end.to_string());
        serde_json::json!({"logGroups": (first..end).map(group).collect::<Vec<_>>(), "nextToken": next})
            .to_string()
    }

    fn snapshots(&self, body: &str) -> String {
        let number = |name| parameter(body, name).and_then(|text| text.parse().ok());
        let first = number("NextToken").unwrap_or(0);
        // Without a size the service answers with all there is.
        let size = number("MaxResults").map_or(self.snapshots, |size: usize| size.min(SNAPSHOTS));
        let end = (first + size).min(self.snapshots);
        let mut text = String::from("<DescribeSnapshotsResponse><requestId>r</requestId><snapshotSet>");
        for n in first..end {
            _ = write!(
                text,
                "<item><snapshotId>snap-{n:017x}</snapshotId><volumeId>vol-{n:017x}</volumeId><status>completed</status>\
                 <startTime>2024-01-01T00:00:00.000Z</startTime><progress>100%</progress><ownerId>{ACCOUNT}</ownerId>\
                 <volumeSize>8</volumeSize><description>of the night</description><encrypted>false</encrypted>\
                 <tagSet><item><key>Name</key><value>backup-{n}</value></item><item><key>owner</key><value>nobody</value></item></tagSet></item>"
            );
        }
        text.push_str("</snapshotSet>");
        if end < self.snapshots {
            _ = write!(text, "<nextToken>{end}</nextToken>");
        }
        text + "</DescribeSnapshotsResponse>"
    }

    fn s3(&self, target: &str) -> (u16, &'static str, String) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let bucket = path.trim_matches('/');
        if bucket.is_empty() {
            let named = |n| {
                format!(
                    "<Bucket><Name>bucket-{n}</Name><CreationDate>2024-01-01T00:00:00.000Z</CreationDate></Bucket>"
                )
            };
            let buckets: String = (0..self.buckets).map(named).collect();
            return (
                200,
                XML,
                format!("<ListAllMyBucketsResult><Buckets>{buckets}</Buckets></ListAllMyBucketsResult>"),
            );
        }
        if bucket == "bucket-0" && self.slowed.fetch_add(1, Ordering::Relaxed) < self.slow {
            return (
                503,
                XML,
                "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
                    .to_owned(),
            );
        }
        let root = match query.split(['=', '&']).next().unwrap_or_default() {
            "policy" => return (200, JSON, r#"{"Version": "2012-10-17", "Statement": []}"#.to_owned()),
            "location" => "LocationConstraint",
            "tagging" => "Tagging",
            "encryption" => "ServerSideEncryptionConfiguration",
            "versioning" => "VersioningConfiguration",
            "publicAccessBlock" => "PublicAccessBlockConfiguration",
            "acl" => "AccessControlPolicy",
            "logging" => "BucketLoggingStatus",
            "lifecycle" => "LifecycleConfiguration",
            _ => return (404, XML, "<Error><Code>NoSuchKey</Code></Error>".to_owned()),
        };
        (200, XML, format!("<{root}></{root}>"))
    }
}

const JSON: &str = "application/x-amz-json-1.1";
const XML: &str = "text/xml";

fn identity() -> String {
    format!(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/x</Arn><UserId>U</UserId>\
         <Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
}

fn error(code: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>there is none</Message></Error></ErrorResponse>"
    )
}

/// A parameter of a form.
fn parameter(form: &str, name: &str) -> Option<String> {
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(known, _)| *known == name).map(|(_, value)| value.to_owned()).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(service: &str, target: &str, body: &str) -> Asked {
        let text = format!(
            "POST {target} HTTP/1.1\r\nauthorization: AWS4 Credential=K/1/eu-west-1/{service}/aws4_request\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        Asked::read(&mut text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn listings_have_pages() {
        let estate = Estate::new("log-groups=120,snapshots=7,policies=2").unwrap();
        let page = |token: &str| estate.answer(&asked("logs", "/", &format!("{{\"nextToken\": {token}}}"))).2;
        assert!(page("null").contains(r#""nextToken":"50""#));
        assert!(page("\"100\"").contains("group-119") && page("\"100\"").contains(r#""nextToken":null"#));
        let page =
            |rest: &str| estate.answer(&asked("ec2", "/", &format!("Action=DescribeSnapshots{rest}"))).2;
        assert_eq!(page("").matches("<snapshotId>").count(), 7);
        let second = page("&MaxResults=5&NextToken=5");
        assert_eq!((second.matches("<snapshotId>").count(), second.contains("nextToken")), (2, false));
        assert!(page("&MaxResults=5").contains("<nextToken>5</nextToken>"));
    }

    #[test]
    fn the_first_bucket_is_slow_for_a_while() {
        let estate = Estate::new("buckets=2,slow=1").unwrap();
        let status = |target: &str| estate.answer(&asked("s3", target, "")).0;
        assert_eq!(
            [status("/bucket-1?acl"), status("/bucket-0?acl"), status("/bucket-0?acl")],
            [200, 503, 200]
        );
        estate.begin();
        assert_eq!(status("/bucket-0?acl"), 503);
        assert!(Estate::new("bucket=2").is_err() && Estate::new("buckets=many").is_err());
    }
}
