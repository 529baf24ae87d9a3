//! The websocket of events: `/events?show=config-updated`.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::health::LinkHealth;
use super::link::{self, LinkEvent, LinkSpec};
use crate::http::client::CoreClient;
use crate::messages::Incoming;

const CONFIG_UPDATED: &str = "config-updated";
/// Events that nobody has taken yet. Whoever takes one gets the config anew, so more would say nothing more.
const UNTAKEN: usize = 64;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CoreEvent {
    /// Connected. If not for the first time, events may have been missed: compare the config's revision.
    Connected {
        /// True once per process.
        first: bool,
    },
    /// Somebody (we too) changed a config document.
    ConfigUpdated {
        /// Its id.
        id: String,
        /// Its new revision, if fixcore says so.
        revision: Option<String>,
    },
}

/// The websocket of events while it lives.
#[derive(Debug)]
pub struct Events {
    /// What happened; ends with the link.
    pub events: mpsc::Receiver<CoreEvent>,
    /// How the link is.
    pub health: watch::Receiver<LinkHealth>,
    /// Ends when the link is closed after `stop`.
    pub task: JoinHandle<()>,
}

/// Connects, and keeps connected until `stop`.
pub fn start(client: &CoreClient, stop: CancellationToken) -> Events {
    let spec = LinkSpec {
        name: "events",
        client: client.clone(),
        segments: vec!["events".to_owned()],
        query: vec![("show", CONFIG_UPDATED)],
        prepare: None,
    };
    let (health, health_watch) = watch::channel(LinkHealth::starting());
    let link = link::start(spec, Arc::new(health), stop);
    let (out, events) = mpsc::channel(UNTAKEN);
    Events { events, health: health_watch, task: tokio::spawn(run(link, out)) }
}

async fn run(mut link: mpsc::Receiver<LinkEvent>, out: mpsc::Sender<CoreEvent>) {
    let mut first = true;
    while let Some(event) = link.recv().await {
        let event = match event {
            LinkEvent::Opened(_) => Some(CoreEvent::Connected { first: std::mem::take(&mut first) }),
            LinkEvent::Text(text) => event_of(&text),
            LinkEvent::Closed => None,
        };
        // Full: one that waits already leads to the newest config. Closed: nobody is interested.
        if let Some(event) = event {
            out.try_send(event).ok();
        }
    }
}

fn event_of(text: &str) -> Option<CoreEvent> {
    match Incoming::parse(text) {
        Ok(Incoming::Event { message_type, data }) if message_type == CONFIG_UPDATED => {
            let text = |key: &str| data.get(key).and_then(Value::as_str).map(str::to_owned);
            Some(CoreEvent::ConfigUpdated { id: text("id")?, revision: text("revision") })
        }
        Ok(_) => None,
        Err(why) => {
            tracing::warn!("fixcore sent an event that is not understood; ignored: {why}");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_config_updates_are_events() {
        let text =
            r#"{"kind":"event","message_type":"config-updated","data":{"id":"fix.worker","revision":"r1"}}"#;
        let expected = CoreEvent::ConfigUpdated { id: "fix.worker".into(), revision: Some("r1".into()) };
        assert_eq!(event_of(text), Some(expected));
        assert_eq!(event_of(&text.replace("config-updated", "other")), None);
        assert_eq!(event_of(&text.replace("\"id\"", "\"di\"")), None);
        assert_eq!(event_of("junk"), None);
    }
}
