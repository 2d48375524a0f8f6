use std::time::Duration;

/// How long and how often a source is tried, whatever the order says. Tests shrink them.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Looking up the name, connecting and the TLS handshake, together.
    pub connect: Duration,
    /// The longest wait for an answer.
    pub answer: Duration,
    /// The most that [`ays_model::Network::stall_seconds`] may be.
    pub stall: Duration,
    /// The most that [`ays_model::Network::tries`] may be; a try that brought [`Limits::progress`] bytes does not count.
    pub tries: u32,
    /// How often a source is tried, progress or not.
    pub most_tries: u32,
    /// New bytes that make a try one that does not count.
    pub progress: u64,
    /// The pause after the first failed try; it doubles with every further one, up to 5 s, with up to a half on top.
    pub pause: Duration,
    /// How long libvirt may take to name its storage pools, and how long to refresh one.
    pub libvirt: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(20),
            stall: Duration::from_secs(3600),
            tries: 100,
            most_tries: 100,
            progress: 1 << 20,
            pause: Duration::from_millis(200),
            libvirt: Duration::from_secs(5),
        }
    }
}
