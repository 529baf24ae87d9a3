//! Files below the home directory, on a real file system.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use fixworker_settings::HomeFile;
use fixworker_settings::home_files::{
    Done, HomeFileError, HomeFileOutcome, HomeFilePolicy, write_home_files,
};
use secrecy::SecretString;

/// All that can be allowed.
fn anything() -> HomeFilePolicy {
    HomeFilePolicy::new(vec!["**".into()], true)
}

fn write(home: &Path, path: &str, content: &str) -> Result<Done, HomeFileError> {
    let files = [HomeFile { path: path.to_owned(), content: SecretString::from(content) }];
    let mut outcomes = write_home_files(home, &files, &anything());
    let HomeFileOutcome { path: named, result } = outcomes.remove(0);
    assert_eq!(named, path);
    result
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).expect("metadata").mode() & 0o777
}

#[test]
fn files_and_directories_are_private_and_whole() {
    let home = tempfile::tempdir().expect("home");
    let home = home.path();
    assert_eq!(write(home, ".aws/sso/credentials", "one").expect("written"), Done::Written);
    let file = home.join(".aws/sso/credentials");
    assert_eq!(std::fs::read_to_string(&file).expect("file"), "one");
    assert_eq!((mode(&file), mode(&home.join(".aws")), mode(&home.join(".aws/sso"))), (0o600, 0o700, 0o700));
    assert_eq!(write(home, "~/.aws/sso/credentials", "two").expect("written"), Done::Written);
    assert_eq!(std::fs::read_to_string(&file).expect("file"), "two");
    let left: Vec<_> = std::fs::read_dir(home.join(".aws/sso")).expect("directory").collect();
    assert_eq!(left.len(), 1, "nothing temporary is left: {left:?}");
}

#[test]
fn an_unchanged_file_is_left_alone_but_made_private() {
    let home = tempfile::tempdir().expect("home");
    let file = home.path().join("x");
    write(home.path(), "x", "same").expect("written");
    let inode = |path: &Path| std::fs::metadata(path).expect("metadata").ino();
    let before = inode(&file);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("chmod");
    assert_eq!(write(home.path(), "x", "same").expect("unchanged"), Done::Unchanged);
    assert_eq!((inode(&file), mode(&file)), (before, 0o600));
    assert_eq!(write(home.path(), "x", "size").expect("written"), Done::Written);
    assert_ne!(inode(&file), before, "a new file took its place");
}

#[test]
fn nothing_outside_is_touched_through_links() {
    let base = tempfile::tempdir().expect("base");
    let (home, outside) = (base.path().join("home"), base.path().join("outside"));
    std::fs::create_dir_all(home.join("real")).expect("home");
    std::fs::create_dir(&outside).expect("outside");
    std::fs::write(outside.join("file"), "theirs").expect("file");
    symlink(&outside, home.join("absolute")).expect("link");
    symlink("../outside", home.join("relative")).expect("link");
    symlink("absolute", home.join("chain")).expect("link");
    symlink("loop", home.join("loop")).expect("link");
    symlink(outside.join("file"), home.join("file")).expect("link");
    symlink(outside.join("new"), home.join("dangling")).expect("link");
    symlink("/proc/self/cwd", home.join("magic")).expect("link");
    for path in [
        "absolute/file",
        "relative/file",
        "chain/file",
        "loop/file",
        "file",
        "dangling",
        "absolute/new/file",
        "relative/../outside/file",
        "magic/file",
    ] {
        let outcome = write(&home, path, "ours");
        // The path without its `..` may lead to an ordinary place, which then is below the home directory.
        if path != "relative/../outside/file" {
            let error = outcome.expect_err(path).to_string();
            assert!(error.contains(path) && error.contains("not written"), "{error}");
        }
    }
    assert_eq!(std::fs::read_to_string(outside.join("file")).expect("file"), "theirs");
    assert_eq!(std::fs::read_dir(&outside).expect("outside").count(), 1);
    symlink("real", home.join("inner")).expect("link");
    assert_eq!(write(&home, "inner/file", "ours").expect("a link that stays inside"), Done::Written);
    assert_eq!(std::fs::read_to_string(home.join("real/file")).expect("file"), "ours");
}

#[test]
fn each_failure_is_a_sentence_and_stops_no_other_file() {
    let home = tempfile::tempdir().expect("home");
    std::fs::create_dir(home.path().join("directory")).expect("directory");
    std::fs::write(home.path().join("file"), "").expect("file");
    let file = |path: &str| HomeFile { path: path.to_owned(), content: SecretString::from("x") };
    let files = [file("directory"), file("/etc/x"), file("file/below"), file("."), file("good")];
    let outcomes = write_home_files(home.path(), &files, &anything());
    let said: Vec<_> = outcomes
        .iter()
        .map(|o| o.result.as_ref().map_or_else(ToString::to_string, |d| format!("{d:?}")))
        .collect();
    assert!(said[0].contains("a directory has this name"), "{said:?}");
    assert!(said[1].contains("outside the home directory"), "{said:?}");
    assert!(said[2].contains("\"file/below\"") && said[2].contains("Not a directory"), "{said:?}");
    assert!(said[3].contains("names no file"), "{said:?}");
    assert_eq!(said[4], "Written");
    let missing = write(&home.path().join("nobody"), "x", "x").expect_err("no home").to_string();
    assert!(missing.contains("nobody cannot be opened"), "{missing}");
}

#[test]
fn the_home_directory_itself_may_be_a_link() {
    let base = tempfile::tempdir().expect("base");
    std::fs::create_dir(base.path().join("real")).expect("home");
    let home = base.path().join("home");
    symlink("real", &home).expect("link");
    let absolute = home.join(".kube/config");
    assert_eq!(write(&home, &absolute.to_string_lossy(), "x").expect("written"), Done::Written);
    assert_eq!(std::fs::read_to_string(base.path().join("real/.kube/config")).expect("file"), "x");
}
