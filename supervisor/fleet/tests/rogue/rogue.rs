//! A child that misbehaves exactly as its account id says, for the tests of the fleet. Started with
//! `host` it is a small supervisor instead, to be killed.

#![expect(
    clippy::unwrap_used,
    clippy::exit,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test helper"
)]

mod host;
mod jobs;
mod modes;
mod wire;

use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ipc_proto::handshake::{HelloReply, SUPPORTED, VersionRange};
use ipc_proto::message::ToChild;
use ipc_proto::preface;

use modes::Mode;
use wire::Wire;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["--connect", "fd:0", "--label", label] => child(label),
        ["host"] => host::main(),
        _ => {
            eprintln!("this helper is started by the tests of fixworker-fleet");
            std::process::exit(64);
        }
    }
}

/// The mode that an account id names.
pub(crate) fn mode_of(account: &str) -> Mode {
    let name = account.split('@').next().unwrap();
    let found = Mode::ALL.iter().find(|(_, known)| *known == name);
    found.unwrap_or_else(|| panic!("no mode is called {name}")).0
}

pub(crate) fn sleep_forever() -> ! {
    loop {
        std::thread::sleep(Duration::from_mins(1));
    }
}

fn child(label: &str) {
    let (_, account) = label.split_once('/').unwrap();
    // A shared process has no account; its jobs have.
    let mode = if account == "-" { Mode::Ok } else { mode_of(&decode(account)) };
    if mode == Mode::IgnoreTerm {
        ignore_term();
    }
    if mode == Mode::NeverConnect {
        sleep_forever();
    }
    // What this process starts inherits the connection, as it would from a careless program.
    let mut stream = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    match mode {
        Mode::NeverHello => {
            stream.write_all(&preface::encode(preface::Role::Child)).unwrap();
            sleep_forever();
        }
        Mode::BadMagic => {
            stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
            sleep_forever();
        }
        _ => {}
    }
    let versions = if mode == Mode::WrongVersion { VersionRange { min: 7, max: 8 } } else { SUPPORTED };
    let mut wire = Wire::open(stream, versions);
    match wire.read::<HelloReply>() {
        Some(HelloReply::Welcome(_)) => serve(wire),
        Some(HelloReply::Reject(reject)) => {
            eprintln!("{reject}");
            sleep_forever();
        }
        None => std::process::exit(65),
    }
}

/// What the label says after its percent encoding.
fn decode(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

/// Takes orders until the supervisor closes.
fn serve(mut wire: Wire) {
    let desk = jobs::Desk::new(&wire);
    while let Some(order) = wire.read::<ToChild>() {
        desk.take(order);
    }
    desk.closed();
}

fn ignore_term() {
    use nix::sys::signal::{SigHandler, Signal, signal};
    #[expect(unsafe_code, reason = "ignoring a signal has no safe form")]
    // SAFETY: no handler is installed, the signal is only ignored.
    unsafe {
        signal(Signal::SIGTERM, SigHandler::SigIgn).unwrap();
    }
}
