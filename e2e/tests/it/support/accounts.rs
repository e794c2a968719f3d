//! Accounts that are registered and reset until something breaks, and what must be true of them afterwards.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::task::JoinHandle;

use crate::support::{Client, PASSWORD};

const NEW: &str = "t4rt1fl3tt3";

/// How far an account came, by what was acknowledged.
#[derive(Debug, Clone)]
pub enum Stage {
    Registered,
    LoggedIn {
        cookie: String,
    },
    /// A reset was sent; whether it was carried out nobody said.
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

/// Clients that register, log in and reset without pause, each one account after the other, until they are
/// told to stop.
pub struct Load {
    stop: Arc<AtomicBool>,
    accounts: Arc<Mutex<Vec<Account>>>,
    tasks: Vec<JoinHandle<()>>,
}

/// Numbers accounts.
static ACCOUNTS: AtomicU64 = AtomicU64::new(0);

impl Load {
    pub fn start(client: &Client) -> Self {
        let (stop, accounts) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let tasks =
            (0..8).map(|_| tokio::spawn(run(client.clone(), Arc::clone(&stop), Arc::clone(&accounts))));
        Self { tasks: tasks.collect(), stop, accounts }
    }

    /// The accounts, as far as they came.
    pub async fn end(self) -> Vec<Account> {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        std::mem::take(&mut *self.accounts.lock().unwrap())
    }
}

async fn run(client: Client, stop: Arc<AtomicBool>, accounts: Arc<Mutex<Vec<Account>>>) {
    while !stop.load(Ordering::Relaxed) {
        let number = ACCOUNTS.fetch_add(1, Ordering::Relaxed);
        if let Some(account) = one(&client, format!("user{number}@example.org")).await {
            accounts.lock().unwrap().push(account);
        } else {
            // Whatever broke takes a moment.
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

/// Takes one account as far as it gets; none if not even its registration was acknowledged.
async fn one(client: &Client, address: String) -> Option<Account> {
    let post = async |path, fields: &[(&str, &str)]| {
        let request = client.request(reqwest::Method::POST, path).form(fields);
        Client::try_send(request).await.ok().filter(|answer| answer.status == 200)
    };
    post("/users", &[("email", &address), ("password", PASSWORD)]).await?;
    let registered = Account { address: address.clone(), stage: Stage::Registered };
    let Some(answer) = post("/sessions", &[("email", &address), ("password", PASSWORD)]).await else {
        return Some(registered);
    };
    let cookie = answer.cookie();
    let Some(answer) = post("/reset_password", &[("email", &address)]).await else {
        return Some(Account { stage: Stage::LoggedIn { cookie }, ..registered });
    };
    let token = answer.json()["reset_token"].as_str()?.to_owned();
    let fields = [("email", address.as_str()), ("reset_token", &token), ("new_password", NEW)];
    let request = client.request(reqwest::Method::PUT, "/reset_password").form(&fields);
    let stage = match Client::try_send(request).await {
        Ok(answer) if answer.status == 200 => Stage::Reset { cookie },
        _ => Stage::Resetting { cookie },
    };
    Some(Account { address, stage })
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
    let is_live = async |cookie: &str| client.profile(cookie).await.status == 200;
    let (stage, old_works, new_works) = (&account.stage, logs_in(PASSWORD).await, logs_in(NEW).await);
    let is_right = match stage {
        Stage::Registered => old_works && !new_works,
        Stage::LoggedIn { cookie } => old_works && !new_works && is_live(cookie).await,
        // Carried out or not, but wholly: the session lives exactly as long as the old password.
        Stage::Resetting { cookie } => old_works != new_works && is_live(cookie).await == old_works,
        Stage::Reset { cookie } => new_works && !old_works && !is_live(cookie).await,
    };
    let told = || format!("{account:?}: old password {old_works}, new password {new_works}");
    (!is_right).then(told)
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
