//! Messages to fixcore about an action.

use jiff::{Timestamp, Unit};
use serde_json::{Map, Value, json};

use super::action::Action;

/// Fixcore's users see messages of at most this many characters.
const MAX_MESSAGE: usize = 500;
/// Longer texts are cut after so many messages.
const MAX_PIECES: usize = 20;

/// How bad it is. An error is also an event `error` on fixcore's bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For information.
    Info,
    /// Something failed.
    Error,
}

/// How far something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// One thing.
    Done {
        /// Its name.
        name: String,
        /// Where it hangs: cloud, account, ...
        path: Vec<String>,
        /// At most `total`.
        current: u64,
        /// At least 1.
        total: u64,
    },
    /// Several things at once.
    Tree {
        /// Its name.
        name: String,
        /// Where it hangs.
        path: Vec<String>,
        /// The things in it.
        parts: Vec<Progress>,
    },
}

impl Progress {
    /// In the peer's form; numbers that fixcore would refuse are made to fit.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        let (kind, name, path) = match self {
            Self::Done { name, path, .. } => ("progress", name, path),
            Self::Tree { name, path, .. } => ("tree", name, path),
        };
        object.insert("kind".to_owned(), kind.into());
        object.insert("name".to_owned(), name.as_str().into());
        if !path.is_empty() {
            object.insert("path".to_owned(), path.as_slice().into());
        }
        match self {
            Self::Done { current, total, .. } => {
                let total = (*total).max(1);
                object.insert("current".to_owned(), (*current).min(total).into());
                object.insert("total".to_owned(), total.into());
            }
            Self::Tree { parts, .. } => {
                object.insert("parts".to_owned(), parts.iter().map(Self::to_json).collect());
            }
        }
        Value::Object(object)
    }
}

/// The result of an action that worked.
pub fn done(action: &Action) -> String {
    json!({"kind": "action_done", "message_type": action.message_type, "data": action.data}).to_string()
}

/// The result of an action that failed.
pub fn error(action: &Action, message: &str) -> String {
    let mut data = action.data.clone();
    data.insert("error".to_owned(), message.into());
    json!({"kind": "action_error", "message_type": action.message_type, "data": data}).to_string()
}

/// A message for the users of fixcore: `[context] text`, in as many pieces as its length asks for.
pub fn info(action: &Action, level: Level, context: &[String], message: &str) -> Vec<String> {
    let level = match level {
        Level::Info => "info",
        Level::Error => "error",
    };
    let prefix = if context.is_empty() { String::new() } else { format!("[{}] ", context.join(":")) };
    let text = |piece: String| {
        let data = json!({
            "task": action.key.task,
            "step": action.key.step,
            "level": level,
            "message": format!("{prefix}{piece}"),
        });
        json!({"kind": "action_info", "message_type": action.message_type, "data": data}).to_string()
    };
    pieces(message).into_iter().map(text).collect()
}

/// How far an action is.
pub fn progress(action: &Action, context: &[String], progress: &Progress, at: Timestamp) -> String {
    let at = at.round(Unit::Second).unwrap_or(at);
    let data = json!({
        "task": action.key.task,
        "step": action.key.step,
        "context": context,
        "progress": progress.to_json(),
        "at": at.to_string(),
    });
    json!({"kind": "action_progress", "message_type": action.message_type, "data": data}).to_string()
}

/// Pieces of at most 500 characters, cut at a blank if there is one in the second half.
fn pieces(message: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = message.trim();
    while let Some((limit, _)) = rest.char_indices().nth(MAX_MESSAGE) {
        if pieces.len() == MAX_PIECES - 1 {
            let end = rest.char_indices().nth(MAX_MESSAGE - 3).map_or(limit, |(at, _)| at);
            pieces.push(format!("{}...", &rest[..end]));
            return pieces;
        }
        let blank = rest[..limit].rfind(char::is_whitespace).filter(|at| *at > limit / 2);
        let (piece, tail) = rest.split_at(blank.unwrap_or(limit));
        pieces.push(piece.trim_end().to_owned());
        rest = tail.trim_start();
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(rest.to_owned());
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn action() -> Action {
        let data = json!({"timing": {"collect": {"started_at": 1.5}}, "task": "t", "step": "s", "odd": [null, 1e300]});
        Action::new("collect", data.as_object().unwrap().clone()).unwrap()
    }

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn results_carry_the_data_unmodified() {
        let expected = json!({"kind": "action_done", "message_type": "collect", "data": action().data});
        assert_eq!(parsed(&done(&action())), expected);
        assert!(
            done(&action())
                .contains(r#"{"timing":{"collect":{"started_at":1.5}},"task":"t","step":"s","odd""#)
        );
        let failed = parsed(&error(&action(), "Failed to collect: no"));
        assert_eq!(failed["kind"], "action_error");
        assert_eq!(failed["data"]["error"], "Failed to collect: no");
        assert_eq!(failed["data"]["odd"], json!([null, 1e300]));
    }

    #[test]
    fn info_has_the_form_of_the_peer() {
        let context = ["aws".to_owned(), "acc (1)".to_owned()];
        let texts = info(&action(), Level::Error, &context, "it failed");
        let data = json!({"task": "t", "step": "s", "level": "error", "message": "[aws:acc (1)] it failed"});
        assert_eq!(
            texts.iter().map(|t| parsed(t)).collect::<Vec<_>>(),
            [json!({"kind": "action_info", "message_type": "collect", "data": data})]
        );
        assert_eq!(parsed(&info(&action(), Level::Info, &[], "")[0])["data"]["message"], "");
    }

    #[test]
    fn long_messages_are_cut_at_blanks_and_end() {
        let words = "word ".repeat(150);
        let cut = pieces(&words);
        assert!(cut.iter().all(|p| p.chars().count() <= MAX_MESSAGE && p.ends_with("word")), "{cut:?}");
        assert_eq!(cut.join(" "), words.trim());
        let endless = pieces(&"ä".repeat(100_000));
        assert_eq!(endless.len(), MAX_PIECES);
        assert!(endless.last().unwrap().ends_with("..."));
    }

    #[test]
    fn progress_has_the_form_of_the_peer() {
        let one = Progress::Done { name: "example".into(), path: vec![], current: 0, total: 1 };
        let at: Timestamp = "2026-01-01T00:00:00.4Z".parse().unwrap();
        let text = progress(&action(), &[], &one, at);
        assert_eq!(
            text,
            r#"{"kind":"action_progress","message_type":"collect","data":{"task":"t","step":"s","context":[],"progress":{"kind":"progress","name":"example","current":0,"total":1},"at":"2026-01-01T00:00:00Z"}}"#
        );
        let odd = Progress::Done { name: "x".into(), path: vec!["aws".into()], current: 7, total: 0 };
        let tree = Progress::Tree { name: "aws".into(), path: vec![], parts: vec![odd] };
        assert_eq!(
            tree.to_json(),
            json!({"kind": "tree", "name": "aws", "parts": [
                {"kind": "progress", "name": "x", "path": ["aws"], "current": 1, "total": 1}]})
        );
    }

    proptest! {
        #[test]
        fn any_text_is_cut_without_loss(text in "(\\PC| |\n){0,3000}") {
            let cut = pieces(&text);
            prop_assert!(cut.iter().all(|p| p.chars().count() <= MAX_MESSAGE));
            let solid = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(solid(&cut.concat()), solid(&text));
        }
    }
}
