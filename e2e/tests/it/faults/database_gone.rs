//! The database server is gone for a while.

use std::{
    fs,
    time::{Duration, Instant},
};

use reqwest::Method;
use test_servers::{Kind, Mode, Options, Proxy, kind};
use tokio::{sync::watch, task::JoinHandle};

use super::{amount, report};
use crate::support::{ADA, Answer, Client, PASSWORD, Server};

/// How long a client waits for a refusal. The bound is 3 seconds.
const REFUSED_WITHIN: Duration = Duration::from_secs(9);

/// How long until everything is as before. The bound is 5 seconds.
const BACK_WITHIN: Duration = Duration::from_secs(15);

/// Connections that clients may have opened since.
const CLIENTS: usize = 8;

/// A database that can go, and a service on it.
struct World {
    database: test_servers::Server,
    proxy: Proxy,
    service: Server,
    client: Client,
    cookie: String,
}

impl World {
    async fn new() -> Option<Self> {
        if kind() == Kind::Sqlite {
            return None;
        }
        let database = test_servers::Server::start(kind(), Options::default());
        let proxy = Proxy::start(([127, 0, 0, 1], database.port()).into());
        let url = database.url_by(proxy.port(), &database.new_database().await);
        let service = Server::with(&[
            ("AUTH_DATABASE_URL", &url),
            ("AUTH_DATABASE_MAX_CONNECTIONS", "4"),
            ("AUTH_SESSIONS_PER_USER", "1000"),
        ]);
        let client = service.client();
        let cookie = client.logged_in(ADA).await;
        Some(Self { database, proxy, service, client, cookie })
    }

    /// Files that the service has open.
    fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.service.pid())).unwrap().count()
    }

    /// Cached sessions are trusted for at most another second; three times that here.
    async fn forgets_sessions(&self) {
        let gone = Instant::now();
        while self.client.profile(&self.cookie).await.status == 200 {
            assert!(
                gone.elapsed() < Duration::from_secs(3),
                "a session is accepted that no node can look up"
            );
        }
    }

    /// Unexpected responses while the database is unavailable.
    async fn violations_while_gone(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let (login, healthz, welcome, profile) = tokio::join!(
            answer(self.client.log_in(ADA, PASSWORD)),
            answer(self.client.get("/healthz")),
            answer(self.client.get("/")),
            answer(self.client.profile(&self.cookie)),
        );
        for (name, answer, status) in [
            ("login", login, 503),
            ("/healthz", healthz, 503),
            ("/", welcome, 200),
            ("profile", profile, 503),
        ] {
            match answer {
                None => wrong.push(format!("{name}: no answer in time")),
                Some(answer) if answer.status != status => wrong.push(format!("{name}: {}", answer.status)),
                Some(answer) if status == 503 && answer.header("retry-after").is_none() => {
                    wrong.push(format!("{name}: no Retry-After"));
                }
                Some(_) => {}
            }
        }
        wrong
    }

    /// Until everything is as before.
    async fn is_back(&mut self, files: usize) -> Duration {
        let began = Instant::now();
        loop {
            let login = self.client.log_in(ADA, PASSWORD).await.status;
            let healthz = self.client.get("/healthz").await.status;
            let profile = self.client.profile(&self.cookie).await.status;
            // At most as many connections of clients and to the database as before.
            let open = self.open_files();
            if (login, healthz, profile) == (200, 200, 200) && open <= files + CLIENTS {
                break;
            }
            let state = format!("{login} {healthz} {profile}, {open} files instead of {files}");
            assert!(began.elapsed() < BACK_WITHIN, "{state}: {}", self.service.log());
        }
        assert!(self.service.is_running(), "it was not restarted");
        began.elapsed()
    }
}

async fn answer(asking: impl Future<Output = Answer>) -> Option<Answer> {
    tokio::time::timeout(REFUSED_WITHIN, asking).await.ok()
}

/// Logs in and checks continuously, and counts the responses.
struct Load {
    answers: watch::Receiver<usize>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(world: &World) -> Self {
        let (sender, answers) = watch::channel(0);
        let tasks =
            (0..4).map(|_| tokio::spawn(one(world.client.clone(), world.cookie.clone(), sender.clone())));
        Self { tasks: tasks.collect(), answers }
    }

    /// Waits for a number of further responses.
    async fn more(&mut self, answers: usize) {
        let enough = *self.answers.borrow() + answers;
        self.answers.wait_for(|answers| *answers >= enough).await.expect("the load goes on");
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn one(client: Client, cookie: String, answers: watch::Sender<usize>) {
    loop {
        // It ends with the service, in the middle of things.
        let wrong = [("email", ADA), ("password", "wrong")];
        let _ = Client::try_send(client.request(Method::POST, "/sessions").form(&wrong)).await;
        let check = client.request(Method::GET, "/profile").header("Cookie", &cookie);
        let _ = Client::try_send(check).await;
        answers.send_modify(|answers| *answers += 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unavailable_database_is_reported_in_time_and_found_again() {
    let Some(mut world) = World::new().await else { return };
    let (rounds, lasts) = amount((1, Duration::from_secs(3)), (5, Duration::from_secs(30)));
    // The counterpart: while the database is available, the check finds three unexpected responses.
    assert_eq!(world.violations_while_gone().await.len(), 3);
    let mut load = Load::start(&world);
    // All connections are open, of clients and to the database.
    load.more(400).await;
    let files = world.open_files();
    let (mut wrong, mut slowest, mut asked) = (Vec::new(), Duration::ZERO, 0);
    for _ in 0..rounds {
        for stopped in [false, true] {
            let began = Instant::now();
            if stopped {
                world.database.stop();
            } else {
                world.proxy.set(Mode::BlackHole);
            }
            world.forgets_sessions().await;
            while began.elapsed() < lasts {
                wrong.extend(world.violations_while_gone().await);
                asked += 4;
            }
            if stopped {
                world.database.restart();
            } else {
                world.proxy.set(Mode::Open);
            }
            slowest = slowest.max(world.is_back(files).await);
        }
    }
    drop(load);

    report(&format!(
        "{} times unavailable for {lasts:?}; {asked} requests; back within {slowest:?}",
        rounds * 2
    ));
    assert_eq!(wrong, [""; 0]);
}

/// Connections are reset in the middle of queries: some requests return 503, and nothing else happens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_reset_mid_query_make_nothing_worse_than_503() {
    let Some(mut world) = World::new().await else { return };
    // Another user, whose many logins do not revoke the session that is checked.
    let eve = "eve@example.org";
    assert_eq!(world.client.register(eve).await.status, 200);
    let files = world.open_files();
    let (tell_one, mut good) = watch::channel(0);
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (client, cookie, tell_one) = (world.client.clone(), world.cookie.clone(), tell_one.clone());
            tokio::spawn(async move {
                let mut statuses = Vec::new();
                let began = Instant::now();
                while began.elapsed() < amount(Duration::from_secs(4), Duration::from_secs(30)) {
                    for answer in [client.log_in(eve, PASSWORD).await, client.profile(&cookie).await] {
                        tell_one.send_modify(|good| *good += usize::from(answer.status == 200));
                        statuses.push(answer.status);
                    }
                }
                statuses
            })
        })
        .collect();
    drop(tell_one);
    // Time and again, and always when connections are in use.
    let mut enough = 0;
    while good.wait_for(|good| *good >= enough).await.is_ok() {
        world.proxy.cut();
        enough = *good.borrow() + 40;
    }

    let (mut good, mut refused) = (0, 0);
    for task in tasks {
        for status in task.await.unwrap() {
            match status {
                200 => good += 1,
                503 => refused += 1,
                other => panic!("{other}: {}", world.service.log()),
            }
        }
    }
    report(&format!("connections reset mid-query: {good} answers, {refused} refusals"));
    assert!(good > 0);
    world.is_back(files).await;
}
