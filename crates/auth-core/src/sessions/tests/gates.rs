//! Points at which a test lets others go first.

use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, oneshot};

/// Holds whoever passes a point, once it is closed.
#[derive(Clone, Default)]
pub struct Gates(Arc<Mutex<Option<Closed>>>);

#[derive(Clone, Default)]
struct Closed {
    held: Arc<Mutex<Option<Held>>>,
    arrived: Arc<Notify>,
}

/// Somebody who waits at a point.
pub struct Held {
    pub before: &'static str,
    pub released: oneshot::Sender<()>,
}

impl Gates {
    pub fn close(&self) {
        *self.0.lock().unwrap() = Some(Closed::default());
    }

    pub fn open(&self) {
        *self.0.lock().unwrap() = None;
    }

    pub async fn pause(&self, before: &'static str) {
        let Some(closed) = self.0.lock().unwrap().clone() else { return };
        let (sender, released) = oneshot::channel();
        *closed.held.lock().unwrap() = Some(Held { before, released: sender });
        closed.arrived.notify_one();
        let _ = released.await;
    }

    /// Waits until somebody arrives. As long as one runs at a time, it is known who that is.
    pub async fn arrival(&self) -> Held {
        let closed = self.0.lock().unwrap().clone().expect("the gates are closed");
        loop {
            if let Some(held) = closed.held.lock().unwrap().take() {
                return held;
            }
            closed.arrived.notified().await;
        }
    }
}
