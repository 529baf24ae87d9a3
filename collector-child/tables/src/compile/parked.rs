//! Kinds whose mistakes are borne with while their tables are being written.

use super::Compiled;
use super::mistake::Mistake;

/// Kinds, and files, that may have mistakes: they are left out of the build, and everything else is not.
/// One name a line (`cloud_volume`, `ec2.toml`); `#` begins a comment.
#[derive(Debug, Clone, Default)]
pub struct Parked {
    names: Vec<String>,
}

impl Parked {
    /// Reads the list.
    pub fn parse(text: &str) -> Self {
        let names = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        Self { names: names.filter(|name| !name.is_empty()).map(str::to_owned).collect() }
    }

    /// The mistakes that are not borne with.
    pub fn intolerable<'a>(&self, compiled: &'a Compiled) -> Vec<&'a Mistake> {
        compiled
            .mistakes
            .iter()
            .filter(|mistake| !self.names.iter().any(|name| covers(name, mistake)))
            .collect()
    }

    /// Names that have no mistakes and can be taken out.
    pub fn needless(&self, compiled: &Compiled) -> Vec<&str> {
        let needed = |name: &&str| compiled.mistakes.iter().any(|mistake| covers(name, mistake));
        self.names.iter().map(String::as_str).filter(|name| !needed(name)).collect()
    }
}

fn covers(name: &str, mistake: &Mistake) -> bool {
    match name.strip_suffix(".toml") {
        Some(_) => mistake.file.rsplit(['/', '\\']).next() == Some(name),
        None => mistake.kind.as_deref() == Some(name),
    }
}
