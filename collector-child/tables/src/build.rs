//! The build script of a cloud: compiles the tables in its folder `kinds` to plans. Mistakes in them stop the build, all of
//! them at once.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "this is how a build script speaks")]

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use inventory::KindTable;

use shapes::Catalog;

use crate::compile::{Dialect, Parked, SourceFile, cloud as read_cloud, compile};

/// Writes to the output folder of the build script that calls this: `plans.rs`, an array of name and text of each plan, and
/// `cloud.json`, what `cloud.toml` says. `folder` is that of the cloud in the repository, for messages; `catalog` has the
/// operations of its services that have shapes.
pub fn cloud(folder: &str, catalog: Option<&'static Catalog>) -> ExitCode {
    match run(folder, catalog) {
        Ok(mistakes) if mistakes.is_empty() => ExitCode::SUCCESS,
        Ok(mistakes) => {
            eprintln!("{mistakes}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("the kind tables cannot be compiled: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the plans; what is wrong with the tables, if anything is.
fn run(folder: &str, catalog: Option<&'static Catalog>) -> Result<String, Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let directory = root.join("kinds");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=cloud.toml");
    println!("cargo::rerun-if-changed=kinds");
    let about = fs::read_to_string(root.join("cloud.toml"))?;
    let path = format!("{folder}/cloud.toml");
    let cloud = match read_cloud(&SourceFile { name: "cloud", path: &path, text: &about }) {
        Ok(cloud) => cloud,
        Err(mistakes) => {
            let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            return Ok(lines.join("\n"));
        }
    };
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("cloud.json"), serde_json::to_string(&cloud)?)?;
    let texts = read(&directory, folder)?;
    let files: Vec<SourceFile<'_>> = texts
        .iter()
        .map(|table| SourceFile { name: &table.name, path: &table.path, text: &table.text })
        .collect();
    let models: Vec<&str> = cloud.models.iter().map(String::as_str).collect();
    let kinds = KindTable::load(&models)?;
    let compiled = compile(&files, &kinds, Dialect { cloud: &cloud, catalog });
    let list = directory.join("parked.txt");
    let parked = if list.is_file() { Parked::parse(&fs::read_to_string(list)?) } else { Parked::default() };
    for name in parked.needless(&compiled) {
        println!("cargo::warning=kinds/parked.txt: {name} has no mistakes and can be taken out");
    }
    let mut mistakes = String::new();
    for mistake in parked.intolerable(&compiled) {
        writeln!(mistakes, "{mistake}")?;
    }
    let mut index = String::from("&[\n");
    for plan in &compiled.plans {
        let name = &plan.name;
        fs::write(out.join(format!("{name}.json")), serde_json::to_string(plan)?)?;
        writeln!(index, "    ({name:?}, include_str!(concat!(env!(\"OUT_DIR\"), \"/{name}.json\"))),")?;
    }
    index.push_str("]\n");
    fs::write(out.join("plans.rs"), index)?;
    Ok(mistakes)
}

/// A file of tables.
struct Table {
    name: String,
    /// From the root of the repository, for whoever reads the mistakes.
    path: String,
    text: String,
}

/// The files of tables, by name.
fn read(directory: &Path, folder: &str) -> Result<Vec<Table>, Box<dyn Error>> {
    let mut tables = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "toml") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path)?;
            tables.push(Table { path: format!("{folder}/kinds/{name}.toml"), name, text });
        }
    }
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tables)
}
