//! The command line: a pure function of arguments and environment.

mod flags;
mod help;
mod pages;
#[cfg(test)]
mod tests;
mod variables;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};
use secrecy::{ExposeSecret, SecretString};

use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::home_files::HomeFilePolicy;
use crate::overrides::Overrides;
use crate::supervisor::Shard;
use flags::{
    CheckFlags, Cli, CollectFlags, Command, ConnectionFlags, CoreFlags, HistoryFlags, IdentityFlags,
    OverrideFlags, RunFlags, ShareFlags, TlsFlags, TrustFlags, VerbosityFlags,
};
use variables::{Variables, is_true};

pub use flags::LogFormat;

const DEFAULT_SUBSCRIBER: &str = "fix.worker";
const DEFAULT_URI: &str = "https://localhost:8900";

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// Be the worker.
    Daemon(Box<DaemonArgs>),
    /// Collect once.
    Collect(Box<CollectArgs>),
    /// Look at everything that a run needs.
    Check(Box<CheckArgs>),
    /// Show what runs were.
    History(HistoryArgs),
    /// Have fixcore forget the worker of these arguments.
    Unsubscribe(Box<DaemonArgs>),
    /// Print this on standard output and exit with 0: `--help`, `--version`, `--machine-help`, completions, man pages.
    Print(String),
}

/// A wrong command line. The exit code is [`UsageError::EXIT_CODE`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct UsageError {
    /// For standard error, complete.
    pub text: String,
}

/// What the worker and the one-shot share.
#[derive(Debug)]
pub struct CommonArgs {
    /// How much is logged.
    pub log_level: LogLevel,
    /// The form of the log; `None` is text on a terminal, else JSON.
    pub log_format: Option<LogFormat>,
    /// The program that collects; `None` is the one beside this program, or on the PATH.
    pub collector_bin: Option<PathBuf>,
    /// Values that win over the config document; `--fork` and the collectors of the one-shot are among them.
    pub overrides: Overrides,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Errors only.
    Quiet,
    /// The usual.
    Normal,
    /// Details.
    Verbose,
    /// Everything.
    Trace,
}

/// The worker.
#[derive(Debug)]
pub struct DaemonArgs {
    /// Logs, overrides and children.
    pub common: CommonArgs,
    /// For which fixcore it works.
    pub core: CoreArgs,
    /// Which of several workers of this name it is. It is among the overrides too.
    pub shard: Option<Shard>,
    /// Whether fixcore is to forget this worker when it ends.
    pub unsubscribe_at_exit: bool,
    /// What the config document may write into the home directory.
    pub home_files: HomeFilePolicy,
    /// Certificate of the web server.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub cert_key: Option<PathBuf>,
    /// The passphrase of the key.
    pub cert_key_pass: Option<SecretString>,
    /// How long to wait for the first collect run; `None` is forever.
    pub idle_timeout: Option<Duration>,
}

/// Where fixcore is, and what this worker is to it.
#[derive(Debug)]
pub struct CoreArgs {
    /// Name of this worker at fixcore.
    pub subscriber_id: String,
    /// The pre-shared key; an empty one is none.
    pub psk: Option<SecretString>,
    /// The file with the pre-shared key, unless the key is given: see [`CoreArgs::read_psk_file`].
    pub psk_file: Option<PathBuf>,
    /// `http://` or `https://`, without a slash at the end.
    pub fixcore_uri: String,
    /// CA certificate to trust.
    pub ca_cert: Option<PathBuf>,
    /// SHA-256 of the CA certificate that fixcore has to offer.
    pub ca_fingerprint: Option<String>,
    /// Whether certificates of fixcore are verified.
    pub verify_certs: bool,
}

/// What is looked at before a run.
#[derive(Debug)]
pub struct CheckArgs {
    /// Logs, overrides and children.
    pub common: CommonArgs,
    /// The fixcore to look at.
    pub core: CoreArgs,
    /// The file with the settings, in place of fixcore's document.
    pub config: Option<PathBuf>,
    /// As JSON.
    pub json: bool,
    /// Only what the walls around a child hold.
    pub walls: bool,
}

/// What of the history is shown, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryArgs {
    /// This account.
    pub account: Option<String>,
    /// This run.
    pub run: Option<String>,
    /// So many runs at most.
    pub limit: usize,
    /// As JSON.
    pub json: bool,
    /// The spool directory, if it is not where the rule says.
    pub spool_dir: Option<PathBuf>,
    /// Name of the worker at fixcore.
    pub subscriber_id: String,
    /// Which of several workers of this name.
    pub shard: Option<Shard>,
}

impl CoreArgs {
    /// Reads the pre-shared key from its file, if there is one and no key is given. The end of its last line does
    /// not count.
    pub fn read_psk_file(&mut self) -> Result<(), UsageError> {
        let (Some(path), None) = (&self.psk_file, &self.psk) else { return Ok(()) };
        let refuse = |why: String| UsageError::new(format!("--psk-file {}: {why}", path.display()));
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?);
        let key = text.trim_end_matches(['\r', '\n']);
        if key.is_empty() {
            return Err(refuse("it is empty".to_owned()));
        }
        self.psk = Some(SecretString::from(key));
        Ok(())
    }
}

/// The one-shot.
#[derive(Debug)]
pub struct CollectArgs {
    /// Logs, overrides and children.
    pub common: CommonArgs,
    /// The collectors, at least one.
    pub collectors: Vec<String>,
    /// Ids of the accounts to collect; empty is all.
    pub accounts: Vec<String>,
    /// The file with the settings.
    pub config: Option<PathBuf>,
    /// Where the graph goes, if somebody said so.
    pub output: Option<Output>,
    /// Where the report goes.
    pub report: Option<PathBuf>,
    /// Whether what is missing from a collected account counts as a failure.
    pub strict: bool,
}

/// Where the graph goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
}

impl UsageError {
    /// The exit code of a wrong command line.
    pub const EXIT_CODE: u8 = 2;

    fn new(text: impl std::fmt::Display) -> Self {
        Self { text: format!("error: {text}\n\nFor more information, try '--help'.") }
    }
}

/// Understands a command line. `arguments` begin with the name of the program.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<Invocation, UsageError> {
    let arguments = arguments.into_iter().map(renamed);
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let text = error.render().to_string();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(Invocation::Print(text)),
                _ => Err(UsageError { text: text.trim_end().to_owned() }),
            };
        }
    };
    if cli.machine_help {
        return Ok(Invocation::Print(machine_help()));
    }
    let variables = Variables(environment);
    match &cli.command {
        None => daemon(cli, &variables).map(|args| Invocation::Daemon(Box::new(args))),
        Some(Command::History(flags)) => history(flags, &cli, &variables).map(Invocation::History),
        Some(Command::Check(_)) => check(cli, &variables).map(|args| Invocation::Check(Box::new(args))),
        Some(Command::Unsubscribe(_)) => {
            daemon(with_unsubscribe(cli), &variables).map(|args| Invocation::Unsubscribe(Box::new(args)))
        }
        Some(Command::Completions { shell }) => Ok(Invocation::Print(pages::completions(*shell))),
        Some(Command::Man { command }) => pages::man(command.as_deref()).map(Invocation::Print),
        Some(Command::Collect(_)) => collect(cli, &variables).map(|args| Invocation::Collect(Box::new(args))),
    }
}

/// The options of the daemon, one a line, in the peer's form and with the peer's first.
pub fn machine_help() -> String {
    let command = Cli::command();
    let mut text = String::new();
    for option in command.get_arguments().filter(|option| option.get_id() != "machine_help") {
        let long = option.get_long().map(|long| format!("--{long}\n"));
        let short = option.get_short().map(|short| format!("-{short}\n"));
        text.extend(long.into_iter().chain(short));
    }
    text
}

/// Options of the predecessor.
fn renamed(argument: OsString) -> OsString {
    match argument.to_str().and_then(|text| text.strip_prefix("--resoto")) {
        Some(rest) => format!("--fix{rest}").into(),
        None => argument,
    }
}

fn daemon(cli: Cli, variables: &Variables<'_>) -> Result<DaemonArgs, UsageError> {
    let above = CoreFlags::above(&cli);
    let mut common = common(&cli.verbosity, &cli.overrides, cli.run, variables)?;
    let shard = shard(cli.share.shard, variables)?;
    if let Some(Shard { index, count }) = shard {
        common.overrides.push(&format!("supervisor.shard={index}/{count}"));
    }
    let (identity, tls, trust) = (cli.identity, cli.tls, cli.trust);
    let seconds = variables.parsed("idle-timeout", "whole seconds", |text| text.trim().parse().ok());
    let idle = match identity.idle_timeout {
        Some(seconds) => Some(seconds),
        None => seconds?,
    };
    let home_files =
        if trust.home_files.is_empty() { variables.list("home-files") } else { trust.home_files };
    let programs =
        trust.home_files_may_run_programs || variables.flag("home-files-may-run-programs") == Some(true);
    Ok(DaemonArgs {
        common,
        core: core(above, variables)?,
        home_files: HomeFilePolicy::new(names(&home_files), programs),
        shard,
        unsubscribe_at_exit: cli.share.unsubscribe_at_exit
            || variables.flag("unsubscribe-at-exit") == Some(true),
        cert: path(tls.cert, "cert", variables),
        cert_key: path(tls.cert_key, "cert-key", variables),
        cert_key_pass: key(tls.cert_key_pass, "cert-key-pass", variables),
        idle_timeout: idle.and_then(|s| u64::try_from(s).ok()).filter(|s| *s > 0).map(Duration::from_secs),
    })
}

impl CoreFlags {
    /// What stands before the name of a command, or without one.
    fn above(cli: &Cli) -> Self {
        Self {
            fixcore_uri: cli.connection.fixcore_uri.clone(),
            subscriber_id: cli.identity.subscriber_id.clone(),
            psk: cli.identity.psk.clone(),
            psk_file: cli.trust.psk_file.clone(),
            ca_cert: cli.tls.ca_cert.clone(),
            ca_fingerprint: cli.trust.ca_fingerprint.clone(),
            no_verify_certs: cli.tls.no_verify_certs,
        }
    }

    /// These, which stand behind the name of a command, before those that stand in front of it.
    fn or(self, above: Self) -> Self {
        Self {
            fixcore_uri: self.fixcore_uri.or(above.fixcore_uri),
            subscriber_id: self.subscriber_id.or(above.subscriber_id),
            psk: self.psk.or(above.psk),
            psk_file: self.psk_file.or(above.psk_file),
            ca_cert: self.ca_cert.or(above.ca_cert),
            ca_fingerprint: self.ca_fingerprint.or(above.ca_fingerprint),
            no_verify_certs: self.no_verify_certs || above.no_verify_certs,
        }
    }
}

fn key(given: Option<SecretString>, option: &str, variables: &Variables<'_>) -> Option<SecretString> {
    let value = given.or_else(|| variables.text(option).map(SecretString::from));
    value.filter(|value| !value.expose_secret().is_empty())
}

fn path(given: Option<PathBuf>, option: &str, variables: &Variables<'_>) -> Option<PathBuf> {
    given.or_else(|| variables.path(option)).filter(|path| !path.as_os_str().is_empty())
}

fn core(flags: CoreFlags, variables: &Variables<'_>) -> Result<CoreArgs, UsageError> {
    let fingerprint = flags.ca_fingerprint.or_else(|| variables.text("ca-fingerprint").map(str::to_owned));
    Ok(CoreArgs {
        subscriber_id: text(flags.subscriber_id, variables.text("subscriber-id"), DEFAULT_SUBSCRIBER),
        psk: key(flags.psk, "psk", variables),
        psk_file: path(flags.psk_file, "psk-file", variables),
        fixcore_uri: uri(&text(flags.fixcore_uri, variables.text("fixcore-uri"), DEFAULT_URI))?,
        ca_cert: path(flags.ca_cert, "ca-cert", variables),
        ca_fingerprint: fingerprint.map(|text| sha256(&text)).transpose()?,
        // The peer reads this variable the wrong way round; we do what its name says.
        verify_certs: !flags.no_verify_certs && variables.flag("no-verify-certs") != Some(true),
    })
}

fn check(mut cli: Cli, variables: &Variables<'_>) -> Result<CheckArgs, UsageError> {
    let above = CoreFlags::above(&cli);
    let Some(Command::Check(flags)) = cli.command.take() else {
        unreachable!("the caller has seen the command");
    };
    let Cli { verbosity, overrides, run, .. } = cli;
    let CheckFlags { core: below, config, overrides: more, json, walls, verbosity: louder, run: own } = flags;
    let (verbosity, overrides, run) = both((verbosity, overrides, run), (&louder, &more, own));
    Ok(CheckArgs {
        common: common(&verbosity, &overrides, run, variables)?,
        core: core(below.or(above), variables)?,
        config: config.or_else(|| variables.path("config")),
        json,
        walls,
    })
}

/// Runs that are shown unless more are asked for.
const SHOWN_RUNS: usize = 20;

fn history(flags: &HistoryFlags, cli: &Cli, variables: &Variables<'_>) -> Result<HistoryArgs, UsageError> {
    let subscriber = flags.subscriber_id.clone().or_else(|| cli.identity.subscriber_id.clone());
    Ok(HistoryArgs {
        account: flags.account.clone(),
        run: flags.run_id.clone(),
        limit: flags.limit.unwrap_or(SHOWN_RUNS),
        json: flags.json,
        spool_dir: flags.spool_dir.clone().or_else(|| variables.path("spool-dir")),
        subscriber_id: text(subscriber, variables.text("subscriber-id"), DEFAULT_SUBSCRIBER),
        shard: shard(flags.shard.clone().or_else(|| cli.share.shard.clone()), variables)?,
    })
}

/// Which worker it is by its option or its variable.
fn shard(given: Option<String>, variables: &Variables<'_>) -> Result<Option<Shard>, UsageError> {
    let text = given.or_else(|| variables.text("shard").map(str::to_owned));
    text.map(|text| shard_of(&text)).transpose()
}

/// Which of several workers: `2/3`, or of pods that are numbered from 0 `fixworker-1/3`.
fn shard_of(text: &str) -> Result<Shard, UsageError> {
    Shard::parse(text).or_else(|| Shard::of_name(text)).ok_or_else(|| {
        UsageError::new(format!(
            "--shard: expected I/N with I from 1 to N, or NAME-K/N with K from 0 to N-1, found {text:?}"
        ))
    })
}

/// The options of `unsubscribe` may stand on either side of it.
fn with_unsubscribe(mut cli: Cli) -> Cli {
    let Some(Command::Unsubscribe(below)) = cli.command.take() else { return cli };
    let (identity, tls, trust, share) = (below.identity, below.tls, below.trust, below.share);
    let verbosity = below.verbosity;
    Cli {
        command: None,
        identity: IdentityFlags {
            subscriber_id: identity.subscriber_id.or(cli.identity.subscriber_id),
            idle_timeout: None,
            psk: identity.psk.or(cli.identity.psk),
        },
        verbosity: VerbosityFlags {
            verbose: verbosity.verbose || cli.verbosity.verbose,
            trace: verbosity.trace || cli.verbosity.trace,
            quiet: verbosity.quiet || cli.verbosity.quiet,
        },
        connection: ConnectionFlags {
            fixcore_uri: below.connection.fixcore_uri.or(cli.connection.fixcore_uri),
        },
        tls: TlsFlags {
            ca_cert: tls.ca_cert.or(cli.tls.ca_cert),
            cert: tls.cert.or(cli.tls.cert),
            cert_key: tls.cert_key.or(cli.tls.cert_key),
            cert_key_pass: tls.cert_key_pass.or(cli.tls.cert_key_pass),
            no_verify_certs: tls.no_verify_certs || cli.tls.no_verify_certs,
        },
        trust: TrustFlags {
            psk_file: trust.psk_file.or(cli.trust.psk_file),
            ca_fingerprint: trust.ca_fingerprint.or(cli.trust.ca_fingerprint),
            ..cli.trust
        },
        share: ShareFlags { shard: share.shard.or(cli.share.shard), unsubscribe_at_exit: false },
        ..cli
    }
}

/// A SHA-256 hash as fixcore writes it: upper-case hex with colons.
fn sha256(text: &str) -> Result<String, UsageError> {
    let digits: String = text.trim().chars().filter(|c| *c != ':').collect::<String>().to_uppercase();
    if digits.len() != 64 || !digits.bytes().all(|c| c.is_ascii_hexdigit()) {
        return Err(UsageError::new(format!("--ca-fingerprint: expected 64 hex digits, found {text:?}")));
    }
    let pairs: Vec<_> = (0..32).map(|at| &digits[2 * at..2 * at + 2]).collect();
    Ok(pairs.join(":"))
}

fn text(given: Option<String>, variable: Option<&str>, default: &str) -> String {
    let given = given.filter(|given| !given.is_empty());
    given.unwrap_or_else(|| variable.unwrap_or(default).to_owned())
}

fn uri(text: &str) -> Result<String, UsageError> {
    let uri = text.trim_end_matches('/');
    let host = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() => Ok(uri.to_owned()),
        _ => Err(UsageError::new(format!(
            "--fixcore-uri: expected http://HOST:PORT or https://HOST:PORT, found {text:?}"
        ))),
    }
}

fn collect(cli: Cli, variables: &Variables<'_>) -> Result<CollectArgs, UsageError> {
    if let Some(option) = daemon_only(&cli) {
        return Err(UsageError::new(format!(
            "{option} is for the worker; 'fixworker collect' does not talk to fixcore"
        )));
    }
    let Cli { command: Some(Command::Collect(flags)), verbosity, overrides, run, .. } = cli else {
        unreachable!("the caller has seen the command");
    };
    let CollectFlags { collector, account, config, output, report, strict, .. } = flags;
    let below = (&flags.verbosity, &flags.overrides, flags.run);
    let (verbosity, overrides, run) = both((verbosity, overrides, run), below);
    let mut common = common(&verbosity, &overrides, run, variables)?;
    let collector = if collector.is_empty() { variables.list("collector") } else { collector };
    let collectors = names(&collector);
    if collectors.is_empty() {
        return Err(UsageError::new("'fixworker collect' needs --collector NAME, for example: example"));
    }
    common.overrides.push(&format!("fixworker.collector={}", collectors.join(",")));
    Ok(CollectArgs {
        common,
        collectors,
        accounts: if account.is_empty() { variables.list("account") } else { account },
        config: config.or_else(|| variables.path("config")),
        output: output.or_else(|| variables.path("output")).map(Output::from),
        report: report.or_else(|| variables.path("report")),
        strict: strict || variables.flag("strict") == Some(true),
    })
}

/// Flags that both commands have may stand on either side of a command's name.
fn both(
    (above, mut overrides, run): (VerbosityFlags, OverrideFlags, RunFlags),
    (below, more, own): (&VerbosityFlags, &OverrideFlags, RunFlags),
) -> (VerbosityFlags, OverrideFlags, RunFlags) {
    let verbosity = VerbosityFlags {
        verbose: above.verbose || below.verbose,
        trace: above.trace || below.trace,
        quiet: above.quiet || below.quiet,
    };
    overrides.overrides.extend(more.overrides.iter().cloned());
    let said_below = own.fork || own.no_fork;
    let run = RunFlags {
        fork: if said_below { own.fork } else { run.fork },
        no_fork: if said_below { own.no_fork } else { run.no_fork },
        collector_bin: own.collector_bin.or(run.collector_bin),
        log_format: own.log_format.or(run.log_format),
    };
    (verbosity, overrides, run)
}

/// An option that makes no sense for the one-shot.
fn daemon_only(cli: &Cli) -> Option<&'static str> {
    let given = [
        ("--subscriber-id", cli.identity.subscriber_id.is_some()),
        ("--shard", cli.share.shard.is_some()),
        ("--unsubscribe-at-exit", cli.share.unsubscribe_at_exit),
        ("--idle-timeout", cli.identity.idle_timeout.is_some()),
        ("--psk", cli.identity.psk.is_some()),
        ("--psk-file", cli.trust.psk_file.is_some()),
        ("--ca-fingerprint", cli.trust.ca_fingerprint.is_some()),
        ("--home-files", !cli.trust.home_files.is_empty()),
        ("--home-files-may-run-programs", cli.trust.home_files_may_run_programs),
        ("--fixcore-uri", cli.connection.fixcore_uri.is_some()),
        ("--ca-cert", cli.tls.ca_cert.is_some()),
        ("--cert", cli.tls.cert.is_some()),
        ("--cert-key", cli.tls.cert_key.is_some()),
        ("--cert-key-pass", cli.tls.cert_key_pass.is_some()),
        ("--no-verify-certs", cli.tls.no_verify_certs),
    ];
    given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
}

/// Names without blanks around them, each once, also where a variable has commas between them.
fn names(given: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in given.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|name| !name.is_empty()) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn common(
    verbosity: &VerbosityFlags,
    overrides: &OverrideFlags,
    run: RunFlags,
    variables: &Variables<'_>,
) -> Result<CommonArgs, UsageError> {
    let format = |text: &str| LogFormat::from_str(text.trim(), true).ok();
    let log_format = match run.log_format {
        _ if variables.0.get("FIX_LOG_TEXT").is_some_and(|text| text.eq_ignore_ascii_case("true")) => {
            Some(LogFormat::Text)
        }
        Some(given) => Some(given),
        None => variables.parsed("log-format", "text or json", format)?,
    };
    let texts = &overrides.overrides;
    let mut overrides = if texts.is_empty() {
        Overrides::parse(&variables.list("override"))
    } else {
        Overrides::parse(texts)
    };
    let fork = match (run.fork, run.no_fork) {
        (false, false) => variables.flag("fork").or_else(|| variables.flag("no-fork").map(|no| !no)),
        (fork, _) => Some(fork),
    };
    if let Some(fork) = fork {
        overrides.push(&format!("fixworker.fork_process={fork}"));
    }
    Ok(CommonArgs {
        log_level: log_level(verbosity, variables),
        log_format,
        collector_bin: run.collector_bin.or_else(|| variables.path("collector-bin")),
        overrides,
    })
}

/// The loudest wins, except that options win over variables. `FIX_VERBOSE` and its like are the peer's.
fn log_level(flags: &VerbosityFlags, variables: &Variables<'_>) -> LogLevel {
    let loudest = |trace, verbose, quiet| match (trace, verbose, quiet) {
        (true, _, _) => Some(LogLevel::Trace),
        (_, true, _) => Some(LogLevel::Verbose),
        (_, _, true) => Some(LogLevel::Quiet),
        (false, false, false) => None,
    };
    let variable = |option: &str| {
        let plain = variables.0.get(&format!("FIX_{}", option.to_uppercase()));
        variables.flag(option) == Some(true) || plain.is_some_and(is_true)
    };
    let given = loudest(flags.trace, flags.verbose, flags.quiet);
    let given = given.or_else(|| loudest(variable("trace"), variable("verbose"), variable("quiet")));
    given.unwrap_or(LogLevel::Normal)
}

impl From<PathBuf> for Output {
    fn from(path: PathBuf) -> Self {
        if path == Path::new("-") { Self::Stdout } else { Self::File(path) }
    }
}
