//! Points at which a test lets other tasks go first.

use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, oneshot};

/// Stops every task that reaches a point, while it is enabled.
#[derive(Clone, Default)]
pub struct SyncPoints(Arc<Mutex<Option<Enabled>>>);

#[derive(Clone, Default)]
struct Enabled {
    stopped: Arc<Mutex<Option<Stopped>>>,
    arrived: Arc<Notify>,
}

/// A task that is stopped at a point.
pub struct Stopped {
    pub before: &'static str,
    pub resume: oneshot::Sender<()>,
}

impl SyncPoints {
    pub fn enable(&self) {
        *self.0.lock().unwrap() = Some(Enabled::default());
    }

    pub fn disable(&self) {
        *self.0.lock().unwrap() = None;
    }

    pub async fn reach(&self, before: &'static str) {
        let Some(enabled) = self.0.lock().unwrap().clone() else { return };
        let (resume, resumed) = oneshot::channel();
        *enabled.stopped.lock().unwrap() = Some(Stopped { before, resume });
        enabled.arrived.notify_one();
        let _ = resumed.await;
    }

    /// Waits until a task reaches a point. As long as one task runs at a time, the test knows which one it is.
    pub async fn arrival(&self) -> Stopped {
        let enabled = self.0.lock().unwrap().clone().expect("the points are enabled");
        loop {
            if let Some(stopped) = enabled.stopped.lock().unwrap().take() {
                return stopped;
            }
            enabled.arrived.notified().await;
        }
    }
}
