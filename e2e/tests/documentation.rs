//! Documents compared with each other and with the code: links, examples, warnings.
#![expect(clippy::unwrap_used, reason = "a failing test should show where")]

mod sources;

use std::{fs, path::Path};

use sources::{ROOT, files};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
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

/// The code of an example, without its description.
fn example(path: &str) -> String {
    read(path).split_once("\n\n").unwrap().1.trim_end().to_owned()
}

#[test]
fn the_examples_of_embedding_are_those_that_compile() {
    let document = read("docs/embedding.md");
    let blocks: Vec<&str> =
        document.split("```rust\n").skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect();
    let examples = ["crates/auth-http/examples/diary.rs", "crates/auth-core/examples/with_axum.rs"];
    assert_eq!(blocks, examples.map(example));
}

/// The texts of `warn!` and `error!` in the sources, with `…` for each value.
fn warnings() -> Vec<String> {
    let mut texts = Vec::new();
    for file in files(&Path::new(ROOT).join("crates"), "rs") {
        let code = fs::read_to_string(&file).unwrap();
        let calls = code.split("tracing::warn!(").skip(1).chain(code.split("tracing::error!(").skip(1));
        for call in calls {
            // Field values such as an event's name are single words.
            let quoted = call.split('"').skip(1).step_by(2);
            let text = quoted.into_iter().find(|part| part.contains(' '));
            texts.push(without_values(text.unwrap()));
        }
    }
    texts
}

fn without_values(text: &str) -> String {
    let text = text.split("\\\n").map(str::trim_start).collect::<String>();
    let mut plain = String::new();
    for (index, part) in text.split('{').enumerate() {
        plain += if index == 0 { part } else { part.split_once('}').unwrap().1 };
        plain += "…";
    }
    plain.trim_end_matches('…').to_owned()
}

#[test]
fn every_warning_is_documented_with_its_remedy() {
    let operating = read("docs/operating.md");
    let section = operating.split("## Warnings and errors").nth(1).unwrap().split("\n## ").next().unwrap();
    let documented: Vec<&str> = section.split('`').skip(1).step_by(2).collect();
    let warnings = warnings();
    assert!(warnings.len() >= 35, "{}", warnings.len());
    let is_documented =
        |text: &&String| documented.iter().any(|known| text.starts_with(known.trim_end_matches('…')));
    let missing: Vec<&String> = warnings.iter().filter(|text| !is_documented(text)).collect();
    assert_eq!(missing, [""; 0]);
}
