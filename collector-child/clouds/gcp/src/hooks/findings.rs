//! Findings of the Security Command Center, at the resources that they are about.

use std::sync::Mutex;

use engine::Named;
use engine::hooks::prelude::*;
use engine::lock;

/// Their name in `collect` and `no_collect`: they are no nodes, but part of others.
const KIND: &str = "gcp_scc_finding";
const PROVIDER: &str = "google_cloud_platform";
const ACTIVE: &str = "state=\"ACTIVE\"";

pub(super) struct Findings;

/// What was found, until all resources are there.
#[derive(Debug, Default)]
struct Found(Mutex<Vec<About>>);

/// A finding about a resource.
#[derive(Debug, PartialEq)]
struct About {
    name: String,
    /// What it is: `google.compute.Instance`, if that is told.
    kind: Option<String>,
    location: Option<String>,
    finding: Value,
}

impl Hook for Findings {
    fn name(&self) -> &'static str {
        "findings"
    }

    fn ahead<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if !context.wanted().collects(KIND) {
                return Ok(());
            }
            let parent = format!("projects/{}/sources/-", context.account().id);
            let ask = context.ask("securitycenter", "projects.sources.findings.list").with("parent", parent);
            let told = ask.with("filter", ACTIVE).all("listFindingsResults").await?;
            *lock(&context.shared::<Found>().0) = told.iter().filter_map(about).collect();
            Ok(())
        })
    }

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            for about in std::mem::take(&mut *lock(&context.shared::<Found>().0)) {
                if let Some(node) = resource(context, &about) {
                    let assessment = json!({"provider": PROVIDER, "findings": [about.finding]});
                    context.graph(|graph| graph.assess(node, assessment));
                }
            }
            Ok(())
        })
    }
}

fn about(told: &Value) -> Option<About> {
    let (finding, resource) = (&told["finding"], &told["resource"]);
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let source = &finding["sourceProperties"];
    let members = [
        ("title", source["Explanation"].clone()),
        ("severity", severity(finding["severity"].as_str()).into()),
        ("description", finding["description"].clone()),
        ("remediation", source["Recommendation"].clone()),
        ("updated_at", finding["eventTime"].as_str().and_then(seconds).into()),
        ("details", source.clone()),
    ];
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    Some(About {
        name: text(&resource["displayName"])?,
        kind: text(&resource["type"]),
        location: text(&resource["location"]),
        finding: members.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into(),
    })
}

fn severity(told: Option<&str>) -> &'static str {
    match told {
        Some("CRITICAL") => "critical",
        Some("HIGH") => "high",
        Some("LOW") => "low",
        Some("MEDIUM") => "medium",
        _ => "info",
    }
}

/// A time without fractions of a second.
fn seconds(time: &str) -> Option<String> {
    let time: jiff::Timestamp = time.parse().ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// The resource of a name in its place; what is in no place is the project.
fn resource(context: Context<'_>, about: &About) -> Option<NodeIndex> {
    let Some(location) = &about.location else {
        return (about.name == context.account().id).then(|| context.account_node());
    };
    let place = context.regions().named(location, false)?;
    context.graph(|graph| {
        let region = match place {
            Named::Region(region) => region,
            Named::Zone(zone) => context.regions().zone(zone).region,
        };
        let is_there = |home: Home| match (place, home) {
            (Named::Zone(zone), Home::Zone { zone: own, .. }) => own == zone,
            (Named::Zone(_), _) => false,
            (Named::Region(region), home) => home.region() == Some(region),
        };
        let kind = about.kind.as_deref().map(kind);
        let wanted = kind.as_deref().unwrap_or("gcp_instance");
        let mut found = None;
        for target in [Target::Kind(wanted), Target::Any] {
            for by in [Lookup::Id, Lookup::Name] {
                let node = graph.find(target, &by, &about.name, Some(region), false);
                found = found.or(node.filter(|node| is_there(graph.node(*node).home)));
            }
        }
        found
    })
}

/// The kind of a type: `gcp_instance` of `google.compute.Instance`. What is called otherwise is found by its name alone.
fn kind(told: &str) -> String {
    let name = told.rsplit('.').next().unwrap_or(told);
    let mut kind = String::from("gcp");
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            kind.push('_');
        }
        kind.push(letter.to_ascii_lowercase());
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_what_is_wrong_and_what_to_do() {
        let told = json!({
            "finding": {
                "severity": "HIGH",
                "description": "d",
                "eventTime": "2024-05-01T10:00:00.123Z",
                "sourceProperties": {"Recommendation": "r", "Explanation": "e"},
            },
            "resource": {"displayName": "web", "type": "google.compute.Instance", "location": "a-b"},
        });
        let made = about(&told).unwrap();
        assert_eq!((made.name.as_str(), made.location.as_deref()), ("web", Some("a-b")));
        let finding = json!({
            "title": "e",
            "severity": "high",
            "description": "d",
            "remediation": "r",
            "updated_at": "2024-05-01T10:00:00Z",
            "details": {"Recommendation": "r", "Explanation": "e"},
        });
        assert_eq!(made.finding, finding);
        assert_eq!(about(&json!({"finding": {}, "resource": {}})), None);
    }

    #[test]
    fn kinds_are_called_like_their_types() {
        assert_eq!(kind("google.compute.Instance"), "gcp_instance");
        assert_eq!(kind("google.compute.InstanceGroup"), "gcp_instance_group");
    }
}
