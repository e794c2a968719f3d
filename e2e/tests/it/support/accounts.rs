//! Accounts that are registered and reset until something breaks, and what must be true of them afterwards.

use std::{
    mem,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use reqwest::Method;
use tokio::{sync::watch, task::JoinHandle};

use super::{Client, PASSWORD};

const NEW: &str = "t4rt1fl3tt3";

/// How far an account came, by what was acknowledged.
#[derive(Debug, Clone)]
pub enum Stage {
    Registered,
    LoggedIn {
        cookie: String,
    },
    /// A reset was sent, and its result is unknown.
    Resetting {
        cookie: String,
    },
    Reset {
        cookie: String,
    },
}

#[derive(Debug, Clone)]
pub struct Account {
    pub address: String,
    pub stage: Stage,
}

/// What became of a load.
#[derive(Default)]
pub struct Outcome {
    /// As far as they came; without those whose registration was not acknowledged.
    pub accounts: Vec<Account>,
    /// Requests that did not succeed, and why.
    pub failures: Vec<String>,
}

/// Clients that register, log in and reset without pause, each one account after the other, until they are
/// stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    outcome: Arc<Mutex<Outcome>>,
    /// How many accounts have come as far as they come.
    came: watch::Receiver<usize>,
    tasks: Vec<JoinHandle<()>>,
}

/// Numbers accounts.
static ACCOUNTS: AtomicU64 = AtomicU64::new(0);

impl Load {
    pub fn start(client: &Client) -> Self {
        let (stop, outcome) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let (sender, came) = watch::channel(0);
        let tasks = (0..8).map(|_| {
            let run = run(client.clone(), Arc::clone(&stop), Arc::clone(&outcome), sender.clone());
            tokio::spawn(run)
        });
        Self { tasks: tasks.collect(), stop, outcome, came }
    }

    /// Waits until a number of further accounts are complete.
    pub async fn more(&mut self, accounts: usize) {
        let enough = *self.came.borrow() + accounts;
        self.came.wait_for(|came| *came >= enough).await.expect("the load goes on");
    }

    pub async fn end(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        mem::take(&mut *self.outcome.lock().unwrap())
    }
}

async fn run(
    client: Client,
    stop: Arc<AtomicBool>,
    outcome: Arc<Mutex<Outcome>>,
    came: watch::Sender<usize>,
) {
    while !stop.load(Ordering::Relaxed) {
        let number = ACCOUNTS.fetch_add(1, Ordering::Relaxed);
        let (account, failure) = one(&client, format!("user{number}@example.org")).await;
        came.send_modify(|came| *came += usize::from(account.is_some()));
        let mut outcome = outcome.lock().unwrap();
        outcome.accounts.extend(account);
        outcome.failures.extend(failure);
    }
}

/// Takes one account as far as it gets; none if not even its registration was acknowledged. With what stopped it.
async fn one(client: &Client, address: String) -> (Option<Account>, Option<String>) {
    let send = async |method: Method, path, fields: &[(&str, &str)]| {
        let request = client.request(method.clone(), path).form(fields);
        match Client::try_send(request).await {
            Ok(answer) if answer.status == 200 => Ok(answer),
            Ok(answer) => Err(format!("{method} {path}, {address}: {} {}", answer.status, answer.body)),
            Err(error) => Err(format!("{method} {path}, {address}: {error:?}")),
        }
    };
    let credentials = [("email", address.as_str()), ("password", PASSWORD)];
    let account = |stage| Some(Account { address: address.clone(), stage });

    if let Err(failure) = send(Method::POST, "/users", &credentials).await {
        return (None, Some(failure));
    }
    let cookie = match send(Method::POST, "/sessions", &credentials).await {
        Ok(answer) => answer.cookie(),
        Err(failure) => return (account(Stage::Registered), Some(failure)),
    };
    let token = match send(Method::POST, "/reset_password", &credentials[..1]).await {
        Ok(answer) => answer.json()["reset_token"].as_str().unwrap().to_owned(),
        Err(failure) => return (account(Stage::LoggedIn { cookie }), Some(failure)),
    };
    let fields = [("email", address.as_str()), ("reset_token", &token), ("new_password", NEW)];
    match send(Method::PUT, "/reset_password", &fields).await {
        Ok(_) => (account(Stage::Reset { cookie }), None),
        Err(failure) => (account(Stage::Resetting { cookie }), Some(failure)),
    }
}

/// Acknowledged writes.
pub fn acknowledged(accounts: &[Account]) -> usize {
    let writes = |account: &Account| match account.stage {
        Stage::Registered => 1,
        Stage::LoggedIn { .. } => 2,
        Stage::Resetting { .. } => 3,
        Stage::Reset { .. } => 4,
    };
    accounts.iter().map(writes).sum()
}

/// What was acknowledged and is not so, or was half done.
pub async fn violations(client: &Client, accounts: &[Account]) -> Vec<String> {
    let mut all = Vec::new();
    for some in accounts.chunks(8) {
        let checks: Vec<_> = some
            .iter()
            .cloned()
            .map(|account| {
                let client = client.clone();
                tokio::spawn(async move { violation(&client, &account).await })
            })
            .collect();
        for check in checks {
            all.extend(check.await.unwrap());
        }
    }
    all
}

async fn violation(client: &Client, account: &Account) -> Option<String> {
    let logs_in = async |password| client.log_in(&account.address, password).await.status == 200;
    let is_active = async |cookie: &str| client.profile(cookie).await.status == 200;
    let (stage, old_works, new_works) = (&account.stage, logs_in(PASSWORD).await, logs_in(NEW).await);
    let is_right = match stage {
        Stage::Registered => old_works && !new_works,
        Stage::LoggedIn { cookie } => old_works && !new_works && is_active(cookie).await,
        // Carried out or not, but wholly: the session lives exactly as long as the old password.
        Stage::Resetting { cookie } => old_works != new_works && is_active(cookie).await == old_works,
        Stage::Reset { cookie } => new_works && !old_works && !is_active(cookie).await,
    };
    let shown = || format!("{account:?}: old password {old_works}, new password {new_works}");
    (!is_right).then(shown)
}

/// Accounts of which something is claimed that is not so: the check must find each of them.
pub async fn false_claims(client: &Client) -> Vec<Account> {
    let number = ACCOUNTS.fetch_add(1, Ordering::Relaxed);
    let address = format!("twin{number}@example.org");
    let cookie = client.logged_in(&address).await;
    let dead = "session_id=00112233-4455-6677-8899-aabbccddeeff".to_owned();
    let never = Account { address: format!("never{number}@example.org"), stage: Stage::Registered };
    let claim = |stage| Account { address: address.clone(), stage };
    vec![
        never,
        claim(Stage::LoggedIn { cookie: dead.clone() }),
        claim(Stage::Reset { cookie }),
        claim(Stage::Resetting { cookie: dead }),
    ]
}
