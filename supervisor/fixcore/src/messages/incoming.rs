//! Messages of fixcore on the message bus (`/events` and `/subscriber/.../handle`).

use serde::Deserialize;
use serde_json::{Map, Value};

use super::action::{Action, ActionKey};

/// A message of fixcore.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// Something to do.
    Action(Action),
    /// Fixcore has ended this step; nobody waits for an answer.
    Abort(ActionKey),
    /// Something happened.
    Event {
        /// Its name, for example `config-updated`.
        message_type: String,
        /// Its data.
        data: Map<String, Value>,
    },
    /// Known or not, it is not for us.
    Other {
        /// What fixcore calls it.
        kind: String,
    },
}

#[derive(Deserialize)]
struct Envelope {
    kind: String,
    #[serde(default)]
    message_type: String,
    #[serde(default)]
    data: Option<Map<String, Value>>,
}

impl Incoming {
    /// Reads a text; otherwise what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Envelope { kind, message_type, data } = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let data = data.unwrap_or_default();
        match kind.as_str() {
            "action" => Action::new(&message_type, data)
                .map(Self::Action)
                .ok_or_else(|| "an action without task or step".to_owned()),
            "action_abort" => Action::new(&message_type, data)
                .map(|action| Self::Abort(action.key))
                .ok_or_else(|| "an action_abort without task or step".to_owned()),
            "event" => Ok(Self::Event { message_type, data }),
            _ => Ok(Self::Other { kind }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_of_a_recorded_session_are_read() {
        let text = r#"{"kind": "action", "message_type": "collect", "data": {"timing": {}, "task": "e3a", "step": "collect"}}
"#;
        let Incoming::Action(action) = Incoming::parse(text).unwrap() else { panic!("not an action") };
        assert_eq!((action.message_type.as_str(), action.key.task.as_str()), ("collect", "e3a"));
        let abort = text.replace("\"action\"", "\"action_abort\"");
        assert_eq!(Incoming::parse(&abort).unwrap(), Incoming::Abort(action.key));
    }

    #[test]
    fn events_and_unknown_kinds_are_kept_apart() {
        let event =
            r#"{"kind":"event","message_type":"config-updated","data":{"id":"fix.worker","revision":"_r1"}}"#;
        let Incoming::Event { message_type, data } = Incoming::parse(event).unwrap() else { panic!() };
        assert_eq!((message_type.as_str(), &data["revision"]), ("config-updated", &"_r1".into()));
        let other = Incoming::parse(r#"{"kind":"weather","data":null}"#).unwrap();
        assert_eq!(other, Incoming::Other { kind: "weather".to_owned() });
        assert_eq!(
            Incoming::parse(r#"{"kind":"action_done"}"#).unwrap(),
            Incoming::Other { kind: "action_done".into() }
        );
    }

    #[test]
    fn junk_is_told_and_does_not_panic() {
        for text in [
            "",
            "[]",
            "null",
            "{}",
            "{\"kind\":1}",
            "{\"kind\":\"action\",\"data\":[]}",
            "{\"kind\":\"action\"}",
        ] {
            assert!(Incoming::parse(text).is_err(), "{text}");
        }
    }
}
