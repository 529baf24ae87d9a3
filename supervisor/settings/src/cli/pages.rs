//! Completions of shells and man pages, made from the options themselves.

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::UsageError;
use super::flags::Cli;

/// What a shell completes after `fixworker`.
pub(super) fn completions(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "fixworker", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The man page of the program, or of one of its commands.
pub(super) fn man(command: Option<&str>) -> Result<String, UsageError> {
    let mut program = Cli::command();
    program.build();
    let page = match command {
        None => program,
        Some(name) => find(&program, name)?,
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page)
        .render(&mut text)
        .map_err(|error| UsageError::new(format!("no man page can be made: {error}")))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn find(program: &Command, name: &str) -> Result<Command, UsageError> {
    let mut commands = program.get_subcommands().filter(|command| !command.is_hide_set());
    let Some(found) = commands.find(|command| command.get_name() == name) else {
        return Err(UsageError::new(format!("fixworker has no command '{name}'")));
    };
    // Built by the program, it is called fixworker-collect and the like, as in `man git-log`.
    Ok(found.clone())
}
