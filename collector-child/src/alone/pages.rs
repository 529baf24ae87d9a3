//! Completions of shells and man pages, made from the options themselves.

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use ipc_proto::exit_code::ExitCode;

use super::cli::Cli;
use super::trouble::Trouble;

/// What a shell completes after `fix-collector`.
pub(crate) fn completions(shell: Shell) -> Result<ExitCode, Trouble> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "fix-collector", &mut text);
    super::print(&String::from_utf8_lossy(&text)).map(|()| ExitCode::Done)
}

/// The man page of the program, or of one of its commands.
pub(crate) fn man(command: Option<&str>) -> Result<ExitCode, Trouble> {
    let mut program = Cli::command();
    program.build();
    let page = match command {
        None => program,
        Some(name) => find(&program, name)?,
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page)
        .render(&mut text)
        .map_err(|error| Trouble::new(ExitCode::Internal, format!("no man page can be made: {error}")))?;
    super::print(&String::from_utf8_lossy(&text)).map(|()| ExitCode::Done)
}

fn find(program: &Command, name: &str) -> Result<Command, Trouble> {
    let mut commands = program.get_subcommands().filter(|command| !command.is_hide_set());
    let found = commands.find(|command| command.get_name() == name);
    // Built by the program, it is called fix-collector-collect and the like, as in `man git-log`.
    found
        .cloned()
        .ok_or_else(|| Trouble::new(ExitCode::Usage, format!("fix-collector has no command '{name}'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_is_shown_has_a_page() {
        let mut program = Cli::command();
        program.build();
        for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
            let page = find(&program, command.get_name()).expect("it is one of them");
            let mut text = Vec::new();
            clap_mangen::Man::new(page).render(&mut text).expect("memory takes it");
            let title = format!("fix\\-collector\\-{}", command.get_name().replace('-', "\\-"));
            assert!(String::from_utf8_lossy(&text).contains(&title), "{title}");
        }
        assert!(find(&program, "nothing").is_err());
    }
}
