//! Many checks at once without a cache: what waits is looked up together.

use std::time::Duration;

use auth_db::model::SessionToken;
use sea_orm::ConnectionTrait;

use super::world::{World, clock, email, new_password, policy};
use crate::{Auth, RequestContext};

const USERS: usize = 40;

async fn with_sessions(world: &World) -> (Auth, Vec<SessionToken>) {
    let auth = world.start(&clock(), policy(3), 0);
    let mut tokens = Vec::new();
    for user in 0..USERS {
        auth.create_user(email(user), new_password(0)).await.unwrap();
        tokens.push(
            auth.open_session_without_password(&email(user), &RequestContext::default())
                .await
                .unwrap()
                .unwrap()
                .token,
        );
    }
    (auth, tokens)
}

/// Whose session each token is, asked at once; `None` for an error.
async fn ask_all(auth: &Auth, tokens: &[SessionToken]) -> Vec<Option<Option<String>>> {
    let checks: Vec<_> = tokens
        .iter()
        .map(|token| {
            let (auth, token) = (auth.clone(), token.clone());
            tokio::spawn(async move { auth.authenticate(&token).await })
        })
        .collect();
    let mut answers = Vec::new();
    for check in checks {
        let answer = check.await.unwrap().ok();
        answers.push(answer.map(|found| found.map(|current| current.email.as_str().to_owned())));
    }
    answers
}

#[tokio::test]
async fn each_of_many_checks_at_once_gets_its_own_answer() {
    let world = World::new().await;
    let (auth, mut tokens) = with_sessions(&world).await;
    tokens.push(SessionToken::from_bits([1; 16]));
    tokens.push(tokens[0].clone());

    for _ in 0..5 {
        let answers = ask_all(&auth, &tokens).await;

        for (user, answer) in answers[..USERS].iter().enumerate() {
            assert_eq!(answer, &Some(Some(email(user).as_str().to_owned())));
        }
        assert_eq!(answers[USERS], Some(None), "of no user");
        assert_eq!(answers[USERS + 1], answers[0], "the same again");
    }
}

#[tokio::test]
async fn a_damaged_row_fails_its_own_check_and_no_other() {
    let world = World::new().await;
    let (auth, tokens) = with_sessions(&world).await;
    let damage =
        "UPDATE sessions SET expires_at = 9223372036854775807 WHERE user_id = (SELECT max(id) FROM users)";
    world.db.for_migrations().execute_unprepared(damage).await.unwrap();

    let answers = ask_all(&auth, &tokens).await;

    assert_eq!(answers[USERS - 1], None);
    assert!(answers[..USERS - 1].iter().all(|answer| matches!(answer, Some(Some(_)))));
}

#[tokio::test]
async fn cancelled_checks_delay_no_others() {
    let world = World::new().await;
    let (auth, tokens) = with_sessions(&world).await;
    for round in 0..20 {
        let abandoned: Vec<_> = tokens
            .iter()
            .map(|token| {
                let (auth, token) = (auth.clone(), token.clone());
                tokio::spawn(async move { auth.authenticate(&token).await.map(drop) })
            })
            .collect();
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        for check in &abandoned {
            check.abort();
        }

        let answers = tokio::time::timeout(Duration::from_mins(1), ask_all(&auth, &tokens)).await;
        assert!(answers.unwrap().iter().all(|answer| matches!(answer, Some(Some(_)))));
    }
}
