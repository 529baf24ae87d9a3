//! The lines that the supervisor writes itself: edges and deferred edges.

use ipc_proto::graph::{DeferredEdge, Edge, EdgeType, Selector};
use thiserror::Error;

use crate::id::{CompactId, IdError};
use crate::json::{JsonError, Scanner};

/// The longest search of a deferred edge in bytes.
pub const MAX_SEARCH: usize = 4 << 10;
/// The longest `reported` of an edge in bytes.
pub const MAX_EDGE_REPORTED: usize = 1 << 20;

/// Why an edge is refused. The fault is always the collector's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EdgeError {
    /// An end that is not an id.
    #[error(transparent)]
    Id(#[from] IdError),
    /// Only iam edges may have properties.
    #[error("an edge of type {0:?} has properties, which only iam edges may have")]
    Reported(&'static str),
    /// The properties are not an object.
    #[error("the properties of an iam edge are not a valid JSON object: {0}")]
    Json(#[from] JsonError),
    /// Above [`MAX_EDGE_REPORTED`].
    #[error("the properties of an iam edge have {0} bytes, above the limit of {MAX_EDGE_REPORTED}")]
    TooLong(usize),
    /// An empty search, or one above [`MAX_SEARCH`].
    #[error("the search of a deferred edge has {0} bytes; 1 to {MAX_SEARCH} are allowed")]
    Search(usize),
}

/// The compact ends of `edge`, whose parts are all fit for [`push_edge`].
pub(crate) fn check_edge(edge: &Edge<'_>) -> Result<[CompactId; 2], EdgeError> {
    match (edge.edge_type, edge.reported) {
        (_, None) => {}
        (EdgeType::Iam, Some(reported)) if reported.len() > MAX_EDGE_REPORTED => {
            return Err(EdgeError::TooLong(reported.len()));
        }
        (EdgeType::Iam, Some(reported)) => check_object(reported)?,
        (EdgeType::Default | EdgeType::Delete, Some(_)) => {
            return Err(EdgeError::Reported(edge.edge_type.name()));
        }
    }
    Ok([CompactId::parse(edge.from)?, CompactId::parse(edge.to)?])
}

fn check_object(json: &[u8]) -> Result<(), JsonError> {
    let mut scanner = Scanner::new(json)?;
    scanner.object::<JsonError>(|scanner, _| scanner.value(1))?;
    scanner.end()
}

/// Writes the line of a checked edge. Ids need no escapes: their characters are bounded.
pub(crate) fn push_edge(out: &mut Vec<u8>, edge: &Edge<'_>) {
    for part in [r#"{"from": ""#, edge.from, r#"", "to": ""#, edge.to, r#"""#] {
        out.extend_from_slice(part.as_bytes());
    }
    if edge.edge_type != EdgeType::Default {
        for part in [r#", "edge_type": ""#, edge.edge_type.name(), r#"""#] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    if let Some(reported) = edge.reported {
        out.extend_from_slice(br#", "reported": "#);
        out.extend_from_slice(reported);
    }
    out.extend_from_slice(b"}\n");
}

/// The line of a deferred edge that takes the place of the edge in `line`, which [`push_edge`] has written.
pub(crate) fn deferred_from_edge(line: &str) -> Option<String> {
    let rest = line.strip_prefix(r#"{"from": ""#)?;
    let (from, rest) = rest.split_once(r#"", "to": ""#)?;
    let (to, rest) = rest.split_once('"')?;
    let (edge_type, rest) = match rest.strip_prefix(r#", "edge_type": ""#) {
        Some(rest) => rest.split_once('"')?,
        None => (EdgeType::Default.name(), rest),
    };
    Some(format!(
        r#"{{"from_selector": {{"node_id": "{from}"}}, "to_selector": {{"node_id": "{to}"}}, "edge_type": "{edge_type}"{rest}"#
    ))
}

/// The compact ids in the selectors of `edge`.
pub(crate) fn check_deferred(edge: &DeferredEdge<'_>) -> Result<[Option<CompactId>; 2], EdgeError> {
    let check = |selector| match selector {
        Selector::NodeId(id) => Ok(Some(CompactId::parse(id)?)),
        Selector::Search(search) if search.is_empty() || search.len() > MAX_SEARCH => {
            Err(EdgeError::Search(search.len()))
        }
        Selector::Search(_) => Ok(None),
    };
    Ok([check(edge.from)?, check(edge.to)?])
}

/// Writes the line of a checked deferred edge.
pub(crate) fn push_deferred(out: &mut Vec<u8>, edge: &DeferredEdge<'_>) {
    out.extend_from_slice(br#"{"from_selector": "#);
    push_selector(out, edge.from);
    out.extend_from_slice(br#", "to_selector": "#);
    push_selector(out, edge.to);
    for part in [r#", "edge_type": ""#, edge.edge_type.name(), "\"}\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

fn push_selector(out: &mut Vec<u8>, selector: Selector<'_>) {
    let (key, text) = match selector {
        Selector::NodeId(id) => ("node_id", id),
        Selector::Search(search) => ("search_criteria", search),
    };
    let text = serde_json::Value::from(text).to_string();
    for part in ["{\"", key, "\": ", &text, "}"] {
        out.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0jeoEqhN7OMxv1dWmYQohg";
    const B: &str = "27C24lN1MusHq2K-di8EpA";

    fn edge(edge_type: EdgeType, reported: Option<&'static str>) -> Edge<'static> {
        Edge { from: A, to: B, edge_type, reported: reported.map(str::as_bytes) }
    }

    fn line(edge: &Edge<'_>) -> String {
        check_edge(edge).unwrap();
        let mut out = Vec::new();
        push_edge(&mut out, edge);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn edges_look_as_the_peer_writes_them() {
        assert_eq!(line(&edge(EdgeType::Default, None)), format!("{{\"from\": \"{A}\", \"to\": \"{B}\"}}\n"));
        assert_eq!(
            line(&edge(EdgeType::Iam, Some(r#"{"actions": ["a\n"]}"#))),
            format!(
                "{{\"from\": \"{A}\", \"to\": \"{B}\", \"edge_type\": \"iam\", \"reported\": {{\"actions\": [\"a\\n\"]}}}}\n"
            )
        );
    }

    #[test]
    fn an_edge_becomes_a_deferred_edge_with_all_it_has() {
        for edge in [
            edge(EdgeType::Default, None),
            edge(EdgeType::Delete, None),
            edge(EdgeType::Iam, Some(r#"{"a": "\"}"}"#)),
        ] {
            let line = line(&edge);
            let deferred = deferred_from_edge(&line).unwrap();
            let json: serde_json::Value = serde_json::from_str(&deferred).unwrap();
            assert_eq!(json["from_selector"]["node_id"], A);
            assert_eq!(json["to_selector"]["node_id"], B);
            assert_eq!(json["edge_type"], edge.edge_type.name());
            assert_eq!(json.get("reported").is_some(), edge.reported.is_some());
            assert!(deferred.ends_with("}\n"));
        }
    }

    #[test]
    fn properties_are_checked() {
        assert_eq!(check_edge(&edge(EdgeType::Default, Some("{}"))), Err(EdgeError::Reported("default")));
        for broken in ["[]", "{", "{}{}", "{\"a\":\n1}", "null", "{\"a\": NaN}"] {
            assert!(
                matches!(check_edge(&edge(EdgeType::Iam, Some(broken))), Err(EdgeError::Json(_))),
                "{broken}"
            );
        }
        assert!(check_edge(&Edge { from: "a\"b", ..edge(EdgeType::Iam, None) }).is_err());
    }

    #[test]
    fn a_search_is_escaped_and_bounded() {
        let deferred = |search| DeferredEdge {
            from: Selector::NodeId(A),
            to: Selector::Search(search),
            edge_type: EdgeType::Default,
        };
        let search = "reported.arn==\"x\\y\" and \u{1}\n";
        check_deferred(&deferred(search)).unwrap();
        let mut out = Vec::new();
        push_deferred(&mut out, &deferred(search));
        assert_eq!(out.split(|byte| *byte == b'\n').count(), 2);
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(json["to_selector"]["search_criteria"], search);
        assert_eq!(check_deferred(&deferred("")), Err(EdgeError::Search(0)));
        let long = "x".repeat(MAX_SEARCH + 1);
        let too_long = DeferredEdge { to: Selector::Search(&long), ..deferred("x") };
        assert_eq!(check_deferred(&too_long), Err(EdgeError::Search(MAX_SEARCH + 1)));
    }
}
