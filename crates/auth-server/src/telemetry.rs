//! The log, on stderr.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use tracing_subscriber::{Layer, Registry, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    log_writer::LOG,
    settings::{LogFormat, LogSettings},
};

/// Starts the log of the process.
pub fn start(settings: &LogSettings) -> anyhow::Result<()> {
    let layer = fmt::layer().with_writer(|| &LOG);
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match settings.format {
        LogFormat::Text => layer.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(settings.filter.clone())).try_init()?;
    Ok(())
}

/// Writes the queued lines every second, and logs the number of dropped ones.
pub async fn flush_log() {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        second.tick().await;
        let dropped = LOG.flush();
        if dropped > 0 {
            tracing::warn!(
                dropped,
                "lines of the log were dropped, because the reader of standard error is too slow"
            );
        }
    }
}
