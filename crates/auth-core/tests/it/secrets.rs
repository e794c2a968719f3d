use std::fs;

use test_servers::{Kind, kind};

use crate::support::{ADA, PASSWORD, World, email};

/// asvs 6.5.2, 7.2.3: no value in a stolen database logs anyone in.
#[tokio::test]
async fn the_database_file_holds_no_password_and_no_token() {
    if kind() != Kind::Sqlite {
        return;
    }
    let world = World::new().await;
    let session = world.logged_in(ADA).await.expose();
    let reset = world.auth.issue_reset_token(&email(ADA)).await.unwrap().expose();
    world.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;

    let mut bytes = Vec::new();
    for file in fs::read_dir(world.database.folder()).unwrap() {
        bytes.extend(fs::read(file.unwrap().path()).unwrap());
    }

    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(holds(ADA.as_bytes()), "the search would find what is there");
    for secret in [PASSWORD, session.as_str(), reset.as_str()] {
        assert!(!holds(secret.as_bytes()), "{secret}");
        let bits: Vec<u8> = secret
            .replace('-', "")
            .as_bytes()
            .chunks_exact(2)
            .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        assert!(bits.len() != 16 || !holds(&bits), "the bits of {secret}");
    }
}
