//! What an answer to a merge request means.

use serde::Deserialize;

/// The longest text that is kept of an answer, in characters.
const MAX_TEXT: usize = 1000;

/// What a merge has changed in fixcore.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are fixcore's own and say it all")]
pub struct MergeCounters {
    pub nodes_created: u64,
    pub nodes_updated: u64,
    pub nodes_deleted: u64,
    pub edges_created: u64,
    pub edges_updated: u64,
    pub edges_deleted: u64,
}

/// What an answer means. Texts are fixcore's own words in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Merged; counters as far as they could be read.
    Landed(MergeCounters),
    /// Accepted, the outcome is not known.
    Queued,
    /// Something in the graph is wrong: the same bytes would be refused again.
    Rejected(String),
    /// A kind is missing in the model of the graph: upload the model and try again before blaming an account.
    ModelMissing(String),
    /// The graph is not there: fixcore was restarted empty, or somebody has deleted it.
    GraphMissing(String),
    /// The token was not accepted.
    Unauthorized(String),
    /// Another merge works on the same nodes, or a dead fixcore has left its mark.
    Conflict(String),
    /// Any other refusal in fixcore's form: known not to have been merged, perhaps because of the graph.
    Refused(String),
    /// Anything else, from fixcore or from something before it.
    Unavailable {
        /// What it says.
        text: String,
        /// It may come from a proxy that did not want to wait any longer: the merge may go on behind it.
        maybe_landed: bool,
    },
}

/// Sorts an answer by its status and the first part of its body.
pub fn classify(status: u16, body: &str) -> Verdict {
    let error = ErrorBody::parse(body);
    let text = error.text(status);
    match status {
        204 => Verdict::Queued,
        200..=299 => Verdict::Landed(serde_json::from_str(body).unwrap_or_default()),
        400 => error.verdict(text),
        401 => Verdict::Unauthorized(text),
        404 if error.class == "NoSuchGraph" => Verdict::GraphMissing(text),
        // A proxy with a limit on the body: less of it may pass.
        413 => Verdict::Rejected(text),
        408 | 502 | 504 => Verdict::Unavailable { text, maybe_landed: true },
        _ => Verdict::Unavailable { text, maybe_landed: false },
    }
}

/// `Error: <class>\nMessage: <message>`.
struct ErrorBody<'a> {
    class: &'a str,
    message: &'a str,
    whole: &'a str,
}

impl<'a> ErrorBody<'a> {
    fn parse(whole: &'a str) -> Self {
        let parsed = whole.strip_prefix("Error: ").and_then(|rest| rest.split_once("\nMessage: "));
        let (class, message) = parsed.unwrap_or_default();
        Self { class: class.trim(), message: message.trim(), whole: whole.trim() }
    }

    fn text(&self, status: u16) -> String {
        let text = match (self.class, self.message, self.whole) {
            ("", _, "") => format!("status {status} without a text"),
            ("", _, whole) => format!("status {status}: {whole}"),
            (class, "", _) => class.to_owned(),
            (class, message, _) => format!("{class}: {message}"),
        };
        let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        one_line.chars().take(MAX_TEXT).collect()
    }

    /// The merge runs in a process of its own, whose exception arrives as its Python representation inside of
    /// `ImportAborted`. Only the start of the message counts: behind it may be anything out of the graph.
    fn verdict(&self, text: String) -> Verdict {
        let import = self.class == "ImportAborted";
        let raised = |exception: &str| import && self.message.starts_with(exception);
        if raised("AttributeError('No kind definition found")
            || raised("AttributeError(\"No kind definition found")
        {
            Verdict::ModelMissing(text)
        } else if raised("AttributeError(")
            || raised("AssertionError(")
            || raised("JSONDecodeError")
            || self.class == "JSONDecodeError"
            || self.message.starts_with("Chunk too big")
        {
            Verdict::Rejected(text)
        } else if raised("ConflictingChangeInProgress") || self.class == "ConflictingChangeInProgress" {
            Verdict::Conflict(text)
        } else if raised("NoSuchGraph") {
            Verdict::GraphMissing(text)
        } else if self.class.is_empty() {
            Verdict::Unavailable { text, maybe_landed: false }
        } else {
            Verdict::Refused(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(message: &str) -> Verdict {
        classify(400, &format!("Error: ImportAborted\nMessage: {message}"))
    }

    #[test]
    fn the_body_decides() {
        assert!(matches!(
            import("AttributeError('No kind definition found for nope')"),
            Verdict::ModelMissing(_)
        ));
        assert!(matches!(
            import("AttributeError('Nodes are referenced in more than one merge node')"),
            Verdict::Rejected(_)
        ));
        assert!(matches!(
            import("AssertionError(\"Given subgraph has more than one root: ['a']\")"),
            Verdict::Rejected(_)
        ));
        assert!(matches!(import("JSONDecodeError('Expecting value: line 1')"), Verdict::Rejected(_)));
        assert!(matches!(classify(400, "Error: ValueError\nMessage: Chunk too big"), Verdict::Rejected(_)));
        assert!(matches!(
            import("ConflictingChangeInProgress('Conflicting change in progress: x!')"),
            Verdict::Conflict(_)
        ));
        assert!(matches!(
            import("Merge process did not receive any data for more than 90 seconds. Abort."),
            Verdict::Refused(_)
        ));
        assert!(matches!(import("TypeError('object of type NoneType has no len()')"), Verdict::Refused(_)));
        assert!(matches!(
            classify(404, "Error: NoSuchGraph\nMessage: No graph with this name fix"),
            Verdict::GraphMissing(_)
        ));
        assert!(matches!(classify(404, "404: Not Found"), Verdict::Unavailable { maybe_landed: false, .. }));
        assert!(matches!(classify(401, "401: Unauthorized"), Verdict::Unauthorized(_)));
        assert!(matches!(classify(413, "<html>too large</html>"), Verdict::Rejected(_)));
        assert!(matches!(classify(504, "<html>"), Verdict::Unavailable { maybe_landed: true, .. }));
        for status in [429, 500, 503, 302, 418] {
            assert!(
                matches!(classify(status, ""), Verdict::Unavailable { maybe_landed: false, .. }),
                "{status}"
            );
        }
        assert_eq!(classify(204, ""), Verdict::Queued);
    }

    #[test]
    fn words_of_the_graph_do_not_decide() {
        let foreign =
            "AttributeError('name ConflictingChangeInProgress is not valid; No kind definition found for x')";
        assert!(matches!(import(foreign), Verdict::Rejected(_)));
        assert!(matches!(import("KeyError('AttributeError(')"), Verdict::Refused(_)));
        assert!(matches!(classify(400, "<h1>AttributeError(</h1>"), Verdict::Unavailable { .. }));
    }

    #[test]
    fn texts_are_one_bounded_line() {
        let Verdict::Rejected(text) = import(&format!("AttributeError('a\n b{}')", "x".repeat(5000))) else {
            panic!("a rejection is expected");
        };
        assert!(text.starts_with("ImportAborted: AttributeError('a b"), "{text}");
        assert_eq!(text.chars().count(), MAX_TEXT);
        let Verdict::Unavailable { text, .. } = classify(500, "") else { panic!("unavailable is expected") };
        assert_eq!(text, "status 500 without a text");
    }

    #[test]
    fn counters_are_read_as_far_as_they_are_there() {
        let Verdict::Landed(counters) =
            classify(200, r#"{"nodes_created": 3, "edges_deleted": 4, "new": 1}"#)
        else {
            panic!("a landing is expected");
        };
        assert_eq!(
            counters,
            MergeCounters { nodes_created: 3, edges_deleted: 4, ..MergeCounters::default() }
        );
        assert_eq!(classify(200, "ok"), Verdict::Landed(MergeCounters::default()));
    }
}
