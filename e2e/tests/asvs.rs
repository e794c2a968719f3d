//! `docs/asvs.csv`: which test proves which requirement of OWASP ASVS 5.0, chapters 6 and 7.
#![expect(clippy::unwrap_used, reason = "a failing test should show where")]

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Rows of the two chapters that apply to a service like this.
const ROWS: usize = 52;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

/// All Rust files below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Each test's name, with what stands between the function before it and its own end.
fn tests() -> HashMap<String, String> {
    let mut files = Vec::new();
    for folder in ["crates", "e2e", "migrations"] {
        sources(&Path::new(ROOT).join(folder), &mut files);
    }
    let mut tests = HashMap::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some((_, rest)) = line.split_once("fn ") else { continue };
            let above =
                |line: &&&str| line.trim_start().starts_with("///") || line.trim_start().starts_with("#[");
            let head: Vec<&str> = lines[..at].iter().rev().take_while(above).copied().collect();
            if !head.iter().any(|line| line.trim_end().ends_with("test]") || line.contains("::test(")) {
                continue;
            }
            let closing = format!("{}}}", " ".repeat(line.len() - line.trim_start().len()));
            let body = lines[at..].iter().take_while(|line| **line != closing).copied();
            let name = rest.split(['(', '<']).next().unwrap().to_owned();
            tests.insert(name, head.into_iter().chain(body).collect::<Vec<_>>().join("\n"));
        }
    }
    tests
}

/// Whether a text names a requirement: `asvs 6.2.1, 6.2.4`.
fn names(text: &str, id: &str) -> bool {
    text.split("asvs ").skip(1).any(|rest| {
        let ids = rest.split(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | ' '))).next();
        ids.unwrap_or_default().split(',').any(|named| named.trim().trim_end_matches('.') == id)
    })
}

#[test]
fn each_requirement_has_a_test_that_names_it_or_a_reason() {
    let (table, tests) = (read("docs/asvs.csv"), tests());
    let mut wrong = Vec::new();
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split(',').collect()).collect();
    for row in &rows {
        let [id, _level, _requirement, test, reason] = row[..] else {
            wrong.push(format!("{row:?} has not five columns"));
            continue;
        };
        match (test, reason) {
            ("", "") => wrong.push(format!("{id} has neither a test nor a reason")),
            ("", _) => {}
            (test, _) => match tests.get(test) {
                None => wrong.push(format!("{id}: there is no test {test}")),
                Some(source) if !names(source, id) => wrong.push(format!("{test} does not name asvs {id}")),
                Some(_) => {}
            },
        }
    }

    assert_eq!(wrong, [""; 0]);
    assert_eq!(rows.len(), ROWS);
}

/// asvs 16.1.1: what is logged for security is what `docs/operating.md` lists.
#[test]
fn every_event_is_in_the_inventory_and_the_other_way_round() {
    let operating = read("docs/operating.md");
    let inventory = operating.split("## Events").nth(1).unwrap().split("\n## ").next().unwrap();
    let table: String = inventory.lines().filter(|line| line.starts_with("| `")).collect();
    let listed: BTreeSet<String> = table
        .split('|')
        .filter(|cell| cell.trim_start().starts_with('`'))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter(|word| word.contains('.') || *word == "throttled")
        .map(str::to_owned)
        .collect();
    let mut files = Vec::new();
    sources(&Path::new(ROOT).join("crates"), &mut files);
    let mut emitted = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let events = text.split("event = \"").skip(1);
        emitted.extend(events.map(|rest| rest.split('"').next().unwrap().to_owned()));
    }

    assert_eq!(listed, emitted);
    assert!(emitted.len() >= 17, "{}", emitted.len());
}
