//! The flags as clap sees them. The environment comes later, so nothing here has a default.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use secrecy::SecretString;

/// The daemon, or the one-shot with `collect`. The order of the fields is the order of `--machine-help`, which
/// begins with the peer's.
///
/// The hidden aliases keep beginnings of options unambiguous that were so for the peer, which lacks some
/// options of ours.
#[derive(Parser)]
#[command(
    name = "fixworker",
    bin_name = "fixworker",
    version,
    about = "Collects cloud accounts, each in a process of its own, and sends them to Fix Inventory",
    long_about = super::help::ABOUT,
    after_long_help = super::help::DAEMON,
    term_width = 100,
    infer_long_args = true,
    args_override_self = true,
    subcommand_precedence_over_arg = true,
    disable_help_subcommand = true
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) identity: IdentityFlags,
    #[command(flatten)]
    pub(super) verbosity: VerbosityFlags,
    #[command(flatten)]
    pub(super) connection: ConnectionFlags,
    #[command(flatten)]
    pub(super) overrides: OverrideFlags,
    #[command(flatten)]
    pub(super) tls: TlsFlags,
    #[command(flatten)]
    pub(super) trust: TrustFlags,
    #[command(flatten)]
    pub(super) run: RunFlags,
    #[command(flatten)]
    pub(super) share: ShareFlags,
    /// Print the names of all options, one a line, and exit
    #[arg(long)]
    pub(super) machine_help: bool,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Collect once, without fixcore, into one NDJSON file
    #[command(
        long_about = super::help::COLLECT_ABOUT,
        after_long_help = super::help::COLLECT,
        infer_long_args = true,
        args_override_self = true
    )]
    Collect(CollectFlags),
    /// Show what the last runs of the worker on this host were, or one account in all of them
    #[command(after_long_help = super::help::HISTORY, infer_long_args = true, args_override_self = true)]
    History(HistoryFlags),
    /// Before the first run: look at fixcore, the settings, the credentials, each account and this host
    #[command(
        long_about = super::help::CHECK_ABOUT,
        after_long_help = super::help::CHECK,
        infer_long_args = true,
        args_override_self = true
    )]
    Check(CheckFlags),
    /// Have fixcore forget this worker, which does not come back: workflows wait for it no longer
    #[command(
        after_long_help = super::help::UNSUBSCRIBE,
        infer_long_args = true,
        args_override_self = true,
        mut_arg("idle_timeout", |option| option.hide(true)),
        mut_arg("home_files", |option| option.hide(true)),
        mut_arg("home_files_may_run_programs", |option| option.hide(true)),
        mut_arg("unsubscribe_at_exit", |option| option.hide(true))
    )]
    Unsubscribe(Box<UnsubscribeFlags>),
    /// Print what a shell needs to complete this command line
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Print a man page
    Man {
        /// A command, as collect [default: the program]
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },
}

#[derive(Args)]
pub(super) struct UnsubscribeFlags {
    #[command(flatten)]
    pub(super) identity: IdentityFlags,
    #[command(flatten)]
    pub(super) verbosity: VerbosityFlags,
    #[command(flatten)]
    pub(super) connection: ConnectionFlags,
    #[command(flatten)]
    pub(super) tls: TlsFlags,
    #[command(flatten)]
    pub(super) trust: TrustFlags,
    #[command(flatten)]
    pub(super) share: ShareFlags,
}

#[derive(Args)]
pub(super) struct CheckFlags {
    #[command(flatten)]
    pub(super) core: CoreFlags,
    /// File with the settings, in place of the config document in fixcore
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[command(flatten)]
    pub(super) overrides: OverrideFlags,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Only have a child in its sandbox try what it must not be able to do, one line for each try
    #[arg(long)]
    pub(super) walls: bool,
    #[command(flatten)]
    pub(super) verbosity: VerbosityFlags,
    #[command(flatten)]
    pub(super) run: RunFlags,
}

/// Where fixcore is and how to be trusted by it, below a command.
#[derive(Args, Default)]
pub(super) struct CoreFlags {
    /// Where fixcore is [default: https://localhost:8900]
    #[arg(long, value_name = "URI")]
    pub(super) fixcore_uri: Option<String>,
    /// Name of the worker at fixcore, and of its config document [default: fix.worker]
    #[arg(long, value_name = "ID")]
    pub(super) subscriber_id: Option<String>,
    /// Pre-shared key of fixcore. Other users of this host can see arguments: better set FIXWORKER_PSK
    #[arg(long, value_name = "KEY", value_parser = secret)]
    pub(super) psk: Option<SecretString>,
    /// File with the pre-shared key
    #[arg(long, value_name = "FILE", conflicts_with = "psk")]
    pub(super) psk_file: Option<PathBuf>,
    /// File with the CA certificate to trust, instead of the one that fixcore offers
    #[arg(long, value_name = "FILE")]
    pub(super) ca_cert: Option<PathBuf>,
    /// SHA-256 fingerprint of the CA certificate that fixcore offers: no other one is trusted
    #[arg(long, value_name = "SHA256", conflicts_with = "ca_cert")]
    pub(super) ca_fingerprint: Option<String>,
    /// Trust any certificate
    #[arg(long)]
    pub(super) no_verify_certs: bool,
}

#[derive(Args)]
pub(super) struct HistoryFlags {
    /// Only this account, by id, name, or cloud/id
    #[arg(value_name = "ACCOUNT", conflicts_with = "run_id")]
    pub(super) account: Option<String>,
    /// Only this run, with all its accounts
    #[arg(long = "run", value_name = "RUN")]
    pub(super) run_id: Option<String>,
    /// Show at most so many runs [default: 20]
    #[arg(long, value_name = "COUNT")]
    pub(super) limit: Option<usize>,
    /// Print JSON, with every fault and every denied operation
    #[arg(long)]
    pub(super) json: bool,
    /// The spool directory of the worker, if supervisor.spool_dir names one [default: where the worker has it]
    #[arg(long, value_name = "DIR")]
    pub(super) spool_dir: Option<PathBuf>,
    /// Name of the worker at fixcore [default: fix.worker]
    #[arg(long, value_name = "ID")]
    pub(super) subscriber_id: Option<String>,
    /// Which of several workers of that name [default: the only one]
    #[arg(long, value_name = "I/N")]
    pub(super) shard: Option<String>,
}

#[derive(Args)]
pub(super) struct IdentityFlags {
    /// Name of this worker at fixcore, and of its config document [default: fix.worker]
    #[arg(long, value_name = "ID")]
    pub(super) subscriber_id: Option<String>,
    /// End with exit code 1 if no collect run begins within this time; 0 is no limit
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(super) idle_timeout: Option<i64>,
    /// Pre-shared key of fixcore. Other users of this host can see arguments: better set FIXWORKER_PSK
    #[arg(long, value_name = "KEY", value_parser = secret, aliases = ["p", "ps"])]
    pub(super) psk: Option<SecretString>,
}

#[derive(Args)]
#[group(id = "verbosity", multiple = false)]
pub(super) struct VerbosityFlags {
    /// Log details
    #[arg(long, short, aliases = ["v", "ve", "ver"])]
    pub(super) verbose: bool,
    /// Log everything
    #[arg(long)]
    pub(super) trace: bool,
    /// Log errors only
    #[arg(long)]
    pub(super) quiet: bool,
}

#[derive(Args)]
pub(super) struct ConnectionFlags {
    /// Where fixcore is [default: https://localhost:8900]
    #[arg(long, value_name = "URI", aliases = ["f"])]
    pub(super) fixcore_uri: Option<String>,
}

#[derive(Args)]
pub(super) struct OverrideFlags {
    /// Use this value of a setting, whatever the config document says. May be repeated
    #[arg(long = "override", value_name = "SECTION.KEY=VALUE", num_args = 1.., action = ArgAction::Append)]
    pub(super) overrides: Vec<String>,
}

#[derive(Args)]
pub(super) struct TlsFlags {
    /// File with the CA certificate to trust, instead of the one that fixcore offers
    #[arg(long, value_name = "FILE", aliases = ["ca", "ca-"])]
    pub(super) ca_cert: Option<PathBuf>,
    /// File with the certificate of the web server, instead of one that fixcore signs
    #[arg(long, value_name = "FILE")]
    pub(super) cert: Option<PathBuf>,
    /// File with the key of that certificate
    #[arg(long, value_name = "FILE")]
    pub(super) cert_key: Option<PathBuf>,
    /// Passphrase of that key. Better set FIXWORKER_CERT_KEY_PASS
    #[arg(long, value_name = "PASSPHRASE", value_parser = secret)]
    pub(super) cert_key_pass: Option<SecretString>,
    /// Trust any certificate
    #[arg(long, aliases = ["n", "no", "no-"])]
    pub(super) no_verify_certs: bool,
}

#[derive(Args)]
pub(super) struct TrustFlags {
    /// File with the pre-shared key, which neither arguments nor the environment show then
    #[arg(long, value_name = "FILE", conflicts_with = "psk")]
    pub(super) psk_file: Option<PathBuf>,
    /// SHA-256 fingerprint of the CA certificate that fixcore offers: no other one is trusted
    #[arg(long, value_name = "SHA256", conflicts_with = "ca_cert")]
    pub(super) ca_fingerprint: Option<String>,
    /// Files that the config document may write into the home directory, with commas between them; ** is any path
    /// below [default: .aws/**,.kube/**,.config/gcloud/**]
    #[arg(long, value_name = "GLOB", value_delimiter = ',', num_args = 1.., action = ArgAction::Append)]
    pub(super) home_files: Vec<String>,
    /// Let such files name programs to run (credential_process and its like): who writes the config document then
    /// runs programs as the worker
    #[arg(long)]
    pub(super) home_files_may_run_programs: bool,
}

#[derive(Args)]
pub(super) struct RunFlags {
    /// One process for each account, whatever fixworker.fork_process says
    #[arg(long, overrides_with = "no_fork")]
    pub(super) fork: bool,
    /// One process for each collector
    #[arg(long, overrides_with = "fork")]
    pub(super) no_fork: bool,
    /// The program that collects [default: fix-collector beside this program, or on the PATH]
    #[arg(long, value_name = "PATH")]
    pub(super) collector_bin: Option<PathBuf>,
    /// Form of the log [default: text on a terminal, else json]
    #[arg(long, value_name = "FORMAT")]
    pub(super) log_format: Option<LogFormat>,
}

#[derive(Args)]
pub(super) struct ShareFlags {
    /// Share the accounts with other workers of the same config document: this one is number I of N, and called
    /// SUBSCRIBER.I at fixcore. I may also be a name that ends in - and a number from 0, as of the pods of a StatefulSet
    #[arg(long, value_name = "I/N")]
    pub(super) shard: Option<String>,
    /// Have fixcore forget this worker when it ends. For workers that do not come back under their name: after a mere
    /// restart it would miss what fixcore asked for meanwhile
    #[arg(long)]
    pub(super) unsubscribe_at_exit: bool,
}

#[derive(Args)]
pub(super) struct CollectFlags {
    /// Collectors to run, with commas between them. May be repeated
    #[arg(long, value_name = "NAME", value_delimiter = ',', num_args = 1.., action = ArgAction::Append)]
    pub(super) collector: Vec<String>,
    /// Collect only these accounts, by id [default: all]
    #[arg(long, value_name = "ID", num_args = 1.., action = ArgAction::Append)]
    pub(super) account: Vec<String>,
    /// File with the settings, as JSON in the shape of the config document in fixcore [default: defaults]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[command(flatten)]
    pub(super) overrides: OverrideFlags,
    /// Where the graph goes; - is standard output [default: fixworker-graph.ndjson]
    #[arg(long, value_name = "FILE|-")]
    pub(super) output: Option<PathBuf>,
    /// Where a report about every account goes, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Exit code 3 also if something of a collected account is missing: denied calls, faults
    #[arg(long)]
    pub(super) strict: bool,
    #[command(flatten)]
    pub(super) verbosity: VerbosityFlags,
    #[command(flatten)]
    pub(super) run: RunFlags,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line for people.
    Text,
    /// One JSON object a line.
    Json,
}

// Not clap's error type: a parser of secrets has nothing to say about them.
#[expect(clippy::unnecessary_wraps, reason = "the form of a value parser")]
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}
