//! Dependencies between the modules of auth-core, and implementations on `Auth`.
#![expect(clippy::unwrap_used, reason = "a failing test should show where")]

mod sources;

use std::{collections::BTreeSet, fs, path::Path};

use sources::{ROOT, files};

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

/// The maximum numbers of lines of a file, of a file of tests, and of a function.
const MAX_LINES: [usize; 3] = [300, 400, 45];

/// The functions of a formatted file that are too long, with their numbers of lines.
fn long_functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut long = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let is_function =
            ["fn ", "pub fn ", "async fn ", "pub async fn ", "pub(super) fn ", "pub(crate) fn "]
                .iter()
                .any(|begin| code.starts_with(begin));
        if !is_function || code.ends_with(';') || code.ends_with('}') {
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let length = lines[start..].iter().position(|line| *line == end).map_or(0, |count| count + 1);
        if length > MAX_LINES[2] {
            long.push((code.to_owned(), length));
        }
    }
    long
}

#[test]
fn files_and_functions_are_short() {
    let mut count = 0;
    for folder in ["crates", "migrations", "bench", "test-servers", "e2e"] {
        for file in files(&Path::new(ROOT).join(folder), "rs") {
            count += 1;
            let text = fs::read_to_string(&file).unwrap();
            let is_test = file.components().any(|part| part.as_os_str() == "tests");
            let max = MAX_LINES[usize::from(is_test)];
            let lines = text.lines().count();
            assert!(lines <= max, "{} has {lines} lines", file.display());
            assert_eq!(long_functions(&text), [], "{}", file.display());
        }
    }
    assert!(count >= 300, "{count}");
}

#[test]
fn a_long_function_is_found() {
    let body = "        step();\n".repeat(44);
    let text =
        format!("impl Auth {{\n    fn long(&self) {{\n{body}    }}\n    fn short(&self) {{\n    }}\n}}\n");
    assert_eq!(long_functions(&text), [("fn long(&self) {".to_owned(), 46)]);
}
