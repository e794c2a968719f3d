//! Tests of the sources and documents: dependencies between the modules of auth-core, and links between documents.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The engines of auth-core, and what they share.
const ENGINES: [&str; 9] = [
    "crates/auth-core/src/devices.rs",
    "crates/auth-core/src/environment.rs",
    "crates/auth-core/src/outbox",
    "crates/auth-core/src/passwords/decoy",
    "crates/auth-core/src/passwords/denylist",
    "crates/auth-core/src/passwords/hasher",
    "crates/auth-core/src/reset_issuer.rs",
    "crates/auth-core/src/sessions",
    "crates/auth-core/src/throttle",
];

/// The modules of use cases, which engines must not name.
const USE_CASES: [&str; 4] = ["login", "account", "recovery", "admin"];

/// The files below a path, or the file itself, with this extension.
fn files(path: &Path, extension: &str) -> Vec<PathBuf> {
    if !path.is_dir() {
        let is_one = path.extension().is_some_and(|found| found == extension);
        return if is_one { vec![path.to_owned()] } else { Vec::new() };
    }
    let is_output =
        path.file_name().is_some_and(|name| name == "target" || name == "node_modules" || name == ".git");
    if is_output {
        return Vec::new();
    }
    fs::read_dir(path).unwrap().flat_map(|entry| files(&entry.unwrap().path(), extension)).collect()
}

/// The words of the code of a file, without comments and unit tests.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code = code.split("#[cfg(test)]\n#[expect").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn contains_word(code: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(word)
        .any(|(at, _)| !code[..at].ends_with(is_part) && !code[at + word.len()..].starts_with(is_part))
}

/// The modules of a crate that a file names: in paths, and at the first level of `use crate::{…}`.
fn imported_modules(code: &str) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let Some(tree) = rest.strip_prefix('{') else {
            modules.extend(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned));
            continue;
        };
        let (mut depth, mut name) = (1, String::new());
        for character in tree.chars() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => modules.extend(first_segment(&std::mem::take(&mut name))),
                _ if depth == 1 => name.push(character),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        modules.extend(first_segment(&name));
    }
    modules
}

fn first_segment(path: &str) -> Option<String> {
    path.trim().split("::").next().filter(|name| !name.is_empty()).map(str::to_owned)
}

#[test]
fn engines_name_neither_auth_nor_a_use_case() {
    let mut count = 0;
    for engine in ENGINES {
        let path = Path::new(ROOT).join(engine);
        assert!(path.exists(), "{engine}");
        for file in files(&path, "rs")
            .into_iter()
            .filter(|file| !file.components().any(|part| part.as_os_str() == "tests"))
        {
            count += 1;
            let code = code(&fs::read_to_string(&file).unwrap());
            assert!(!contains_word(&code, "Auth"), "{} names Auth", file.display());
            let modules = imported_modules(&code);
            let found: Vec<_> = USE_CASES.iter().filter(|module| modules.contains(**module)).collect();
            assert!(found.is_empty(), "{} names {found:?}", file.display());
        }
    }
    assert!(count >= 35, "{count}");
}

#[test]
fn only_auth_core_implements_anything_on_auth() {
    for file in files(&Path::new(ROOT).join("crates"), "rs") {
        let text = fs::read_to_string(&file).unwrap();
        let is_here = text.lines().any(|line| line.starts_with("impl") && line.ends_with(" Auth {"));
        assert!(!is_here || file.to_string_lossy().contains("auth-core/"), "{}", file.display());
    }
}

#[test]
fn imports_of_both_forms_are_found() {
    let code = "use crate::{\n    ServiceError, login::{a, b::c},\n    throttle::Attempt,\n};\nlet x = crate::account::y();";
    let expected = ["ServiceError", "account", "login", "throttle"].map(str::to_owned);
    assert_eq!(imported_modules(code), BTreeSet::from(expected));
}

/// The anchor of a heading, as web views of repositories make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.chars()
        .filter(|character| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_'))
        .map(|character| if character == ' ' { '-' } else { character })
        .collect()
}

#[test]
fn links_between_documents_lead_to_files_and_headings() {
    let mut broken = Vec::new();
    let mut count = 0;
    for file in files(Path::new(ROOT), "md") {
        let text = fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            let has_heading = || {
                let target = fs::read_to_string(&target).unwrap_or_default();
                target.lines().any(|line| line.starts_with('#') && anchor(line) == heading)
            };
            if !target.exists() || !(heading.is_empty() || has_heading()) {
                broken.push(format!("{}: {link}", file.display()));
            }
        }
    }
    assert_eq!(broken, [""; 0]);
    assert!(count >= 80, "{count}");
}
