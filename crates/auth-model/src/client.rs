//! Who is at the other end of a request, as far as we keep it.

use std::net::IpAddr;

/// How much of a user agent is kept, in bytes (ASVS 1.3.3: bounded before it is stored).
pub const MAX_USER_AGENT_BYTES: usize = 256;

/// What is known of the program that makes a request: kept with the session it opens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// What the program calls itself: at most [`MAX_USER_AGENT_BYTES`], no control characters.
    user_agent: Option<String>,
}

impl Client {
    /// Takes what a request tells of its sender; a long user agent is cut, control characters are dropped.
    #[must_use]
    pub fn new(address: Option<IpAddr>, user_agent: Option<&str>) -> Self {
        let user_agent = user_agent.map(|text| {
            let mut kept: String = text.chars().filter(|c| !c.is_control()).collect();
            kept.truncate(kept.floor_char_boundary(MAX_USER_AGENT_BYTES));
            kept
        });
        Self { address, user_agent }
    }

    /// What the program calls itself.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_user_agent_is_cut_between_characters_and_loses_its_control_characters() {
        let client = Client::new(None, Some(&format!("a\r\nb{}", "é".repeat(200))));

        let kept = client.user_agent().unwrap();
        assert!(kept.starts_with("abé"));
        assert_eq!(kept.len(), 256);
    }
}
