//! What administrators do on the command line.

use crate::support::{ADA, Output, PASSWORD, Server, run};

/// A command on the database of a running server.
fn command(server: &Server, arguments: &[&str]) -> Output {
    let data = server.folder.path().join("data");
    let url = server.url();
    let mut settings = vec![("AUTH_DATA_DIR", data.to_str().unwrap())];
    if !url.is_empty() {
        settings.push(("AUTH_DATABASE_URL", &url));
    }
    run(arguments, &settings)
}

fn good(server: &Server, arguments: &[&str]) -> String {
    let output = command(server, arguments);
    assert_eq!(output.code, 0, "{arguments:?}: {}", output.stderr);
    output.stdout
}

fn bad(server: &Server, arguments: &[&str]) -> String {
    let output = command(server, arguments);
    assert_eq!(output.code, 1, "{arguments:?}: {}", output.stdout);
    output.stderr
}

const ADA_IS: &str = "email=ada@example.org";

/// asvs 6.3.2: there are no default accounts.
#[tokio::test]
async fn users_are_found_by_their_fields() {
    let server = Server::start();
    assert!(bad(&server, &["user", "find", "id=1"]).contains("no such user"));
    server.client().register(ADA).await;

    let found = good(&server, &["user", "find", "email=ADA@example.org."]);
    assert!(found.starts_with("id=1 email=ada@example.org state=enabled created_at="), "{found}");
    assert!(!found.contains("$2b$"), "{found}");
    assert_eq!(good(&server, &["user", "find", "id=1", ADA_IS]), found);
    assert!(bad(&server, &["user", "find", "id=2"]).contains("no such user"));
    assert!(bad(&server, &["user", "find", "name=ada"]).contains("unknown field `name`"));
    assert!(bad(&server, &["user", "find"]).contains("no field is given"));
}

/// With closed registration.
#[tokio::test]
async fn an_administrator_makes_an_account_and_its_owner_sets_the_password() {
    let server = Server::with(&[("AUTH_REGISTRATION", "closed")]);
    let client = server.client();
    let refused = client.register(ADA).await;
    assert_eq!((refused.status, refused.body.as_str()), (403, r#"{"message":"registration is closed"}"#));

    let added = good(&server, &["user", "add", ADA]);
    assert!(added.starts_with("id=1 email=ada@example.org state=enabled created_at=20"), "{added}");
    let token = added.trim_end().rsplit(' ').next().unwrap();
    assert_eq!(client.log_in(ADA, PASSWORD).await.status, 401);
    assert_eq!(client.reset(ADA, token, PASSWORD).await.status, 200);
    assert_eq!(client.log_in(ADA, PASSWORD).await.status, 200);
    assert!(bad(&server, &["user", "add", "ADA@example.org"]).contains("already exists"));
    assert!(bad(&server, &["user", "add", "ada"]).contains("such as ada@example.org"));
}

/// asvs 6.5.6, 7.4.2
#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_may_come_back() {
    let server = Server::start();
    let client = server.client();
    let cookie = client.logged_in(ADA).await;

    good(&server, &["user", "disable", ADA_IS]);
    while client.profile(&cookie).await.status == 200 {}
    assert_eq!(client.log_in(ADA, PASSWORD).await.status, 401);
    assert!(good(&server, &["user", "find", ADA_IS]).contains("state=disabled"));
    assert!(bad(&server, &["user", "reset", ADA_IS]).contains("is disabled"));

    good(&server, &["user", "enable", ADA_IS]);
    assert_eq!(client.log_in(ADA, PASSWORD).await.status, 200);
    assert_eq!(client.profile(&cookie).await.status, 403);
}

/// asvs 6.4.6: a token for the owner, and no way to choose a password.
#[tokio::test]
async fn an_administrator_starts_a_reset_and_chooses_no_password() {
    let server = Server::start();
    let client = server.client();
    client.register(ADA).await;

    let output = good(&server, &["user", "reset", ADA_IS]);
    let token = output.trim().rsplit(' ').next().unwrap();
    assert_eq!(client.reset(ADA, token, "t4rt1fl3tt3").await.status, 200);

    let help = good(&server, &["user", "--help"]);
    assert!(!help.to_lowercase().contains("set-password") && !help.contains("--password "), "{help}");
}

/// asvs 2.3.5
#[tokio::test]
async fn what_can_not_be_undone_wants_to_be_confirmed() {
    let server = Server::start();
    let client = server.client();
    let cookie = client.logged_in(ADA).await;

    assert!(bad(&server, &["user", "delete", ADA_IS]).contains("confirm with --yes"));
    assert!(bad(&server, &["session", "end-all", "--of-all-users"]).contains("confirm with --yes"));
    assert_eq!(client.profile(&cookie).await.status, 200);

    good(&server, &["user", "delete", ADA_IS, "--yes"]);
    while client.profile(&cookie).await.status == 200 {}
    assert_eq!(client.register(ADA).await.status, 200);
}

/// asvs 7.4.5
#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_by_user_or_all() {
    let server = Server::start();
    let client = server.client();
    let first = client.logged_in(ADA).await;
    let second = client.log_in(ADA, PASSWORD).await.cookie();
    let eve = client.logged_in("eve@example.org").await;

    let listed = good(&server, &["session", "list", ADA_IS]);
    assert_eq!(listed.lines().count(), 2);
    let newest = listed.split(' ').next().unwrap();
    good(&server, &["session", "end", newest]);
    while client.profile(&second).await.status == 200 {}
    assert_eq!(client.profile(&first).await.status, 200);
    assert!(bad(&server, &["session", "end", newest]).contains("there is no session"));

    assert!(good(&server, &["session", "end-all", ADA_IS]).starts_with("1 sessions of user 1"));
    while client.profile(&first).await.status == 200 {}
    assert_eq!(client.profile(&eve).await.status, 200);
    assert!(good(&server, &["session", "end-all", "--of-all-users", "--yes"]).starts_with("1 sessions"));
    while client.profile(&eve).await.status == 200 {}
}

/// asvs 6.2.12: with the documented commands, from the list to the refusal.
#[tokio::test]
async fn a_filter_of_breached_passwords_is_built_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (plain, hashes, filter) = (path("plain"), path("hashes"), path("filter"));
    std::fs::write(&plain, "t4rt1fl3tt3\r\nanother one\n\n").unwrap();
    // SHA-1 of the first, as it is published.
    std::fs::write(&hashes, "327CBA3B6637E220C1C05E9A8BFCB6FBED3DEF55:7\n").unwrap();

    for (input, further, count) in [(&plain, None, 2), (&hashes, Some("--hashes"), 1)] {
        let arguments = ["denylist", "build", "--input", input, "--output", &filter];
        let built = run(&arguments.into_iter().chain(further).collect::<Vec<_>>(), &[]);
        assert!(
            built.stdout.starts_with(&format!("{count} passwords in ")),
            "{}{}",
            built.stdout,
            built.stderr
        );
        let server = Server::with(&[("AUTH_PASSWORD_DENYLIST", &filter)]);
        let refused = server.client().post("/users", &[("email", ADA), ("password", "t4rt1fl3tt3")]).await;
        assert_eq!((refused.status, refused.body.contains("password is too common")), (400, true));
        assert_eq!(server.client().register(ADA).await.status, 200);
    }

    let no_hashes = run(&["denylist", "build", "--hashes", "--input", &plain, "--output", &filter], &[]);
    assert!(
        no_hashes.code == 1 && no_hashes.stderr.contains("line 1 does not begin"),
        "{}",
        no_hashes.stderr
    );
}
