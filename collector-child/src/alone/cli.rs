//! The command line of `fix-collector`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

const ABOUT: &str = "Collects one account for Fix Inventory.";

const LONG_ABOUT: &str = "Collects one account for Fix Inventory.

fixworker starts this program once for each account, with --connect. By hand it is useful to see what a \
collector does, to debug one account, and to collect on a host that cannot reach fixcore.";

const EXIT_CODES: &str = "Exit codes:
   0  done
  64  wrong command line
  65  the supervisor does not speak this protocol
  70  internal error
  75  temporary failure or interrupted: try again
  77  credentials missing, wrong or expired
  78  configuration error
  79  done with faults: something is missing, stderr says what";

const EXAMPLES: &str = "Examples:
  fix-collector describe                                list collectors and their settings
  fix-collector accounts --collector random             list accounts
  fix-collector collect --collector example             collect its only account to stdout
  fix-collector collect --collector random --account 42 --override random.seed=7 --output 42.ndjson
  fix-collector clean --collector random --input 42.ndjson --id rndi-7f --dry-run
                                                        what would deleting it mean";

const COLLECT_HELP: &str = "The output has one JSON object per line, as fixcore takes it: first all nodes, then the \
edges, then the deferred edges. It is written as a whole or not at all: a failed or interrupted run leaves an \
existing file as it was. Faults, progress and a summary go to standard error.

Such a file can be given to the collector `file` on another host (setting file.paths), or to fixcore:
  curl -H 'Content-Type: application/x-ndjson' --data-binary @42.ndjson \\
    http://localhost:8900/graph/fix/merge

--record keeps what the cloud has answered, --replay collects from that without cloud, network or credentials: to look \
into one account elsewhere, or to show somebody what happened. Tokens, passwords, signatures, values of environment \
variables and scripts of machines have stand-ins in a recording; names, addresses and tags are in it.";

const CLEAN_HELP: &str = "The input has one JSON object per line: what `collect` writes, or the answer of a search in \
fixcore. Deleted is what is marked for cleanup there (desired.clean), or, with --id, what is named, marked or not. A \
resource goes only after everything that has to go before it (delete edges); what is protected, is no thing of the \
cloud (regions, types, quotas), or waits for something that stays, is not touched. fixcore is not told.

--dry-run prints what would be done, in its order, and changes nothing. Without it the answer `yes` is needed on the \
terminal, or --yes.";

const TASK_HELP: &str = "The node is one JSON object, as fixcore gives it to a worker: with metadata, and with complete \
ancestors (cloud, account, region), of which the collector learns account, role and region. fixcore is not told.";

const CONFIG_HELP: &str = "A JSON file in the shape of the config document in fixcore: one object per section, of \
which the section of the collector is read (and fixworker.max_resources_per_account). $(NAME) in a value stands for \
an environment variable. Without it the defaults count";

/// `fix-collector`.
#[derive(Debug, Parser)]
#[command(name = "fix-collector", version, about = ABOUT, long_about = LONG_ABOUT)]
#[command(after_help = EXIT_CODES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Serve the fixworker at the other end of a connection that this process has inherited, fd:0 for standard
    /// input; used by fixworker, not by hand.
    #[arg(long, value_name = "fd:0", requires = "label")]
    pub(crate) connect: Option<String>,
    /// Whom this process serves, as COLLECTOR/ACCOUNT_ID, to be seen in `ps`.
    #[arg(long, allow_hyphen_values = true, value_name = "LABEL", requires = "connect")]
    pub(crate) label: Option<String>,
    /// What to do by hand.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What can be done by hand.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print what a collector is: settings, environment variables, kinds, as JSON.
    Describe(Describe),
    /// List the accounts that the configuration gives access to.
    Accounts(Accounts),
    /// Collect one account and write its graph.
    #[command(after_long_help = format!("{COLLECT_HELP}\n\n{EXIT_CODES}"))]
    #[command(mut_arg("collector", of_replay))]
    Collect(Collect),
    /// Delete resources of a file of nodes.
    #[command(after_long_help = format!("{CLEAN_HELP}\n\n{EXIT_CODES}"))]
    Clean(Clean),
    /// Change tags of one resource in its cloud, and print the changed node.
    #[command(after_long_help = format!("{TASK_HELP}\n\n{EXIT_CODES}"))]
    Tag(Tag),
    /// Execute a command of a collector, and print its answer.
    #[command(after_long_help = format!("{TASK_HELP}\n\n{EXIT_CODES}"))]
    #[command(name = "command")]
    Execute(Execute),
    /// Look into a recording that `collect --record` has made.
    #[command(subcommand)]
    Record(Recordings),
    /// Try what the walls around this process hold; `fixworker check --walls` starts it inside them.
    SelfCheck {
        /// Print one JSON list instead of lines.
        #[arg(long)]
        json: bool,
        /// Only take 100 MiB of memory, and print a line if that works.
        #[arg(long, conflicts_with = "json")]
        fill: bool,
    },
    /// Print what a shell needs to complete this command line.
    Completions {
        /// The shell.
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Print a man page.
    Man {
        /// A command, as collect [default: the program].
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },
}

impl Command {
    /// How often `-v` was given.
    pub(crate) fn verbose(&self) -> u8 {
        match self {
            Self::Describe(describe) => describe.verbose,
            Self::Accounts(accounts) => accounts.source.verbose,
            Self::Collect(collect) => collect.source.verbose,
            Self::Clean(clean) => clean.source.verbose,
            Self::Tag(tag) => tag.source.verbose,
            Self::Execute(execute) => execute.source.verbose,
            Self::Record(_) | Self::SelfCheck { .. } | Self::Completions { .. } | Self::Man { .. } => 0,
        }
    }
}

/// `describe`.
#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// Name of the collector; all of them if not given.
    #[arg(long, short, value_name = "NAME")]
    pub(crate) collector: Option<String>,
    /// Print the kinds with all their properties and not only their names.
    #[arg(long, short, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// `accounts`.
#[derive(Debug, Args)]
pub(crate) struct Accounts {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print one JSON object per account instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `collect`.
#[derive(Debug, Args)]
pub(crate) struct Collect {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Id of the account, as `accounts` lists it; may be left out if there is only one.
    #[arg(long, short, value_name = "ID")]
    pub(crate) account: Option<String>,
    /// Where to write the graph; `-` is standard output.
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Keep every exchange with the cloud in this file, with stand-ins for what is secret.
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    pub(crate) record: Option<PathBuf>,
    /// Collect from such a file and not from the cloud: collector, account, settings and variables are those of the
    /// recording; --account and --override count besides.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub(crate) replay: Option<PathBuf>,
    /// With --replay: how long each answer takes.
    #[arg(long, value_name = "MS", default_value_t = 0, requires = "replay")]
    pub(crate) latency: u64,
}

/// `record`.
#[derive(Debug, Subcommand)]
pub(crate) enum Recordings {
    /// List what was asked and answered, and look whether something secret is in it (exit code 79).
    Inspect(Inspect),
}

/// `record inspect`.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The recording.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print one JSON object per exchange instead of a list for people.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `clean`.
#[derive(Debug, Args)]
pub(crate) struct Clean {
    #[command(flatten)]
    pub(crate) source: Source,
    /// The nodes and edges; `-` is standard input.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Delete this resource, and nothing else: a node id, or its id in the cloud. Can be given several times.
    // Node ids may begin with a hyphen.
    #[arg(long = "id", value_name = "ID", allow_hyphen_values = true)]
    pub(crate) ids: Vec<String>,
    /// Print what would be done, and change nothing.
    #[arg(long, short = 'n')]
    pub(crate) dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Resources to work on at once.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) parallel: u32,
    /// How long to try again while nothing makes progress: something may still be on its way out, or you remove what
    /// is in the way.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub(crate) patience: u32,
    /// Print one JSON object per resource instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `tag`.
#[derive(Debug, Args)]
pub(crate) struct Tag {
    #[command(flatten)]
    pub(crate) source: Source,
    /// The node; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) node: PathBuf,
    /// A tag to set. Can be given several times.
    #[arg(long, value_name = "K=V", value_parser = tag)]
    pub(crate) set: Vec<(String, String)>,
    /// A tag to remove. Can be given several times.
    #[arg(long, value_name = "K")]
    pub(crate) remove: Vec<String>,
}

/// `command`.
#[derive(Debug, Args)]
pub(crate) struct Execute {
    #[command(flatten)]
    pub(crate) source: Source,
    /// A node that the command is about; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) node: Option<PathBuf>,
    /// Name of the command.
    #[arg(value_name = "COMMAND")]
    pub(crate) name: String,
    /// Its arguments.
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) args: Vec<String>,
}

/// A recording knows its collector.
fn of_replay(collector: clap::Arg) -> clap::Arg {
    collector.required(false).required_unless_present("replay").default_value_if(
        "replay",
        clap::builder::ArgPredicate::IsPresent,
        "",
    )
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a tag is given as NAME=VALUE".to_owned()),
    }
}

/// Which collector, with which configuration.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// Name of the collector; `describe` lists them.
    #[arg(long, short, value_name = "NAME")]
    pub(crate) collector: String,
    #[arg(long, value_name = "FILE", help = CONFIG_HELP)]
    pub(crate) config: Option<PathBuf>,
    /// A setting that replaces the one of the config file, as SECTION.SETTING=VALUE; lists by comma. Can be
    /// given several times, and with several settings at once.
    #[arg(long = "override", value_name = "K=V", num_args = 1..)]
    pub(crate) overrides: Vec<String>,
    /// Log more to standard error; twice for details.
    #[arg(long, short, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use ipc_proto::exit_code::ExitCode;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_lists_every_exit_code() {
        for exit in ExitCode::ALL {
            assert!(EXIT_CODES.contains(&format!("\n  {:>2}  ", exit.code())), "{exit:?}");
        }
        assert_eq!(EXIT_CODES.lines().count(), 1 + ExitCode::ALL.len());
    }

    #[test]
    fn connect_and_commands_exclude_each_other() {
        let parse = |args: &[&str]| Cli::try_parse_from([&["fix-collector"], args].concat());
        let connected = parse(&["--connect", "fd:0", "--label", "random/42"]).unwrap();
        assert_eq!(connected.label.as_deref(), Some("random/42"));
        let describe = parse(&["--connect", "fd:0", "--label", "-/-"]).unwrap();
        assert_eq!(describe.label.as_deref(), Some("-/-"), "a job about no collector");
        assert!(parse(&["--connect", "/s"]).is_err());
        assert!(parse(&["--connect", "fd:0", "--label", "x", "describe"]).is_err());
        assert!(parse(&["collect"]).is_err());
        assert!(parse(&[]).unwrap().command.is_none());
    }

    #[test]
    fn arguments_of_a_command_may_look_like_ours() {
        let args = ["fix-collector", "command", "-c", "aws", "aws", "ec2", "describe-volumes", "--id", "x"];
        let Some(Command::Execute(command)) = Cli::try_parse_from(args).unwrap().command else {
            panic!("command")
        };
        assert_eq!((command.name.as_str(), command.args.len()), ("aws", 4));
    }

    #[test]
    fn a_tag_may_have_equal_signs_in_its_value() {
        let parse = |set: &str| {
            let args = ["fix-collector", "tag", "-c", "x", "--node", "-", "--set", set];
            match Cli::try_parse_from(args).ok()?.command {
                Some(Command::Tag(tag)) => Some(tag.set),
                _ => None,
            }
        };
        assert_eq!(parse("a=b=c"), Some(vec![("a".to_owned(), "b=c".to_owned())]));
        assert_eq!(parse("a="), Some(vec![("a".to_owned(), String::new())]));
        assert_eq!((parse("a"), parse("=b")), (None, None));
    }

    #[test]
    fn overrides_come_one_by_one_or_together() {
        let args = [
            "fix-collector",
            "collect",
            "--override",
            "a.b=1",
            "a.c=2",
            "--collector",
            "a",
            "--override",
            "a.d=3",
        ];
        let Some(Command::Collect(collect)) = Cli::try_parse_from(args).unwrap().command else {
            panic!("collect")
        };
        assert_eq!(collect.source.overrides, ["a.b=1", "a.c=2", "a.d=3"]);
    }
}
