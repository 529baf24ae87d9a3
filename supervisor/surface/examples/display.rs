//! Shows the live display, the summary table and the log lines on a made-up run, to look at them.
//!
//! `cargo run -p fixworker-surface --example display -- [ACCOUNTS] [POOL] [SECONDS]`

#![expect(clippy::print_stdout, reason = "an example for people")]

use std::io::{IsTerminal, stdout};
use std::thread::sleep;
use std::time::Duration;

use fixworker_surface::display::{Display, Event, Output};
use fixworker_surface::report::{AccountReport, AccountState, Report, ReportError, TableLook};
use fixworker_surface::telemetry::{self, Level, LogFormat};
use ipc_proto::account::AccountName;

struct Child {
    account: AccountName,
    attempt: u32,
    age: u64,
    life: u64,
}

fn argument(number: usize, default: u64) -> u64 {
    std::env::args().nth(number).and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Numbers that look random and are the same each time.
fn noise(seed: u64) -> u64 {
    let mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)) % 1000
}

fn heartbeat(display: &Display, child: &Child, seed: u64) {
    let account = child.account.clone();
    display.show(Event::Progress {
        account: account.clone(),
        name: "eu-central-1".to_owned(),
        current: u32::try_from(child.age).unwrap_or(u32::MAX),
        total: u32::try_from(child.life).unwrap_or(u32::MAX),
    });
    display.show(Event::Heartbeat {
        account,
        rss: (20 << 20) + seed * (100 << 10),
        step: format!("ec2: DescribeVolumes page {}", child.age),
        nodes: child.age * seed,
    });
}

/// Whether the child has ended; then it is told and reported.
fn end(display: &Display, child: &mut Child, seed: u64, report: &mut Report) -> bool {
    let account = child.account.clone();
    let mut entry = AccountReport {
        cloud: account.cloud.clone(),
        id: account.id.clone(),
        name: account.name.clone(),
        state: AccountState::Done,
        attempts: child.attempt,
        nodes: child.life * seed,
        edges: child.life * seed * 2,
        duration_s: Duration::from_millis(child.life * 100).as_secs_f64(),
        peak_rss_bytes: (20 << 20) + seed * (100 << 10),
        error: None,
    };
    match seed % 10 {
        7 if child.attempt < 3 => {
            let (attempt, message) =
                (child.attempt, "the child was killed by signal 9, likely out of memory".to_owned());
            let retry_in = Some(Duration::from_secs(1));
            display.show(Event::AttemptFailed { account: account.clone(), attempt, message, retry_in });
            (child.attempt, child.age) = (attempt + 1, 0);
            display.show(Event::AccountStarted { account, attempt: child.attempt, pid: 1 });
            return false;
        }
        3 => {
            let (message, hint) = ("the access key is not known to AWS", "renew the profile 'prod'");
            let (message, hint) = (message.to_owned(), Some(hint.to_owned()));
            display.show(Event::AccountFailed { account, message: message.clone(), hint: hint.clone() });
            entry.state = AccountState::Failed;
            entry.error = Some(ReportError { kind: "credentials".to_owned(), message, hint });
        }
        _ => display.show(Event::AccountDone {
            account,
            nodes: entry.nodes,
            edges: entry.edges,
            faults: seed / 900,
        }),
    }
    report.accounts.push(entry);
    true
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (accounts, pool, seconds) = (argument(1, 40), argument(2, 8), argument(3, 15));
    let format = LogFormat::detect(None);
    telemetry::init(format, Level::Normal)?;
    let display = Display::start(Output::detect(format == LogFormat::Json))?;
    display.show(Event::AccountsListed { collector: "aws".to_owned(), count: accounts });
    let mut report = Report::default();
    let mut children: Vec<Child> = Vec::new();
    let mut next = 0;
    for tick in 0..seconds * 10 {
        while next < accounts && (children.len() as u64) < pool {
            let name =
                ["prod", "staging", "a team with a rather long name", "東京", ""][usize::try_from(next % 5)?];
            let account = AccountName {
                cloud: "aws".to_owned(),
                id: format!("{:012}", 100_000_000_000 + next * 7_919),
                name: name.to_owned(),
            };
            display.show(Event::AccountStarted { account: account.clone(), attempt: 1, pid: 4711 });
            children.push(Child { account, attempt: 1, age: 0, life: 20 + noise(next) / 20 });
            next += 1;
        }
        if tick % 40 == 39 {
            tracing::warn!(tick, "a log line in between");
        }
        let mut seed = tick;
        children.retain_mut(|child| {
            seed += 1;
            child.age += 1;
            heartbeat(&display, child, noise(child.life));
            child.age < child.life || !end(&display, child, noise(child.life + seed), &mut report)
        });
        sleep(Duration::from_millis(100));
    }
    for child in children {
        display.show(Event::AccountCancelled { account: child.account });
    }
    display.finish();
    report.duration_s = Duration::from_secs(seconds).as_secs_f64();
    println!("{}", report.summary_table(TableLook::detect(stdout().is_terminal())));
    Ok(())
}
