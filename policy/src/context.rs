//! What a decision may depend on beside the body.

use std::fmt;

use crate::Stats;

/// The headers of a request.
pub trait Headers {
    /// The first value of the header of this lower-case name.
    fn header(&self, name: &str) -> Option<Vec<u8>>;
}

/// No headers at all.
impl Headers for () {
    fn header(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
}

impl<F: Fn(&str) -> Option<Vec<u8>>> Headers for F {
    fn header(&self, name: &str) -> Option<Vec<u8>> {
        self(name)
    }
}

/// What a decision may depend on beside the body.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The request's headers.
    pub headers: &'a dyn Headers,
    /// The time, in milliseconds from any fixed point; answers that need no model are dated as if from 1970.
    pub now_ms: u64,
    /// What has been measured of the models, for the algorithms that choose by it.
    pub stats: Option<&'a Stats>,
    /// A random number, new for each request. Only names answers, and chooses where a document asks for chance.
    pub random: u64,
}

impl Default for Context<'_> {
    fn default() -> Self {
        Context {
            headers: &(),
            now_ms: 0,
            stats: None,
            random: 0,
        }
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("now_ms", &self.now_ms)
            .finish_non_exhaustive()
    }
}

/// The request headers that name a conversation; the first that is present counts.
const SESSION_HEADERS: [&str; 3] = ["x-session-id", "x-conversation-id", "x-claude-code-session-id"];

impl Context<'_> {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<Vec<u8>> {
        self.headers.header(name)
    }

    /// What the client calls the conversation.
    pub(crate) fn session(&self) -> Option<Vec<u8>> {
        SESSION_HEADERS.iter().find_map(|name| self.header(name))
    }
}
