//! Shows what a file of kind tables means: `explain FILE [KIND]`; the numbers of all: `explain --count DIRECTORY`;
//! all as JSON: `explain --json DIRECTORY`; the kinds with mistakes: `explain --mistaken DIRECTORY`.
//!
//! For each property of each kind: how its value was found (convention, entry, unset, absent, automatic, open),
//! where it comes from, and what is there; the operations that are called; members of the documents that nothing
//! uses. Other files of the same folder are read too, because parents may be there. Exits with 1 if the file has
//! mistakes.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what it is for")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use inventory::KindTable;
use tables::compile::{Compiled, Dialect, How, KindReport, SourceFile, cloud, compile};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let shown = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--count", directory] => count(Path::new(directory)),
        ["--json", directory] => json(Path::new(directory)),
        ["--mistaken", directory] => mistaken(Path::new(directory)),
        [file] => explain(Path::new(file), None),
        [file, kind] => explain(Path::new(file), Some(kind)),
        _ => Err(
            "usage: explain FILE [KIND] | explain --count DIRECTORY | explain --json|--mistaken DIRECTORY"
                .to_owned(),
        ),
    };
    match shown {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

/// The tables of a folder: name, path, text.
fn read(directory: &Path) -> Result<Vec<(String, String, String)>, String> {
    let fail = |error: std::io::Error| format!("{}: {error}", directory.display());
    let entries = std::fs::read_dir(directory).map_err(fail)?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    paths.sort();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, path.display().to_string(), text))
    };
    paths.iter().map(read).collect()
}

fn compiled(directory: &Path) -> Result<Compiled, String> {
    let about = directory.join("../cloud.toml");
    let path = about.display().to_string();
    let text = std::fs::read_to_string(&about).map_err(|error| format!("{path}: {error}"))?;
    let cloud = cloud(&SourceFile { name: "cloud", path: &path, text: &text })
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let models: Vec<&str> = cloud.models.iter().map(String::as_str).collect();
    let kinds = KindTable::load(&models).map_err(|error| error.to_string())?;
    let texts = read(directory)?;
    let files: Vec<SourceFile<'_>> =
        texts.iter().map(|(name, path, text)| SourceFile { name, path, text }).collect();
    let catalog = cloud.shapes.then_some(&aws_shapes::CATALOG);
    Ok(compile(&files, &kinds, Dialect { cloud: &cloud, catalog }))
}

fn explain(file: &Path, kind: Option<&str>) -> Result<bool, String> {
    if !file.is_file() {
        return Err(format!("{}: there is no such file", file.display()));
    }
    let directory = file.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let compiled = compiled(directory)?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let wanted = |other: &str| kind.is_none_or(|kind| kind == other);
    for report in compiled.reports.iter().filter(|report| report.file == name && wanted(&report.kind)) {
        show(report);
    }
    let path = directory.join(file.file_name().unwrap_or_default()).display().to_string();
    let mistakes: Vec<_> = compiled
        .mistakes
        .iter()
        .filter(|mistake| mistake.file == path && mistake.kind.as_deref().is_none_or(wanted))
        .collect();
    for mistake in &mistakes {
        println!("{mistake}");
    }
    println!("{} mistakes", mistakes.len());
    Ok(mistakes.is_empty())
}

fn show(report: &KindReport) {
    println!("== {}   calls {}", report.kind, report.operations.join(", "));
    let mut owner = report.kind.as_str();
    for property in &report.properties {
        if property.owner != owner {
            owner = &property.owner;
            println!("   -- {owner}");
        }
        let how = format!("{:?}", property.how).to_lowercase();
        println!(
            "   {:<40} {:<28} {:<10} {:<40} {}",
            property.name, property.notation, how, property.path, property.note
        );
    }
    for (owner, members) in &report.unused {
        println!("   unused in {owner}: {}", members.join(", "));
    }
    println!();
}

fn json(directory: &Path) -> Result<bool, String> {
    let compiled = compiled(directory)?;
    println!("{}", serde_json::to_string(&compiled.reports).map_err(|error| error.to_string())?);
    Ok(true)
}

/// The kinds that have mistakes, and `NAME.toml` for what is wrong outside of kinds.
fn mistaken(directory: &Path) -> Result<bool, String> {
    let compiled = compiled(directory)?;
    let name = |mistake: &tables::compile::Mistake| {
        let file = Path::new(&mistake.file).file_name().unwrap_or_default().to_string_lossy().into_owned();
        mistake.kind.clone().unwrap_or(file)
    };
    let names: std::collections::BTreeSet<String> = compiled.mistakes.iter().map(name).collect();
    for name in names {
        println!("{name}");
    }
    Ok(true)
}

fn count(directory: &Path) -> Result<bool, String> {
    let compiled = compiled(directory)?;
    let mut files: BTreeMap<&str, [usize; 7]> = BTreeMap::new();
    for report in &compiled.reports {
        let row = files.entry(&report.file).or_default();
        row[6] += 1;
        for property in &report.properties {
            row[match property.how {
                How::Convention => 0,
                How::Entry => 1,
                How::Unset => 2,
                How::Absent => 3,
                How::Automatic => 4,
                How::Open => 5,
            }] += 1;
        }
    }
    println!("file               kinds  convention  entry  unset  absent  automatic   open  mistakes");
    let mut total = [0; 7];
    for (file, row) in &files {
        let mistakes =
            compiled.mistakes.iter().filter(|mistake| mistake.file.contains(&format!("/{file}.toml")));
        line(file, row, mistakes.count());
        total.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    line("all", &total, compiled.mistakes.len());
    Ok(true)
}

fn line(name: &str, row: &[usize; 7], mistakes: usize) {
    let [convention, entry, unset, absent, automatic, open, kinds] = row;
    println!(
        "{name:<18} {kinds:>5}  {convention:>10}  {entry:>5}  {unset:>5}  {absent:>6}  {automatic:>9}  {open:>5}  {mistakes:>8}"
    );
}
