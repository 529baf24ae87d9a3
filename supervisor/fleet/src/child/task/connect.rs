//! From the birth of a process to its connection.

use tokio::sync::mpsc;
use tracing::debug;

use super::wait::{Inbound, write};
use super::{Task, now};
use crate::child::kill::ExitWatch;
use crate::child::link::{self, Link, LinkError, Terms};
use crate::child::logs;
use crate::child::spawn::Born;
use crate::child::state::{Event, State, StopReason, Urgency};

impl Task {
    pub(super) fn born(&mut self, born: Born) {
        let Born { leader, socket, stdout, stderr } = born;
        let pid = leader.pid();
        self.story.pid = Some(pid);
        self.entry.update(|status| status.pid = Some(pid.as_raw()));
        self.output = Some(logs::drain(stdout, stderr, self.label.clone(), pid.as_raw(), &self.story.tail));
        let (build, heartbeat) = (self.settings.build.clone(), self.settings.heartbeat);
        let terms = Terms { leader: pid, build, heartbeat };
        self.inbound = Inbound::Establishing(Box::pin(link::establish(socket, terms)));
        let watch = ExitWatch::new(&leader);
        self.process = Some((leader, watch));
        self.look_at_memory = Some(now() + self.settings.memory_interval);
        self.tell(Event::Spawned);
    }

    pub(super) fn linked(&mut self, link: Link) {
        self.inbound = Inbound::None;
        if self.machine.state() != State::Handshaking {
            return;
        }
        let Link { inbox, outbox, peer, build } = link;
        debug!(child = %self.label, pid = ?peer, "connected with {build}");
        self.story.speaker = peer;
        self.inbound = Inbound::Open(Box::new(inbox));
        let (sender, orders) = mpsc::unbounded_channel();
        self.outbound = Some(sender);
        self.writer = Some(tokio::spawn(write(outbox, orders)));
        self.tell(Event::Welcomed);
        for id in self.jobs.queued() {
            self.send_start(id);
        }
    }

    pub(super) fn not_linked(&mut self, error: LinkError) {
        self.inbound = Inbound::None;
        match error {
            LinkError::Lost(error) => {
                self.link_closed(&format!("ended its connection during the handshake ({error})"));
            }
            LinkError::Violation(what) => self.stop(StopReason::Violation, Urgency::Once, what, None),
            LinkError::Version(text) => self.stop(StopReason::Rejected, Urgency::Once, text, None),
        }
    }

    pub(super) fn link_closed(&mut self, how: &str) {
        self.inbound = Inbound::None;
        self.outbound = None;
        if self.machine.stop().is_none() {
            self.story.link_lost = Some(how.to_owned());
        }
        self.tell(Event::LinkClosed);
    }
}
