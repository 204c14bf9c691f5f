//! Arrows run up the table of modules in ARCHITECTURE.md only: what a module uses of this crate must be in its row.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}

/// The rows `| module | duty | may use |` between the markers of ARCHITECTURE.md, in order.
fn table() -> Vec<(String, BTreeSet<String>)> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/ARCHITECTURE.md")).unwrap();
    let rows = text.split("<!-- modules -->").nth(1).expect("the table of modules is between two markers");
    let names = |cell: &str| -> BTreeSet<String> {
        cell.split(',').map(|name| name.trim().trim_matches('`').to_owned()).filter(|name| !name.is_empty()).collect()
    };
    rows.lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            (names(cells[0]).pop_first().unwrap(), names(cells[2]))
        })
        .collect()
}

#[test]
fn modules_use_only_what_their_row_allows() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rows = table();
    let allowed: BTreeMap<_, _> = rows.iter().cloned().collect();
    let mut wrong = Vec::new();
    for (at, (module, uses)) in rows.iter().enumerate() {
        let above: BTreeSet<_> = rows[..at].iter().map(|(name, _)| name).collect();
        wrong.extend(
            uses.iter()
                .filter(|name| !above.contains(name))
                .map(|name| format!("the table lets {module} use {name}, which is not above it")),
        );
    }
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    assert!(files.len() > 10, "the sources are found");
    for file in files {
        let inside = file.strip_prefix(&src).unwrap();
        let module =
            inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if module == "lib" {
            continue;
        }
        let Some(may) = allowed.get(&module) else {
            wrong.push(format!("{module} has no row in ARCHITECTURE.md"));
            continue;
        };
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for used in line.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                if used != module && !used.is_empty() && !may.contains(&used) {
                    wrong.push(format!("{}: {module} may not use {used}", inside.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_stay_short() {
    let mut files = Vec::new();
    for dir in ["src", "tests", "cli", "server", "stores", "tower", "xtask", "examples", "benches"] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
        if dir.is_dir() {
            rust_files(&dir, &mut files);
        }
    }
    let long: Vec<String> = files
        .iter()
        .map(|file| (file, fs::read_to_string(file).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > 500)
        .map(|(file, lines)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "at most 500 lines a file:\n{}", long.join("\n"));
}
