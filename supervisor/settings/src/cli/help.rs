//! What `--help` says beyond the options.

pub(super) const ABOUT: &str = "\
Collects cloud accounts, each in a process of its own, and sends them to Fix Inventory.

Without a command it is the worker: it connects to fixcore and collects when fixcore says so. Its settings \
are the config document of the same name as the worker in fixcore.";

pub(super) const DAEMON: &str = "\
Examples:
  Work for the fixcore on this host:
    FIXWORKER_PSK=... fixworker
  Work for another one, with two settings that are not those of the config document:
    fixworker --fixcore-uri https://core.example.com:8900 \\
        --override fixworker.collector=aws,k8s aws.account_pool_size=8
  Collect once, without fixcore:
    fixworker collect --collector example --output graph.ndjson

Overrides:
  SECTION.KEY=VALUE, several after one flag. Lists are written with commas (fixworker.collector=aws,gcp), \
booleans as true or false; null unsets a setting that may be empty; lists and objects may also be JSON.

Environment:
  Every option can be given as a variable: FIXWORKER_ and its name in capitals, with _ for -
  (FIXWORKER_FIXCORE_URI, FIXWORKER_VERBOSE=true). An option wins over its variable.
  Options with several values: with spaces between them (FIXWORKER_OVERRIDE='a.b=1 c.d=2'), or
  numbered, when a value holds a space (FIXWORKER_OVERRIDE0 to FIXWORKER_OVERRIDE254).
  FIX_LOG_TEXT=true          text logs, whatever --log-format says
  $(NAME) in a config value is replaced by the variable NAME.

Exit codes:
  0  fine, also after a graceful shutdown      4  nothing collected
  1  a fault of this program, or idle timeout  5  fixcore refused us, or cannot prove who it is
  2  wrong usage or configuration              6  a shutdown had to be forced
  3  some accounts failed, the others are written";

pub(super) const COLLECT_ABOUT: &str = "\
Collect once, without fixcore, into one NDJSON file.

Every account is collected in a process of its own, as the worker does it, and the merged graph is written.";

pub(super) const COLLECT: &str = "\
Examples:
  fixworker collect --collector example --output -
  fixworker collect --collector random --override random.accounts=10 --output g.ndjson --report r.json
  fixworker collect --collector aws --account 123456789012 --config worker.json --output g.ndjson

Exit codes:
  0  every account is in the file    3  some accounts failed, the others are written
  1  a fault of this program         4  nothing collected
  2  wrong usage or configuration    6  a shutdown had to be forced
With --strict, 3 also if something of an account is missing: a denied call, a fault.";

/// Below the options of `history`.
pub(super) const HISTORY: &str = "\
Examples:
  fixworker history                      the last runs of the worker on this host
  fixworker history 123456789012         what became of an account, and why
  fixworker history --run 20261202T153012Z-collect

It reads what the worker has left in its spool directory, so it needs to run as the same user; the worker need
not run. The same is at /runs and /runs/RUN of the worker's web server.

Exit codes, by the newest run that is shown:
  0  it is fine, or the account was collected     3  some accounts failed, or this one
  2  wrong usage, or the history cannot be read   4  nothing was collected, or there is no such run or account";

pub(super) const CHECK_ABOUT: &str = "\
Before the first run: look at everything that it needs, and say what to do where something is missing.

It looks at fixcore (is it there, does it trust this worker and this worker it, which version, the clock), the settings \
(those of fixcore's config document, or of --config), the credentials of each collector and each account that they get \
into, the walls around children, and the places where files are written. Nothing is collected, and nothing is changed in \
fixcore. If fixcore is away the rest is looked at with --config, or with the defaults.";

/// Below the options of `check`.
pub(super) const CHECK: &str = "\
Examples:
  FIXWORKER_PSK=... fixworker check --fixcore-uri https://core.example.com:8900
  fixworker check --config worker.json --override fixworker.collector=aws
  fixworker check --walls                what a child in its sandbox can and cannot do here

Exit codes, the first that applies:
  2  the settings, the command line or this host: places, clock, the program that collects
  5  fixcore is not there, refuses us, or cannot prove who it is
  4  no account can be collected
  3  some accounts or collectors cannot
  1  a wall around children does not hold, or a fault of this program
  0  nothing is in the way";

/// Below the options of `unsubscribe`.
pub(super) const UNSUBSCRIBE: &str = "\
Options and variables are those of the worker that is gone. Stop it first: a worker that runs subscribes again with its \
next connection. A run that is on goes on with the next answer of another worker, or when it is stopped. fixcore forgets \
a worker by itself too, three minutes after its connection was lost.

Examples:
  fixworker unsubscribe --fixcore-uri https://core.example.com:8900 --psk-file /run/secrets/psk
  The third of what were three workers:
    fixworker unsubscribe --shard 3/3

Exit codes:
  0  fixcore does not wait for this worker    5  fixcore unreachable, or it refused us
  2  wrong usage";
