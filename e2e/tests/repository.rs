//! Tests of the repository itself: which crate may know which, licences, versions that occur twice.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failing test should show where")]

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::LazyLock,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let host = host();
    let options = ["--filter-platform".to_owned(), host];
    MetadataCommand::new()
        .manifest_path(workspace)
        .other_options(options)
        .exec()
        .expect("cargo metadata runs")
});

/// What may name what of ours. Arrows point down one step; the binary puts everything together.
const ARROWS: [(&str, &[&str]); 11] = [
    ("auth-model", &[]),
    ("auth-db", &["auth-model"]),
    ("auth-core", &["auth-db", "bcrypt-lanes", "thread-slice"]),
    ("auth-http", &["auth-core"]),
    ("auth-server", &["auth-core", "auth-db", "auth-http", "auth-migrations", "thread-slice"]),
    ("auth-migrations", &[]),
    ("bcrypt-lanes", &[]),
    ("thread-slice", &[]),
    ("e2e", &[]),
    // Leaves: a floor beside the logins, and clients that do not wait for hashes.
    ("bench", &["bcrypt-lanes", "test-servers", "thread-slice"]),
    ("test-servers", &[]),
];

/// Of others' crates, what each of ours must not name, for its users' or its layer's sake.
const NEVER: [(&str, &[&str]); 5] = [
    ("auth-model", &["sea-orm", "sqlx", "actix-web", "tokio", "tracing", "getrandom", "anyhow"]),
    ("auth-db", &["actix-web", "getrandom", "anyhow", "serde_json"]),
    ("auth-core", &["sea-orm", "sqlx", "actix-web", "anyhow", "serde"]),
    ("auth-http", &["sea-orm", "sqlx", "bcrypt-lanes", "argon2", "anyhow"]),
    ("auth-migrations", &["actix-web", "anyhow"]),
];

/// The rules for dependencies in `deny.toml`.
static RULES: LazyLock<toml::Table> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deny.toml");
    std::fs::read_to_string(path).expect("deny.toml exists").parse().expect("deny.toml is TOML")
});

/// The licences that are allowed.
fn allowed_licences() -> Vec<&'static str> {
    RULES["licenses"]["allow"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

/// The crates that may be in the binary twice, with the reason.
fn allowed_duplicates() -> BTreeMap<&'static str, &'static str> {
    let entries = RULES["bans"]["skip"].as_array().unwrap();
    entries.iter().map(|it| (it["crate"].as_str().unwrap(), it["reason"].as_str().unwrap())).collect()
}

fn host() -> String {
    let version = rustc_version();
    version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

#[expect(clippy::disallowed_methods, reason = "the compiler prints the target")]
fn rustc_version() -> String {
    let output = std::process::Command::new("rustc").arg("-vV").output().expect("rustc runs");
    String::from_utf8(output.stdout).unwrap()
}

fn ours() -> Vec<&'static Package> {
    METADATA.workspace_packages()
}

fn names(package: &Package, kinds: &[DependencyKind]) -> BTreeSet<&'static str> {
    let package = ours().into_iter().find(|found| found.id == package.id).unwrap();
    package
        .dependencies
        .iter()
        .filter(|dependency| kinds.contains(&dependency.kind))
        .map(|dependency| dependency.name.as_str())
        .collect()
}

#[test]
fn every_crate_names_only_the_layer_below_it() {
    let known: BTreeSet<&str> = ours().into_iter().map(|package| package.name.as_str()).collect();
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.into();
    assert_eq!(known, arrows.keys().copied().collect(), "each crate has its place");

    for package in ours() {
        let named = names(package, &[DependencyKind::Normal, DependencyKind::Build]);
        let named: BTreeSet<&str> = named.intersection(&known).copied().collect();
        let allowed: BTreeSet<&str> = arrows[package.name.as_str()].iter().copied().collect();
        assert!(named.is_subset(&allowed), "{} names {named:?}", package.name);
    }
}

#[test]
fn tests_reach_no_further_than_the_layers_and_the_schema() {
    for package in ours() {
        let allowed = match package.name.as_str() {
            "auth-db" | "auth-core" => &["auth-migrations", "test-servers"] as &[&str],
            "auth-http" => &["auth-migrations", "auth-db"],
            "e2e" => &["test-servers"],
            _ => &[],
        };
        let known: HashSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
        let named = names(package, &[DependencyKind::Development]);
        let named: Vec<_> = named.into_iter().filter(|name| known.contains(name)).collect();
        assert!(named.iter().all(|name| allowed.contains(name)), "{} names {named:?}", package.name);
    }
}

#[test]
fn no_crate_names_what_belongs_to_another_layer() {
    for (name, never) in NEVER {
        let package = ours().into_iter().find(|package| package.name == name).unwrap();
        let named = names(package, &[DependencyKind::Normal, DependencyKind::Build]);
        let found: Vec<_> = never.iter().filter(|never| named.contains(*never)).collect();
        assert!(found.is_empty(), "{name} names {found:?}");
    }
}

/// asvs 15.1.2, 15.2.4: what we build on comes from the public registry, under a licence that we can pass on.
#[test]
fn every_dependency_has_a_licence_that_asks_for_no_more_than_a_notice() {
    let licences = allowed_licences();
    for package in &METADATA.packages {
        let licence = package.license.as_deref().unwrap_or_else(|| panic!("{} has none", package.name));
        // The older way to write "or".
        let expression = spdx::Expression::parse(&licence.replace('/', " OR ")).expect(licence);
        let allowed = expression
            .evaluate(|requirement| requirement.license.id().is_some_and(|id| licences.contains(&id.name)));
        assert!(allowed, "{} {}: {licence}", package.name, package.version);
        let from_registry =
            package.source.as_ref().is_some_and(|source| source.repr.starts_with("registry+"));
        let of_ours = METADATA.workspace_members.contains(&package.id);
        assert!(from_registry || of_ours, "{} comes from {:?}", package.name, package.source);
    }
}

#[test]
fn no_crate_is_in_the_binary_twice_without_a_reason() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, version) in built_into(&["--package", "auth-server"]) {
        versions.entry(name).or_default().insert(version);
    }
    assert!(versions.len() > 100, "the list is that of a whole program");

    let reasons = allowed_duplicates();
    let twice: BTreeMap<_, _> = versions.into_iter().filter(|(_, versions)| versions.len() > 1).collect();
    let unexplained: Vec<_> = twice.iter().filter(|(name, _)| !reasons.contains_key(name.as_str())).collect();
    assert!(unexplained.is_empty(), "{unexplained:?}");
    for (name, reason) in reasons {
        let is_of_build = reason.starts_with("build: ");
        assert!(is_of_build || twice.contains_key(name), "{name} occurs once: remove it from deny.toml");
    }
}

/// What ends up in a binary or library, as `name version`: what it is built of with the features that are on, less what
/// only runs at build time. `cargo metadata` also lists what is off, so `cargo tree` is used.
#[expect(clippy::disallowed_methods, reason = "cargo prints what it builds")]
fn built_into(selection: &[&str]) -> BTreeSet<(String, String)> {
    let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
    let output = std::process::Command::new(cargo)
        .args(["tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"])
        .args(selection)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    let name_and_version = |line: &str| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    listed.lines().filter_map(name_and_version).collect()
}

#[test]
fn every_library_can_be_published_and_tried_out() {
    for package in ours() {
        if package.publish == Some(Vec::new()) {
            continue;
        }
        let folder = package.manifest_path.parent().unwrap();
        assert!(package.description.as_ref().is_some_and(|text| text.len() > 20), "{}", package.name);
        let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(readme.starts_with(&format!("# {}\n", package.name)), "{}", package.name);
        assert!(package.documentation.is_some() && package.repository.is_some(), "{}", package.name);
        assert!(package.readme.is_some(), "{}", package.name);
        for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
            // A link to the one of the repository, which a package gets as a file.
            assert!(
                std::fs::metadata(folder.join(licence)).is_ok_and(|it| it.len() > 500),
                "{}: {licence}",
                package.name
            );
        }
        let is_a_layer = package.name.starts_with("auth-")
            && !["auth-server", "auth-migrations"].contains(&package.name.as_str());
        let has_example = package.targets.iter().any(cargo_metadata::Target::is_example);
        assert!(has_example || !is_a_layer, "{} has no example", package.name);
        let default = package.features.get("default");
        assert!(
            default.is_none_or(|features| *features == ["mariadb", "postgres", "sqlite"]),
            "{}",
            package.name
        );
    }
}

/// A program that embeds the crates does not build the drivers of databases that it does not use.
#[test]
fn features_leave_out_the_drivers_of_other_databases() {
    const DRIVERS: [(&str, &str); 3] =
        [("sqlite", "sqlx-sqlite"), ("postgres", "sqlx-postgres"), ("mariadb", "sqlx-mysql")];
    for (feature, driver) in DRIVERS {
        let packages = ["--package", "auth-http", "--package", "auth-migrations"];
        let built = built_into(&[&packages[..], &["--no-default-features", "--features", feature]].concat());
        let is_built = |driver: &&str| built.iter().any(|(name, _)| name == driver);
        let drivers: Vec<&str> = DRIVERS.map(|(_, driver)| driver).into_iter().filter(is_built).collect();
        assert_eq!(drivers, [driver], "with the feature `{feature}`");
    }
}
