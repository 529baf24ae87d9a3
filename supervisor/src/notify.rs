//! What the service manager is told (the protocol of `sd_notify`): that the worker is ready, what it does, that it lives.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Nothing is said less often: a status line is for people.
const SLOWEST: Duration = Duration::from_secs(10);
/// Nothing is said more often, whatever the watchdog wants.
const FASTEST: Duration = Duration::from_millis(10);

/// The way to the service manager. Without one, nothing is said.
#[derive(Debug)]
pub(crate) struct Manager {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
    status: String,
}

impl Manager {
    /// The manager that has started this process, if one wants to be told.
    pub(crate) fn of_this_process() -> Self {
        Self::new(std::env::var_os("NOTIFY_SOCKET"), watchdog(|name| std::env::var(name).ok()))
    }

    fn new(address: Option<OsString>, watchdog: Option<Duration>) -> Self {
        let socket = address.filter(|address| !address.is_empty()).and_then(|address| {
            connect(address.as_bytes())
                .inspect_err(|error| {
                    tracing::warn!("the service manager cannot be told anything (NOTIFY_SOCKET): {error}");
                })
                .ok()
        });
        Self { watchdog: watchdog.filter(|_| socket.is_some()), socket, status: String::new() }
    }

    /// How often [`Manager::alive`] wants to be called; `None` if nobody listens.
    pub(crate) fn pace(&self) -> Option<Duration> {
        self.socket.as_ref()?;
        // Twice within the time of the watchdog, as its authors recommend.
        Some(self.watchdog.map_or(SLOWEST, |limit| (limit / 2).clamp(FASTEST, SLOWEST)))
    }

    /// The worker has started.
    pub(crate) fn ready(&self) {
        self.say("READY=1");
    }

    /// The worker ends.
    pub(crate) fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// The worker lives, and does this.
    pub(crate) fn alive(&mut self, status: String) {
        if self.watchdog.is_some() {
            self.say("WATCHDOG=1");
        }
        if status != self.status {
            self.say(&format!("STATUS={}", status.replace('\n', " ")));
            self.status = status;
        }
    }

    fn say(&self, state: &str) {
        let Some(socket) = &self.socket else { return };
        // A manager that does not read (or restarts) must not hold up the worker; it asks nothing back either.
        if let Err(error) = socket.send(state.as_bytes()) {
            tracing::debug!("the service manager was not told {state}: {error}");
        }
    }
}

/// The time within which a sign of life is wanted of this process.
fn watchdog(variable: impl Fn(&str) -> Option<String>) -> Option<Duration> {
    let ours = variable("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
    let limit = variable("WATCHDOG_USEC").and_then(|limit| limit.parse().ok()).filter(|limit| *limit > 0);
    limit.filter(|_| ours).map(Duration::from_micros)
}

/// A path, or with `@` a name that no file has.
fn connect(address: &[u8]) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    let address = match address.split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(address))?,
    };
    socket.connect_addr(&address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut text = [0; 256];
        let length = socket.recv(&mut text).expect("something was said");
        String::from_utf8_lossy(&text[..length]).into_owned()
    }

    #[test]
    fn what_is_said_arrives_and_a_status_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        let mut manager = Manager::new(Some(path.into()), Some(Duration::from_mins(1)));
        assert_eq!(manager.pace(), Some(SLOWEST), "within half of the time, and often enough for people");
        manager.ready();
        for status in ["idle", "idle", "collecting\naws"] {
            manager.alive(status.to_owned());
        }
        manager.stopping();
        let expected = [
            "READY=1",
            "WATCHDOG=1",
            "STATUS=idle",
            "WATCHDOG=1",
            "WATCHDOG=1",
            "STATUS=collecting aws",
            "STOPPING=1",
        ];
        for text in expected {
            assert_eq!(heard(&socket), text);
        }
    }

    #[test]
    fn names_without_a_file_are_reached() {
        let name = format!("fixworker-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let socket = UnixDatagram::bind_addr(&address).expect("a socket");
        Manager::new(Some(format!("@{name}").into()), None).ready();
        assert_eq!(heard(&socket), "READY=1");
    }

    #[test]
    fn without_a_manager_nothing_is_said() {
        let mut nobody = Manager::new(None, Some(Duration::from_secs(1)));
        nobody.ready();
        nobody.alive("idle".to_owned());
        assert_eq!(nobody.pace(), None);
        let gone = Manager::new(Some("/nowhere/notify".into()), None);
        assert_eq!(gone.pace(), None);
    }

    #[test]
    fn a_watchdog_of_another_process_is_none_of_ours() {
        let of = |pid: &'static str| {
            watchdog(move |name| Some(if name == "WATCHDOG_PID" { pid } else { "30000000" }.to_owned()))
        };
        assert_eq!(of("1"), None);
        assert_eq!(watchdog(|name| (name == "WATCHDOG_USEC").then(|| "0".to_owned())), None);
        let limit = watchdog(|name| (name == "WATCHDOG_USEC").then(|| "30000000".to_owned()));
        assert_eq!(limit, Some(Duration::from_secs(30)));
    }
}
