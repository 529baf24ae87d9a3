//! What fixcore says when it refuses: the text `Error: <class>\nMessage: <text>`, or anything else if something
//! in between answers.

use std::fmt;

/// Texts longer than this are cut when shown.
const SHOWN: usize = 2_000;

/// The text of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CoreAnswer {
    /// The class of the error in fixcore, if the text has its form.
    pub class: Option<String>,
    /// The message, or all of the text.
    pub message: String,
}

impl CoreAnswer {
    /// Reads a body; bytes that are not UTF-8 are replaced.
    pub fn parse(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        let parsed = text.strip_prefix("Error: ").and_then(|rest| {
            let (class, rest) = rest.split_once('\n')?;
            Some((class.trim(), rest.strip_prefix("Message:")?.trim()))
        });
        match parsed {
            Some((class, message)) => Self { class: Some(class.to_owned()), message: message.to_owned() },
            None => Self { class: None, message: text.to_owned() },
        }
    }
}

impl fmt::Display for CoreAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(class) = &self.class {
            write!(f, "{class}: ")?;
        }
        let message = if self.message.is_empty() { "(no text)" } else { &self.message };
        match message.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{}...", &message[..end]),
            None => f.write_str(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_fixcore_is_taken_apart() {
        let a = CoreAnswer::parse(
            b"Error: ImportAborted\nMessage: AttributeError('No kind definition found for nope')\n",
        );
        assert_eq!(a.class.as_deref(), Some("ImportAborted"));
        assert_eq!(a.message, "AttributeError('No kind definition found for nope')");
        assert_eq!(a.to_string(), "ImportAborted: AttributeError('No kind definition found for nope')");
        let multi = CoreAnswer::parse(b"Error: KeyError\nMessage: one\ntwo");
        assert_eq!(multi.message, "one\ntwo");
    }

    #[test]
    fn other_texts_are_kept_as_they_are() {
        assert_eq!(CoreAnswer::parse(b"401: Unauthorized").to_string(), "401: Unauthorized");
        assert_eq!(CoreAnswer::parse(b"").to_string(), "(no text)");
        assert_eq!(CoreAnswer::parse(b"Error: x").message, "Error: x");
        assert_eq!(CoreAnswer::parse(&[0xff, b'a']).message, "\u{fffd}a");
        let long = CoreAnswer::parse("ä".repeat(SHOWN + 1).as_bytes()).to_string();
        assert_eq!(long.chars().count(), SHOWN + 3);
    }
}
